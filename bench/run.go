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

// errInterrupted ends a run before its end.
var errInterrupted = errors.New("interrupted")

// bench is one run.
type bench struct {
	settings *settings
	rows     []row
	payload  *workload.Payload
	data     workload.Dataset

	began    time.Time
	machine  machine.Facts
	disk     machine.Disk     // of all data directories
	syncs    [2]time.Duration // median and p99
	measured []*measured
	stopped  error // what ended the run before its end
}

// anything tells whether there is something to write.
func (b *bench) anything() bool {
	return slices.ContainsFunc(b.measured, func(m *measured) bool {
		return len(m.openSeconds) > 0 || slices.ContainsFunc(m.order, func(c workload.Case) bool { return len(m.results[c.String()].Rounds) > 0 })
	})
}

// failed is what failed of all systems, so that nobody takes the table for whole.
func (b *bench) failed() error {
	var errs []error
	for _, m := range b.measured {
		for _, f := range m.failures {
			errs = append(errs, fmt.Errorf("%s: %s", m.system.name, f))
		}
	}
	return errors.Join(errs...)
}

// measured is one system with its figures.
type measured struct {
	system  system
	dir     string // of the data set
	version string
	results map[string]*workload.Result // by case
	// order are the cases as they are run, failed how many rounds of each failed.
	order  []workload.Case
	failed map[string]int

	storedBytes   int
	fillSeconds   float64
	memoryBytes   float64
	diskBytes     float64
	openSeconds   []float64
	readMemory    []float64 // at the end of the reads of each round
	cachesDropped bool
	notFilled     bool
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
	b.disk = machine.DiskOf(dir)
	for i, s := range systems {
		m := &measured{system: s, dir: filepath.Join(dir, fmt.Sprintf("data%d", i)), storedBytes: stetload.StoredBytes(b.payload)}
		m.plan(b.rows)
		b.measured = append(b.measured, m)
		err := b.fill(ctx, m)
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			m.notFilled = true
			m.failures = append(m.failures, fmt.Sprintf("fill: %v", err))
		}
	}
	for round := range b.settings.rounds {
		for i := range b.measured {
			m := b.measured[(i+round)%len(b.measured)]
			b.measure(ctx, m, filepath.Join(dir, "fresh"), round)
			if ctx.Err() != nil {
				return errInterrupted
			}
		}
	}
	return nil
}

// plan collects the cases of the rows, each once.
func (m *measured) plan(rows []row) {
	m.results, m.failed = map[string]*workload.Result{}, map[string]int{}
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
	m.fillSeconds, m.memoryBytes = time.Since(began).Seconds(), r.memory()
	if err := b.settle(ctx, m, r); err != nil {
		return err
	}
	m.diskBytes = float64(machine.Size(m.dir, nil).Bytes)
	return nil
}

// settle waits for what a system does after filling and after opening: it would
// be measured with the reads.
func (b *bench) settle(ctx context.Context, m *measured, r *running) error {
	took, quiet, err := machine.AwaitQuiet(ctx, r.process(), b.settings.settle, nil)
	if err == nil && !quiet {
		b.say("%s: still at work after %.0f s", m.system.name, took.Seconds())
	}
	return err
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
	for _, cases := range m.sessions(writing) {
		b.session(ctx, m, fresh, cases, round, nil, nil)
		if err := os.RemoveAll(fresh); err != nil {
			m.failures = append(m.failures, err.Error())
		}
	}
	switch {
	case !b.needsData(m):
	case m.notFilled:
		m.fail(reading)
	default:
		m.cachesDropped = machine.DropFileCaches()
		opened := func(r *running) error {
			m.openSeconds = append(m.openSeconds, r.took.Seconds())
			return b.settle(ctx, m, r)
		}
		b.session(ctx, m, m.dir, reading, round, opened, func(r *running) {
			m.readMemory = append(m.readMemory, r.memory())
		})
	}
}

// sessions are the cases that share a directory.
func (m *measured) sessions(cases []workload.Case) [][]workload.Case {
	if m.system.fresh || len(cases) == 0 {
		return slices.Collect(slices.Chunk(cases, 1))
	}
	return [][]workload.Case{cases}
}

// fail notes that cases could not be measured in a round.
func (m *measured) fail(cases []workload.Case) {
	for _, c := range cases {
		m.failed[c.String()]++
	}
}

func (b *bench) session(ctx context.Context, m *measured, dir string, cases []workload.Case, round int, started func(*running) error, ending func(*running)) {
	r, err := m.system.start(ctx, dir, false)
	if err != nil {
		m.fail(cases)
		m.failures = append(m.failures, fmt.Sprintf("round %d: %v", round+1, err))
		return
	}
	m.version = r.version
	if started != nil {
		if err := started(r); err != nil && ctx.Err() == nil {
			m.failures = append(m.failures, fmt.Sprintf("round %d: %v", round+1, err))
		}
	}
	for _, c := range cases {
		b.one(ctx, m, r, c, round)
	}
	if ending != nil && ctx.Err() == nil {
		ending(r)
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
	machine.WriteBack() // what came before does not count as this case's
	o := observer{running: r, disk: b.disk}
	if m.system.limit && !m.system.durable {
		o.disk = machine.Disk{} // it writes nothing
	}
	load := workload.Load{Warmup: b.settings.warmup, Duration: b.settings.duration, Begin: o.begin, Observe: o.end}
	got, err := c.Run(ctx, r.driver, b.payload, b.data, load)
	switch {
	case errors.Is(err, workload.ErrUnsupported):
		result.Unsupported = err.Error()
	case ctx.Err() != nil: // interrupted, which is not the system's failure
	case err != nil:
		m.fail([]workload.Case{c})
		first, _, _ := strings.Cut(err.Error(), "\n")
		m.failures = append(m.failures, fmt.Sprintf("round %d: %s", round+1, first))
	default:
		o.known(&got)
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
