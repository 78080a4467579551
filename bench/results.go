package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// unequal is what the table cannot say.
//
//go:embed unequal.md
var unequal string

// write puts table, figures and plots into the directory.
func (b *bench) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "plots"), 0o750); err != nil {
		return err
	}
	figures, err := json.MarshalIndent(b.figures(), "", " ")
	if err != nil {
		return err
	}
	files := map[string][]byte{"RESULTS.md": []byte(b.page()), "results.json": append(figures, '\n')}
	for name, text := range b.plots() {
		files[filepath.Join("plots", name)] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil { //nolint:gosec // for everybody to read
			return err
		}
	}
	b.say("wrote %s", filepath.Join(dir, "RESULTS.md"))
	return nil
}

// figures are all rounds of all systems, for those who want to look closer.
func (b *bench) figures() any {
	type systemFigures struct {
		System      string             `json:"system"`
		Version     string             `json:"version"`
		FillSeconds float64            `json:"fill_seconds"`
		MemoryBytes float64            `json:"memory_bytes"`
		DiskBytes   float64            `json:"disk_bytes"`
		OpenSeconds []float64          `json:"open_seconds"`
		Failures    []string           `json:"failures"`
		Results     []*workload.Result `json:"results"`
	}
	var out []systemFigures
	for _, m := range b.measured {
		f := systemFigures{m.system.name, m.version, m.fillSeconds, m.memoryBytes, m.diskBytes, m.openSeconds, m.failures, nil}
		for _, c := range m.order {
			f.Results = append(f.Results, m.results[c.String()])
		}
		out = append(out, f)
	}
	return map[string]any{"date": b.began, "machine": b.machine, "systems": out}
}

func (b *bench) page() string {
	var p strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&p, format+"\n", args...) }
	line("# Stet beside its peers and its limits\n")
	line("Written by `make bench` on %s. Do not edit.\n", b.began.UTC().Format("2006-01-02 15:04 UTC"))
	if b.settings.quick {
		line("**A quick run: it shows that everything works; its figures mean little.**\n")
	}
	m := &b.machine
	line("Machine: %s, %d cores, %.0f GiB, %s %s %s, %s. Load before the run: %.2f. A synced write of 512 bytes (fdatasync): %d us, p99 %d us.",
		m.CPU, m.Cores, float64(m.MemoryBytes)/(1<<30), m.OS, m.Arch, m.Kernel, m.Go, m.Load, b.syncs[0].Microseconds(), b.syncs[1].Microseconds())
	line("Client and server are on this machine. An event is %d B of JSON and %d B of metadata, %d B as Stet stores it.",
		b.payload.JSONBytes, b.payload.MetadataBytes, b.measured[0].storedBytes)
	line("%d rounds of %v after %v each, the systems in rotating order; median, with the extremes in brackets. Reads have %d events in streams of %d.\n",
		b.settings.rounds, b.settings.duration, b.settings.warmup, b.data.Events(), b.data.Length)
	b.table(line)
	b.notDurable(line)
	b.costs(line)
	line("%s", unequal)
	line("## Versions and failures\n")
	for _, m := range b.measured {
		line("- %s: %s", m.system.name, m.version)
		for _, f := range m.failures {
			line("  - failed: %s", f)
		}
	}
	line("- PostgreSQL's settings: `%s`; the rest is its default", strings.Join(postgresSettings, "`, `"))
	if i := b.find("Stet"); i != nil && !i.cachesDropped {
		line("- \"Cold\" opens had warm file caches: only root can drop them")
	}
	return p.String()
}

func (b *bench) find(name string) *measured {
	for _, m := range b.measured {
		if m.system.name == name {
			return m
		}
	}
	return nil
}

// value is a system's figure for a row; false: it has none.
func (r *row) of(m *measured) (workload.Spread, bool) {
	if m == nil {
		return workload.Spread{}, false
	}
	if r.c.Kind == "" {
		s := r.value(m, nil)
		return s, s.Median > 0 && m.pidKnown()
	}
	result := m.results[r.c.String()]
	if result == nil || len(result.Rounds) == 0 {
		return workload.Spread{}, false
	}
	s := r.value(m, result)
	return s, s.Median > 0
}

// pidKnown tells whether the system has a process of its own with data.
func (m *measured) pidKnown() bool { return !m.system.limit }

func (b *bench) table(line func(string, ...any)) {
	line("| measure | Stet | target (stretch) | JetStream | x | PostgreSQL | x | bare gRPC | bare Pebble | of the lower limit | share of the target's limit |")
	line("|---|---|---|---|---|---|---|---|---|---|---|")
	own, nats, pg, grpc, engine := b.find("Stet"), b.find("JetStream"), b.find("PostgreSQL"), b.find("bare gRPC"), b.find("bare Pebble")
	for i := range b.rows {
		r := &b.rows[i]
		line("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", r.name, r.figure(own), r.goal(own),
			r.figure(nats), r.times(own, nats), r.figure(pg), r.times(own, pg), r.figure(grpc), r.figure(engine), r.ofLimit(own, grpc, engine), b.ofTargets(r, own))
	}
	line("\n\"x\" is how many times Stet is better: its rate by theirs, or their latency, bytes and time by Stet's. \"-\": the system does not have it.")
	line("\nThe targets are absolute, set on another machine. \"Share of the target's limit\" takes the machine out: what Stet reaches of a limit\n" +
		"here, and what the target was of the same limit there (bare gRPC; bare Pebble for batches; the sum of both for the latency).")
	if own != nil {
		line("%s", b.gaps(own))
	}
}

// ofTargets compares shares: that of Stet in a limit of this run, and that of
// the target in the same limit on the machine that it was set on.
func (b *bench) ofTargets(r *row, own *measured) string {
	a, ok := r.of(own)
	here := 0.0
	for _, name := range r.there.of {
		s, known := r.of(b.find(name))
		ok = ok && known
		here += s.Median
	}
	if !ok || here == 0 {
		return ""
	}
	share, want := r.better(a.Median, here), r.better(r.target, r.there.value)
	word := "missed"
	if share >= want {
		word = "**met**"
	}
	return fmt.Sprintf("%.0f %% (%.0f %%) %s", 100*share, 100*want, word)
}

// gaps says what subscribers missed.
func (b *bench) gaps(m *measured) string {
	var sum workload.Counts
	for _, r := range m.results {
		if r.Case.Kind == workload.KindFanout || r.Case.Kind == workload.KindDelivery {
			c := r.Sum()
			sum.Events, sum.Gaps, sum.Repeats = sum.Events+c.Events, sum.Gaps+c.Gaps, sum.Repeats+c.Repeats
		}
	}
	return fmt.Sprintf("%s delivered %d events to live subscribers in the measured time; over the whole runs %d were missing and %d came twice.\n", m.system.name, sum.Events, sum.Gaps, sum.Repeats)
}

func (r *row) figure(m *measured) string {
	s, ok := r.of(m)
	if !ok {
		return "-"
	}
	if s.Least == s.Most {
		return r.write(s.Median)
	}
	return fmt.Sprintf("%s (%s-%s)", r.write(s.Median), r.write(s.Least), r.write(s.Most))
}

func (r *row) write(v float64) string {
	switch {
	case r.unit == microseconds:
		return fmt.Sprintf("%.0f us", v)
	case r.unit == plain:
		return fmt.Sprintf("%.2f", v)
	case r.unit == mebibytes:
		return fmt.Sprintf("%.0f", v)
	case r.unit == seconds:
		return fmt.Sprintf("%.2f", v)
	case v >= 1e6:
		return fmt.Sprintf("%.2f M/s", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.1f k/s", v/1e3)
	default:
		return fmt.Sprintf("%.0f /s", v)
	}
}

// goal is the target, and whether it is met.
func (r *row) goal(own *measured) string {
	if r.target == 0 {
		return ""
	}
	text := r.write(r.target)
	if r.stretch != 0 {
		text += " (" + r.write(r.stretch) + ")"
	}
	s, ok := r.of(own)
	switch {
	case !ok:
		return text
	case r.reaches(s.Median, r.stretch):
		return text + " **stretch met**"
	case r.reaches(s.Median, r.target):
		return text + " **met**"
	}
	return text + " missed"
}

func (r *row) reaches(v, goal float64) bool {
	return goal != 0 && (r.lower && v <= goal || !r.lower && v >= goal)
}

// better is how many times a is better than b.
func (r *row) better(a, b float64) float64 {
	if r.lower {
		a, b = b, a
	}
	if b == 0 {
		return 0
	}
	return a / b
}

func (r *row) times(own, other *measured) string {
	a, ok := r.of(own)
	b, known := r.of(other)
	if !ok || !known {
		return ""
	}
	return fmt.Sprintf("%.2f", r.better(a.Median, b.Median))
}

func (r *row) ofLimit(own *measured, limits ...*measured) string {
	a, ok := r.of(own)
	least := math.Inf(1)
	for _, m := range limits {
		if b, known := r.of(m); known {
			least = min(least, r.better(b.Median, 1))
		}
	}
	if !ok || math.IsInf(least, 1) || r.unit != perSecond && r.unit != microseconds {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*r.better(a.Median, 1)/least)
}

// notDurable shows JetStream as it is by default, apart.
func (b *bench) notDurable(line func(string, ...any)) {
	m := b.find("JetStream, default sync")
	if m == nil {
		return
	}
	line("## Not durable: JetStream with its default sync\n")
	line("It acknowledges before the disk has the event and syncs every two minutes: a power cut takes what came since. Stet, above, syncs first.\n")
	line("| measure | JetStream, default sync | durable Stet x |\n|---|---|---|")
	for i := range b.rows {
		r := &b.rows[i]
		if _, ok := r.of(m); ok {
			line("| %s | %s | %s |", r.name, r.figure(m), r.times(b.find("Stet"), m))
		}
	}
	line("\n%s", b.gaps(m))
}

// costs shows processor time and bytes written of each case.
func (b *bench) costs(line func(string, ...any)) {
	line("## What it costs\n")
	line("Processor time of client and server for each operation (for read all and live deliveries: each event), context switches of the server, events that share a commit, and bytes written to disk for each event.\n")
	line("| case | system | rate | p50 | p99 | client us | server us | switches | events/commit | written B/event |\n|---|---|---|---|---|---|---|---|---|---|")
	r := report.Report{StoredBytes: 1}
	for _, m := range b.measured {
		for _, c := range m.order {
			if len(m.results[c.String()].Rounds) > 0 {
				r.Add([]workload.Result{*m.results[c.String()]})
			}
		}
	}
	rate := row{}
	for i := range r.Results {
		s := &r.Results[i].Summary
		line("| %s | %s | %s | %.0f us | %.0f us | %.3g | %.3g | %.3g | %.3g | %.0f |", r.Results[i].Name, r.Results[i].System, rate.write(s.EventsPerSecond.Median),
			s.P50Micros.Median, s.P99Micros.Median, s.ClientCPUMicros.Median, s.ServerCPUMicros.Median, s.ServerSwitches.Median, s.EventsPerCommit.Median, s.WrittenPerRaw.Median)
	}
	line("")
}

// plots draw the rates, and the latencies.
func (b *bench) plots() map[string][]byte {
	draw := func(title string, u string, takes func(*row) bool) []byte {
		bars := report.Bars{Title: title, Unit: u}
		for _, m := range b.measured {
			bars.Series = append(bars.Series, m.system.name)
		}
		for i := range b.rows {
			if !takes(&b.rows[i]) {
				continue
			}
			g := report.Group{Name: b.rows[i].name}
			for _, m := range b.measured {
				s, _ := b.rows[i].of(m)
				g.Values = append(g.Values, s.Median)
			}
			bars.Groups = append(bars.Groups, g)
		}
		return bars.SVG()
	}
	return map[string][]byte{
		"rates.svg":     draw("a second (longer is better)", "/s", func(r *row) bool { return r.unit == perSecond }),
		"latencies.svg": draw("latency (shorter is better)", " us", func(r *row) bool { return r.unit == microseconds }),
	}
}
