package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// bench is one run.
type bench struct {
	settings *settings
	rows     []row
	payload  *workload.Payload
	data     workload.Dataset

	began    time.Time
	machine  machine.Facts
	syncs    [2]time.Duration // median and p99
	measured []*measured
}

// measured is one system with its figures.
type measured struct {
	system  system
	dir     string // of the data set
	version string
	results map[string]*workload.Result // by case
	// order are the cases as they are run.
	order []workload.Case

	storedBytes   int
	fillSeconds   float64
	memoryBytes   float64
	diskBytes     float64
	openSeconds   []float64
	cachesDropped bool
	failures      []string
}

func (b *bench) run(ctx context.Context, systems []system) (err error) {
	b.began, b.machine = time.Now(), machine.Look()
	b.data = workload.Dataset{Name: "bench", Streams: b.settings.events / b.settings.length, Length: b.settings.length}
	if b.payload, err = workload.NewPayload(workload.StandardJSONBytes, workload.StandardMetadataBytes, 1); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.settings.dir, "stet-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user below it
		return err
	}
	if b.syncs[0], b.syncs[1], err = machine.SyncLatency(dir); err != nil {
		return err
	}
	for i, s := range systems {
		m := &measured{system: s, dir: filepath.Join(dir, fmt.Sprintf("data%d", i)), results: map[string]*workload.Result{}, storedBytes: stetload.StoredBytes(b.payload)}
		m.plan(b.rows)
		b.measured = append(b.measured, m)
		if err := b.fill(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := range b.settings.rounds {
		for i := range b.measured {
			m := b.measured[(i+round)%len(b.measured)]
			b.measure(ctx, m, filepath.Join(dir, "fresh"), round)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// plan collects the cases of the rows, each once.
func (m *measured) plan(rows []row) {
	for _, r := range rows {
		if r.c.Kind == "" || !m.system.supports(r.c) || m.results[r.c.String()] != nil {
			continue
		}
		m.results[r.c.String()] = &workload.Result{System: m.system.name, Case: r.c}
		m.order = append(m.order, r.c)
	}
}

// needsData tells whether a case or a row is about a filled store.
func (b *bench) needsData(m *measured) bool {
	return !(m.system.name == "JetStream, default sync") && (slices.ContainsFunc(m.order, workload.Case.NeedsData) ||
		slices.ContainsFunc(b.rows, func(r row) bool { return r.c.Kind == "" }))
}

// fill writes the data set once, for the reads of all rounds.
func (b *bench) fill(ctx context.Context, m *measured) (err error) {
	if !b.needsData(m) {
		return nil
	}
	b.say("%s: writing %d events for the reads", m.system.name, b.data.Events())
	r, err := m.system.start(ctx, m.dir, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	began := time.Now()
	if err := r.driver.Fill(ctx, b.data, b.payload, func(int) {}); err != nil {
		return err
	}
	m.fillSeconds = time.Since(began).Seconds()
	_, used := r.observe()
	m.memoryBytes, m.diskBytes = float64(used.MemoryBytes), float64(machine.Size(m.dir, nil).Bytes)
	return nil
}

// measure does one round of one system: what writes on a fresh directory, what
// reads on the filled one. What fails is told in the results; the others go on.
func (b *bench) measure(ctx context.Context, m *measured, fresh string, round int) {
	var writing, reading []workload.Case
	for _, c := range m.order {
		if c.NeedsData() {
			reading = append(reading, c)
		} else {
			writing = append(writing, c)
		}
	}
	if len(writing) > 0 {
		b.session(ctx, m, fresh, writing, round, nil)
		if err := os.RemoveAll(fresh); err != nil {
			m.failures = append(m.failures, err.Error())
		}
	}
	if b.needsData(m) {
		m.cachesDropped = machine.DropFileCaches()
		b.session(ctx, m, m.dir, reading, round, func(r *running) { m.openSeconds = append(m.openSeconds, r.took.Seconds()) })
	}
}

func (b *bench) session(ctx context.Context, m *measured, dir string, cases []workload.Case, round int, started func(*running)) {
	r, err := m.system.start(ctx, dir, false)
	if err != nil {
		m.failures = append(m.failures, fmt.Sprintf("round %d: %v", round+1, err))
		return
	}
	m.version = r.version
	if started != nil {
		started(r)
	}
	for _, c := range cases {
		b.one(ctx, m, r, c, round)
	}
	if err := r.stop(); err != nil {
		m.failures = append(m.failures, fmt.Sprintf("round %d: stop: %v", round+1, err))
	}
}

func (b *bench) one(ctx context.Context, m *measured, r *running, c workload.Case, round int) {
	result := m.results[c.String()]
	if result.Unsupported != "" || ctx.Err() != nil {
		return
	}
	b.say("round %d of %d: %s: %v", round+1, b.settings.rounds, m.system.name, c)
	load := workload.Load{Warmup: b.settings.warmup, Duration: b.settings.duration, Observe: r.observe}
	got, err := c.Run(ctx, r.driver, b.payload, b.data, load)
	switch {
	case errors.Is(err, workload.ErrUnsupported):
		result.Unsupported = err.Error()
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		m.failures = append(m.failures, fmt.Sprintf("round %d: %s", round+1, first))
	default:
		result.Rounds = append(result.Rounds, got)
	}
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}

func spreadOf(values []float64) workload.Spread {
	if len(values) == 0 {
		return workload.Spread{}
	}
	values = slices.Sorted(slices.Values(values))
	return workload.Spread{Median: values[(len(values)-1)/2], Least: values[0], Most: values[len(values)-1]}
}
