package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Load says how long and how hard.
type Load struct {
	// Warmup is run before anything counts, Duration is measured.
	Warmup, Duration time.Duration
	// Rate is how many operations a second begin, in all and on time; 0: a
	// closed loop.
	Rate float64
	// Observe reads what client and server have used so far; nil: nothing.
	Observe func() (client, server Usage)
	// Begin is Observe at the beginning of the window, where memory is not
	// wanted: what it takes beyond reading processor time would be in the window's
	// costs and not in its operations. nil: Observe.
	Begin func() (client, server Usage)
	// Measuring is called when measuring begins, and what it returns when it has
	// ended; nil: nothing.
	Measuring func(time.Duration) (wait func() error)
	// Progress is told now and then how much of the time has passed; nil:
	// nobody is.
	Progress func(passed, total time.Duration)

	sleep func(time.Duration) // nil: as exactly as the machine can
}

// caller is one client of a role. It belongs to one goroutine.
type caller struct {
	// op does one operation and notes it; began is when it was to begin.
	op func(ctx context.Context, began time.Time) error
	// close waits for what is under way; nil: there is nothing.
	close func() error
}

// role is a number of callers that do the same.
type role struct {
	name    string
	callers int
	open    func(ctx context.Context, i int, r *recorder) (caller, error)
}

// window is one measurement. parts and recorders are set before it begins.
type window struct {
	load  Load
	phase atomic.Int32
	parts []*part
	turns chan time.Time // of an open loop
}

// part is the recorders of one role.
type part struct {
	name          string
	recorders     []*recorder
	before, after Counts
}

func (w *window) part(name string, recorders int) *part {
	p := &part{name: name}
	for range recorders {
		p.recorders = append(p.recorders, &recorder{phase: &w.phase, latencies: newHistogram()})
	}
	w.parts = append(w.parts, p)
	return p
}

func (p *part) counts() Counts {
	var sum Counts
	for _, r := range p.recorders {
		sum.add(r.counts())
	}
	return sum
}

// run drives the roles through warm-up and measurement and gives what was
// measured. Only the first role keeps to the rate.
func (w *window) run(ctx context.Context, roles ...role) (Round, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	w.turns = make(chan time.Time, turnsWaiting)
	var callers []caller
	closing := func() error {
		var errs []error
		for _, c := range callers {
			if c.close != nil {
				errs = append(errs, c.close())
			}
		}
		return errors.Join(errs...)
	}
	var loops []func() error
	for n, role := range roles {
		p := w.part(role.name, role.callers)
		for i, r := range p.recorders {
			c, err := role.open(ctx, i, r)
			if err != nil {
				return Round{}, errors.Join(fmt.Errorf("%s %d: %w", role.name, i, err), closing())
			}
			callers = append(callers, c)
			turn := now
			if n == 0 && w.load.Rate > 0 {
				turn = w.turn
			}
			loops = append(loops, func() error { return loop(ctx, c, r, turn) })
		}
	}
	var tasks sync.WaitGroup
	if w.load.Rate > 0 {
		tasks.Go(func() { w.turnLoop(ctx) })
	}
	for _, loop := range loops {
		tasks.Go(func() {
			if err := loop(); err != nil {
				fail(err)
			}
		})
	}
	round, err := w.measure(ctx)
	w.phase.Store(phaseOver)
	tasks.Wait()
	if err == nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	err = errors.Join(err, closing()) // now nobody writes to a recorder any more
	w.collect(&round)
	return round, err
}

// loop does one operation after the other until the window is over.
func loop(ctx context.Context, c caller, r *recorder, turn func(context.Context) (time.Time, bool)) error {
	for !r.over() {
		began, ok := turn(ctx)
		if !ok {
			return context.Cause(ctx) // nil at the end of the turns
		}
		if err := c.op(ctx, began); err != nil {
			return err
		}
	}
	return nil
}

// measure waits through the phases and notes the counts at their ends.
func (w *window) measure(ctx context.Context) (Round, error) {
	if err := w.wait(ctx, w.load.Warmup, 0); err != nil {
		return Round{}, err
	}
	end := func() error { return nil }
	if w.load.Measuring != nil {
		end = w.load.Measuring(w.load.Duration)
	}
	client, server := w.begin()
	for _, p := range w.parts {
		p.before = p.counts()
	}
	w.phase.Store(phaseMeasured)
	began := time.Now()
	err := w.wait(ctx, w.load.Duration, w.load.Warmup)
	round := Round{Seconds: time.Since(began).Seconds()}
	for _, p := range w.parts {
		p.after = p.counts()
	}
	w.phase.Store(phaseOver)
	afterClient, afterServer := w.observe()
	round.Client, round.Server = afterClient.since(client), afterServer.since(server)
	return round, errors.Join(err, end())
}

func (w *window) begin() (client, server Usage) {
	if w.load.Begin == nil {
		return w.observe()
	}
	return w.load.Begin()
}

func (w *window) observe() (client, server Usage) {
	if w.load.Observe == nil {
		return Usage{}, Usage{}
	}
	return w.load.Observe()
}

func (w *window) wait(ctx context.Context, d, before time.Duration) error {
	total := w.load.Warmup + w.load.Duration
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-end.C:
			return nil
		case <-tick.C:
			if w.load.Progress != nil {
				w.load.Progress(before+time.Since(began), total)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// collect puts counts and latencies into the round. All callers have ended.
func (w *window) collect(round *Round) {
	for _, p := range w.parts {
		sum := newHistogram()
		for _, r := range p.recorders {
			sum.Merge(r.latencies)
		}
		round.Parts = append(round.Parts, partOf(p, sum, round.Seconds))
	}
}

func partOf(p *part, sum *hdrhistogram.Histogram, seconds float64) Part {
	out := Part{Name: p.name, Callers: len(p.recorders), Counts: p.after.less(p.before), Latency: latencyOf(sum)}
	if seconds > 0 {
		out.OpsPerSecond = float64(out.Counts.Ops) / seconds
		out.EventsPerSecond = float64(out.Counts.Events) / seconds
	}
	return out
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
