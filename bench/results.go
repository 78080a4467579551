package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// unequal is what the table cannot say.
//
//go:embed unequal.md
var unequal string

// write puts table, figures and plots into the directory.
func (b *bench) write(dir string) error {
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
		ReadMemory  []float64          `json:"memory_bytes_after_reads"`
		Failures    []string           `json:"failures"`
		Results     []*workload.Result `json:"results"`
	}
	var out []systemFigures
	for _, m := range b.measured {
		f := systemFigures{m.system.name, m.version, m.fillSeconds, m.memoryBytes, m.diskBytes, m.openSeconds, m.readMemory, m.failures, nil}
		for _, c := range m.order {
			f.Results = append(f.Results, m.results[c.String()])
		}
		out = append(out, f)
	}
	return map[string]any{"date": b.began, "machine": b.machine, "written_by": b.writtenBy(), "systems": out}
}

func (b *bench) page() string {
	var p strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&p, format+"\n", args...) }
	line("# Stet beside its peers and its limits\n")
	line("Written by `make bench` on %s. Do not edit.\n", b.began.UTC().Format("2006-01-02 15:04 UTC"))
	if b.settings.quick {
		line("**A quick run: it shows that everything works; its figures mean little.**\n")
	}
	if b.stopped != nil {
		line("**The run did not come to its end: %v. This is what was measured until then.**\n", b.stopped)
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
	return s, s.Median > 0 || r.unit == perSecond // a rate of 0 is one
}

// pidKnown tells whether the system has a process of its own with data.
func (m *measured) pidKnown() bool { return !m.system.limit }

func (b *bench) table(line func(string, ...any)) {
	line("| measure | Stet | target (stretch) | JetStream | x | PostgreSQL | x | bare gRPC | bare Pebble | of the lower limit | gRPC + Pebble | of both | share of the target's limit |")
	line("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	own, nats, pg := b.find("Stet"), b.find("JetStream"), b.find("PostgreSQL")
	grpc, engine, both := b.find("bare gRPC"), b.find("bare Pebble"), b.find(partsName)
	for i := range b.rows {
		r := &b.rows[i]
		line("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", r.name, r.figure(own), r.goal(own),
			r.figure(nats), r.times(own, nats), r.figure(pg), r.times(own, pg), r.figure(grpc), r.figure(engine), r.ofLimit(own, grpc, engine),
			r.figure(both), r.ofLimit(own, both), b.ofTargets(r, own))
	}
	line("\n\"gRPC + Pebble\" is both limits together in one server: a call that returns when its request is on disk as one row, and nothing else. \"Of both\": how much of that Stet reaches.")
	line("\"x\" is how many times Stet is better: its rate by theirs, or their latency, bytes and time by Stet's. \"-\": the system does not have it.")
	line("\"failed\": it has it, and no round could be measured; \"(n of m rounds)\": some could.")
	line("\nThe targets are absolute, set on another machine. \"Met\" is what the worst round meets; \"met in the median\" says that not all did.")
	line("\"Share of the target's limit\" is what Stet's median reaches of a limit here and, as the target, what the target was of the same limit\n" +
		"there: bare gRPC, for the latency with a synced write of this run added; for batches bare Pebble, where it is the lower limit here, too.\n" +
		"The limit runs use Stet's own client, so what the client costs is in both. Where there is no such limit, nothing is compared.\n")
	for _, m := range []*measured{own, nats} {
		if m != nil {
			line("%s", b.gaps(m))
		}
	}
}

// ofTargets compares shares: that of Stet in a limit of this run, and that of
// the target in the same limit on the machine that it was set on.
func (b *bench) ofTargets(r *row, own *measured) string {
	a, ok := r.of(own)
	if !ok || r.there.here == nil {
		return ""
	}
	here, known := r.there.here(b, r)
	if !known {
		return ""
	}
	return fmt.Sprintf("%.0f %% (target: %.0f %%)", 100*r.better(a.Median, here), 100*r.better(r.target, r.there.value))
}

// live tells whether a case has subscribers, who count what they miss.
func live(c workload.Case) bool {
	return c.Kind == workload.KindFanout || c.Kind == workload.KindDelivery
}

// gaps says what subscribers missed, and how long they had to catch up.
func (b *bench) gaps(m *measured) string {
	var sum workload.Counts
	behind := 0.0
	for _, r := range m.results {
		if live(r.Case) {
			c := r.Sum()
			sum.Events, sum.Gaps, sum.Repeats = sum.Events+c.Events, sum.Gaps+c.Gaps, sum.Repeats+c.Repeats
			behind = max(behind, r.Over(func(n *workload.Round) float64 { return n.BehindSeconds }).Most)
		}
	}
	text := fmt.Sprintf("%s delivered %d events to live subscribers in the measured time; over the whole runs %d were missing and %d came twice.",
		m.system.name, sum.Events, sum.Gaps, sum.Repeats)
	if behind > 0 {
		text += fmt.Sprintf(" When the load had ended, the last subscriber had everything after %.1f s at most.", behind)
	}
	return text + "\n"
}

func (r *row) figure(m *measured) string {
	if m == nil {
		return "-"
	}
	s, ok := r.of(m)
	failed, rounds := r.rounds(m)
	switch {
	case !ok && failed > 0:
		return "failed"
	case !ok:
		return "-"
	}
	text := r.write(s.Median)
	if s.Least != s.Most {
		text += fmt.Sprintf(" (%s-%s)", r.write(s.Least), r.write(s.Most))
	}
	if failed > 0 {
		text += fmt.Sprintf(" (%d of %d rounds)", rounds, rounds+failed)
	}
	return text
}

// rounds are those of a system that failed, and the others. What is no case is
// taken once, and fails with anything.
func (r *row) rounds(m *measured) (failed, measured int) {
	if r.c.Kind != "" {
		failed = m.failed[r.c.String()]
		if result := m.results[r.c.String()]; result != nil {
			measured = len(result.Rounds)
		}
		return failed, measured
	}
	if _, ok := r.of(m); !ok && m.pidKnown() {
		failed = len(m.failures)
	}
	return failed, 0
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

// goal is the target, and whether it is met: by the worst round, for the word
// alone, and without a live event that was lost.
func (r *row) goal(own *measured) string {
	if r.target == 0 {
		return ""
	}
	text := r.write(r.target)
	if r.stretch != 0 {
		text += " (" + r.write(r.stretch) + ")"
	}
	s, ok := r.of(own)
	if !ok {
		return text
	}
	if n := r.lost(own); n > 0 {
		return fmt.Sprintf("%s missed: %d gaps or repetitions", text, n)
	}
	worst := s.Least
	if r.lower {
		worst = s.Most
	}
	failed, _ := r.rounds(own)
	switch {
	case failed == 0 && r.reaches(worst, r.stretch):
		return text + " **stretch met**"
	case failed == 0 && r.reaches(worst, r.target):
		return text + " **met**"
	case r.reaches(s.Median, r.target):
		return text + " met in the median"
	}
	return text + " missed"
}

// lost is what live subscribers missed or had twice.
func (r *row) lost(m *measured) int64 {
	if !live(r.c) {
		return 0
	}
	sum := m.results[r.c.String()].Sum()
	return sum.Gaps + sum.Repeats
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
	if !ok || !known || b.Median == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.better(a.Median, b.Median))
}

func (r *row) ofLimit(own *measured, limits ...*measured) string {
	a, ok := r.of(own)
	least := math.Inf(1)
	for _, m := range limits {
		if b, known := r.of(m); known && b.Median > 0 {
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
	line("Processor time of client and server for each operation (for read all and live deliveries: each event), context switches of the server, events that share a commit, and bytes written to disk for each event. An empty cell is not known, or not there.")
	line("%s\n", b.writtenBy())
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
		line("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", r.Results[i].Name, r.Results[i].System, rate.write(s.EventsPerSecond.Median),
			cell("%.0f us", s.P50Micros), cell("%.0f us", s.P99Micros), cell("%.3g", s.ClientCPUMicros), cell("%.3g", s.ServerCPUMicros),
			cell("%.3g", s.ServerSwitches), cell("%.3g", s.EventsPerCommit), cell("%.0f", s.WrittenPerRaw))
	}
	line("")
}

// cell is empty for what is not known.
func cell(format string, s workload.Spread) string {
	if s.Median <= 0 {
		return ""
	}
	return fmt.Sprintf(format, s.Median)
}

// writtenBy says how bytes written were counted.
func (b *bench) writtenBy() string {
	if b.disk == (machine.Disk{}) {
		return "Bytes written are those that the system's processes gave to the kernel's page cache (`write_bytes`), as the data directories have no device of their own; it counts pages or larger parts of files whole, each time."
	}
	return fmt.Sprintf("Bytes written are the sectors that the disk with the data directories (`%s`) wrote in the measured seconds, whoever gave them to it.", b.disk.Name)
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
