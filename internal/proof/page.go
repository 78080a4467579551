package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The section of the page begins and ends with these lines.
const (
	sectionBegin = "<!-- Written by make proof and make soak from the counters; do not edit. -->"
	sectionEnd   = "<!-- End of what they write. -->"
)

// Page is the page with its section made anew from the latest proof and the
// latest soak. It must have the lines that begin and end the section.
func Page(page string, full, soak Record) (string, error) {
	before, rest, found := strings.Cut(page, sectionBegin+"\n")
	_, after, ended := strings.Cut(rest, sectionEnd+"\n")
	if !found || !ended {
		return "", fmt.Errorf("the page lacks the lines %q and %q", sectionBegin, sectionEnd)
	}
	return before + sectionBegin + "\n\n" + section(full, soak) + "\n" + sectionEnd + "\n" + after, nil
}

func section(full, soak Record) string {
	var b strings.Builder
	b.WriteString("| what was done | bar | latest `make proof` | latest `make soak` |\n|---|---|---|---|\n")
	for _, bar := range Bars {
		f, _ := full.layer(bar)
		s, _ := soak.layer(bar)
		counters := slices.Sorted(maps.Keys(bar.Least))
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", bar.What, told(bar.Least, counters), told(f.Counters, counters), told(s.Counters, counters))
	}
	fmt.Fprintf(&b, "| fault points passed at least %d times | %d | %s | %s |\n", PointHits, Points, points(full), points(soak))
	fmt.Fprintf(&b, "| lost, silent, torn, wrong, or otherwise against an invariant | 0 | %s | %s |\n", violations(full), violations(soak))
	b.WriteString("\n" + about("proof", "proof-latest.json", full) + about("soak", "soak-latest.json", soak))
	return b.String()
}

// told is counters in words; 0 where it was not done.
func told(c Counters, names []string) string {
	var out []string
	for _, name := range names {
		n := "-"
		if v, there := c[name]; there {
			n = grouped(v)
		}
		out = append(out, n+" "+strings.ReplaceAll(name, "_", " "))
	}
	return strings.Join(out, ", ")
}

// grouped writes a number with commas.
func grouped(n uint64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func points(r Record) string {
	n := 0
	for _, passed := range r.Points {
		if passed >= PointHits {
			n++
		}
	}
	return fmt.Sprint(n)
}

func violations(r Record) string {
	if len(r.Layers) == 0 {
		return "-"
	}
	return fmt.Sprint(len(r.Violated()))
}

func about(what, file string, r Record) string {
	if len(r.Layers) == 0 {
		return fmt.Sprintf("There is no record of a %s yet.\n", what)
	}
	a := r.About
	runs := 0
	for _, l := range r.Layers {
		runs += l.Runs
	}
	text := fmt.Sprintf("The latest %s began %s at commit `%s` and took %.0f minutes for %d runs on %d cores (%s, %s), with seed %d; all counters, and the seed of each run, are in [%s](%s).\n",
		what, a.Began, a.Commit, a.Seconds/60, runs, a.Cores, a.System, a.Go, a.Seed, file, file)
	if len(a.Skipped) > 0 {
		text += fmt.Sprintf("Skipped: %s.\n", strings.Join(a.Skipped, "; "))
	}
	if len(a.Failures) > 0 {
		text += fmt.Sprintf("Failed: `%s`.\n", strings.Join(a.Failures, "`; `"))
	}
	return text
}
