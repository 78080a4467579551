package scale

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stet-db/stet/internal/workload/report"
)

// write puts table, figures and plots into the directory.
func (r *Report) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "plots"), 0o750); err != nil {
		return err
	}
	figures, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	files := map[string][]byte{"SCALE.md": []byte(r.page()), "scale.json": append(figures, '\n')}
	for name, drawing := range r.plots() {
		files[filepath.Join("plots", name)] = drawing
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // for everybody to read
			return err
		}
	}
	return nil
}

// page is SCALE.md.
func (r *Report) page() string {
	var p strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&p, format+"\n", args...) }
	line("# How the costs of Stet grow with its log\n")
	line("Written by `make bench-scale` on %s. Do not edit.\n", r.Date.UTC().Format("2006-01-02 15:04 UTC"))
	if r.Quick {
		line("**A quick run: it shows that everything works; its figures mean little.**\n")
	}
	m := &r.Machine
	line("Machine: %s, %d cores, %.0f GiB, %s %s %s, %s. Load before the run: %.2f. A synced write of 512 bytes (fdatasync): %.0f us, p99 %.0f us.",
		m.CPU, m.Cores, float64(m.MemoryBytes)/(1<<30), m.OS, m.Arch, m.Kernel, m.Go, m.Load, r.SyncMicros[0], r.SyncMicros[1])
	line("Stet %s. Client and server are on this machine. An event is %d B of JSON and %d B of metadata, %d B as stored; %d streams of equal length.",
		r.Version, r.JSONBytes, r.MetadataBytes, r.StoredBytes, r.Streams)
	line("Each load is measured for %.3g s after %.3g s. Openings are the median, with the extremes in brackets.\n", r.Seconds, r.WarmupSeconds)
	r.table(line)
	line("%s", r.notes())
	line("%s", r.verdict())
	return p.String()
}

func (r *Report) table(line func(string, ...any)) {
	head, rule := "| events in the log |", "|---|"
	for i := range r.Sizes {
		head += fmt.Sprintf(" %s |", count(float64(r.Sizes[i].Events)))
		rule += "---|"
	}
	line("%s largest by smallest |\n%s---|", head, rule)
	for _, w := range r.rows() {
		cells := make([]string, 0, len(r.Sizes))
		known := false
		for i := range r.Sizes {
			cells = append(cells, w.cell(&r.Sizes[i]))
			known = known || cells[i] != "-"
		}
		if !known {
			continue
		}
		line("| %s | %s | %s |", w.name, strings.Join(cells, " | "), growthCell(w.growth(r.Sizes)))
	}
}

func growthCell(g float64) string {
	if g == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", g)
}

// notes say what the figures are.
func (r *Report) notes() string {
	cold := "the machine's file caches are dropped before each opening and before the cold reads"
	if !r.CachesDropped {
		cold = "the machine's file caches were **not** dropped, so \"cold\" is warm: only root can drop them"
	}
	return fmt.Sprintf(`
- Filling appends single events through 8 pipelines, the streams in turn, so that a stream's events lie scattered
  over the log. What was measured before at a smaller size stays in the log and counts in the head line.
- "Open": from the start of the process until /readyz answers 200, and until the newest event was read; %s.
- Bytes written are the sectors that the disk of the data directory wrote meanwhile, whoever gave them to it; where it has
  no device of its own, what the server's process gave to the page cache, in pages or larger parts.
- What is read until ready, and the processor time, include compactions that the engine goes on with in the
  background when the load before the stop left some; nothing waits for them.
- "After a kill": the server is killed when it has just acknowledged more events; all of them must be there. Its
  write-ahead logs are bounded by the tables in memory, not by the log.
- A stream read whole has %s events at the sizes above: it costs more because it is longer. The first event of a stream
  is the same work at each size.
- "Raw" is the event as stored, %d B. Memory is resident (VmRSS), "most" the peak (VmHWM).
- "Largest by smallest" is 1 where the cost does not depend on the log.
`, cold, r.lengths(), r.StoredBytes)
}

func (r *Report) lengths() string {
	words := make([]string, len(r.Sizes))
	for i := range r.Sizes {
		words[i] = fmt.Sprint(r.Sizes[i].StreamLength)
	}
	return strings.Join(words, ", ")
}

// verdict tells what must not have grown and did, by more than a fifth.
func (r *Report) verdict() string {
	var p strings.Builder
	fmt.Fprintf(&p, "## What must not grow\n\n")
	for _, w := range r.rows() {
		if g := w.growth(r.Sizes); w.flat && g != 0 {
			said := "flat"
			if g > 1.2 {
				said = "**grew**"
			}
			first, last := &r.Sizes[0], &r.Sizes[len(r.Sizes)-1]
			fmt.Fprintf(&p, "- %s: %s to %s, x %.2f: %s\n", w.name, w.write(w.value(first).Median), w.write(w.value(last).Median), g, said)
		}
	}
	return p.String()
}

// plots draw the figures over the sizes.
func (r *Report) plots() map[string][]byte {
	ticks := make([]string, len(r.Sizes))
	for i := range r.Sizes {
		ticks[i] = count(float64(r.Sizes[i].Events))
	}
	draw := func(title, unit string, scale float64, names ...string) []byte {
		lines := report.Lines{Title: title, X: "events in the log", Y: unit, Ticks: ticks}
		for _, w := range r.rows() {
			for _, name := range names {
				if w.name != name {
					continue
				}
				one := report.Line{Name: w.name}
				for i := range r.Sizes {
					one.Values = append(one.Values, w.value(&r.Sizes[i]).Median*scale)
				}
				lines.Lines = append(lines.Lines, one)
			}
		}
		return lines.SVG()
	}
	return map[string][]byte{
		"scale-rates.svg": draw("rates", "events a second", 1, "filling, pipelined, events/s", "append, 64 clients x 1, events/s",
			"read all, standard client, events/s", "read all, not decoded, events/s"),
		"scale-latencies.svg": draw("latencies", "microseconds", 1, "append, p50 us", "append, p99 us", "first event of a hot stream, p50 us",
			"first event of a hot stream, p99 us", "first event of a cold stream, p50 us", "first event of a cold stream, p99 us"),
		"scale-memory.svg": draw("memory of the server", "MiB", 1.0/(1<<20), "memory after filling, MiB", "memory after the loads, MiB",
			"memory, most until then, MiB", "memory after cold reads, MiB", "memory after opening, MiB"),
		"scale-open.svg": draw("opening and stopping", "milliseconds", 1000, openIdle+"ready, s", openLoaded+"ready, s",
			openLoaded+"first answer, s", openKilled+"ready, s", openKilled+"first answer, s", "clean stop, s"),
		"scale-disk.svg": draw("space and work", "by line", 1, "bytes on disk for each event", "filling, bytes written / raw", "filling, server CPU us/event",
			"append, server CPU us/event", "tables"),
	}
}
