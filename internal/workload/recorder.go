package workload

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What the histograms hold: 1 us to 2 minutes, to two digits.
const (
	leastLatency = int64(time.Microsecond)
	mostLatency  = int64(2 * time.Minute)
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(leastLatency, mostLatency, 2)
}

// The phases of a window.
const (
	phaseWarmup int32 = iota
	phaseMeasured
	phaseOver
)

// Counts are what was done.
type Counts struct {
	// Ops are answered operations, Events those appended, read or delivered.
	Ops    int64 `json:"ops"`
	Events int64 `json:"events"`
	// Conflicts are operations refused as intended.
	Conflicts int64 `json:"conflicts,omitempty"`
	// Gaps are events that a subscriber missed, Repeats those it got again.
	Gaps    int64 `json:"gaps"`
	Repeats int64 `json:"repeats"`
}

func (c *Counts) add(o Counts) {
	c.Ops += o.Ops
	c.Events += o.Events
	c.Conflicts += o.Conflicts
	c.Gaps += o.Gaps
	c.Repeats += o.Repeats
}

func (c Counts) less(o Counts) Counts {
	return Counts{c.Ops - o.Ops, c.Events - o.Events, c.Conflicts - o.Conflicts, c.Gaps - o.Gaps, c.Repeats - o.Repeats}
}

// recorder notes what one caller did. One goroutine at a time writes to it;
// counts may be read at any time, latencies after the caller has ended.
type recorder struct {
	phase     *atomic.Int32
	latencies *hdrhistogram.Histogram

	ops, events, conflicts, gaps, repeats atomic.Int64
}

// done notes an operation that began then and has ended. An intended conflict
// is none of its errors.
func (r *recorder) done(began time.Time, events int, err error) error {
	switch {
	case err == nil:
		r.events.Add(int64(events))
	case errors.Is(err, ErrConflict):
		r.conflicts.Add(1)
	default:
		return err
	}
	r.ops.Add(1)
	r.took(time.Since(began))
	return nil
}

// took notes how long an operation took, when that is measured.
func (r *recorder) took(d time.Duration) {
	if r.phase.Load() == phaseMeasured {
		_ = r.latencies.RecordValue(min(max(int64(d), leastLatency), mostLatency)) // cannot be out of range
	}
}

func (r *recorder) over() bool { return r.phase.Load() == phaseOver }

func (r *recorder) counts() Counts {
	return Counts{r.ops.Load(), r.events.Load(), r.conflicts.Load(), r.gaps.Load(), r.repeats.Load()}
}
