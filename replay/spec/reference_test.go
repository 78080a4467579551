package spec

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// fences are the blocks of a page: what stands behind the backticks, and what
// is inside.
var fences = regexp.MustCompile("(?ms)^```([a-z ]*)\n(.*?)^```$")

// S0.32: the reference of the specification is true.
func TestTheExamplesOfTheReferenceAreAsItSays(t *testing.T) {
	page, err := os.ReadFile("../../docs/specification.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	blocks := fences.FindAllStringSubmatch(string(page), -1)
	for i, block := range blocks {
		kind, text := block[1], block[2]
		seen[kind]++
		switch kind {
		case "json event":
			text = withEvent(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "{"), "}"))
			fallthrough
		case "json specification":
			if _, faults, warnings := Parse([]byte(text)); len(faults) > 0 || len(warnings) > 0 {
				t.Errorf("%s\nfaults %v, warnings %v", text, faults, warnings)
			}
		case "json faulty":
			if _, faults, _ := Parse([]byte(text)); joined(faults)+"\n" != blocks[i+1][2] {
				t.Errorf("%s\nfaults\n%s\nwant\n%s", text, joined(faults), blocks[i+1][2])
			}
		case "json advised":
			_, _, warnings := Parse([]byte(text))
			var got strings.Builder
			for _, w := range warnings {
				got.WriteString(w.String() + "\n")
			}
			if got.String() != blocks[i+1][2] {
				t.Errorf("%s\nwarnings\n%s\nwant\n%s", text, got.String(), blocks[i+1][2])
			}
		case "text":
		default:
			t.Errorf("a block of %q, which is not looked at", kind)
		}
	}
	if seen["json specification"] < 5 || seen["json event"] < 3 || seen["json faulty"] != 1 || seen["json advised"] != 1 {
		t.Errorf("found %v", seen)
	}
}

// Each part that a specification can have is explained.
func TestTheReferenceNamesEachPart(t *testing.T) {
	page, err := os.ReadFile("../../docs/specification.md")
	if err != nil {
		t.Fatal(err)
	}
	names := append(strings.Fields(`aggregate_types agent_types routes events snapshot_every id that of code error status
		for_each when type event data bare actor`), eventParts...)
	for _, name := range append(names, formats...) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("%s is not explained", name)
		}
	}
}
