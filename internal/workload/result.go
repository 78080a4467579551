package workload

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/stet-db/stet/internal/machine"
)

// Usage is what a process has used. Zero: not known.
type Usage struct {
	// CPU is processor time.
	CPU time.Duration `json:"cpu_ns"`
	// MemoryBytes is what is resident now, PeakBytes at most so far.
	MemoryBytes int64 `json:"memory_bytes"`
	PeakBytes   int64 `json:"peak_bytes"`
	// WrittenBytes went to the disk, in whole pages.
	WrittenBytes int64 `json:"written_bytes"`
	// Commits are groups of appends with one sync, Switches context switches.
	Commits  int64 `json:"commits"`
	Switches int64 `json:"switches"`
}

// since is what was used after another reading; memory is as it is now.
func (u Usage) since(before Usage) Usage {
	u.CPU -= before.CPU
	u.WrittenBytes -= before.WrittenBytes
	u.Commits -= before.Commits
	u.Switches -= before.Switches
	return u
}

// Latency are percentiles.
type Latency struct {
	// Count is how many operations were measured; without any the rest is 0.
	Count int64 `json:"count"`
	// Microseconds are the latencies at [Percentiles], in its order.
	Microseconds []float64 `json:"us"`
}

// Percentiles are those of each [Latency]; the last one is the most.
var Percentiles = []float64{50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	l := Latency{Count: h.TotalCount()}
	for _, p := range Percentiles {
		l.Microseconds = append(l.Microseconds, float64(h.ValueAtQuantile(p))/1e3)
	}
	return l
}

// At is the latency at one of [Percentiles].
func (l Latency) At(percentile float64) time.Duration {
	i := slices.Index(Percentiles, percentile)
	if i < 0 || i >= len(l.Microseconds) {
		return 0
	}
	return time.Duration(l.Microseconds[i] * 1e3)
}

// Part is what one role did in a round.
type Part struct {
	// Name is the role, Callers how many played it.
	Name    string `json:"name"`
	Callers int    `json:"callers"`
	Counts
	// OpsPerSecond and EventsPerSecond are the rates.
	OpsPerSecond    float64 `json:"ops_per_second"`
	EventsPerSecond float64 `json:"events_per_second"`
	// Latency is that of the operations.
	Latency Latency `json:"latency"`
}

// Round is one measurement of a case.
type Round struct {
	// Seconds is its length.
	Seconds float64 `json:"seconds"`
	// Parts are the roles, the one that the case is about first.
	Parts []Part `json:"parts"`
	// Client and Server are what they used meanwhile.
	Client Usage `json:"client"`
	Server Usage `json:"server"`
	// BehindSeconds is how long after the last append the last subscriber had
	// everything.
	BehindSeconds float64 `json:"behind_seconds,omitempty"`
}

// Result is a case with its rounds.
type Result struct {
	// System is what was measured, Case how.
	System string `json:"system"`
	Case   Case   `json:"case"`
	// Rounds are in the order they were run.
	Rounds []Round `json:"rounds"`
	// Unsupported says why there are no rounds; empty: there are.
	Unsupported string `json:"unsupported,omitempty"`
}

// Spread is the middle of several rounds and how far they lie apart.
type Spread struct {
	// Median is the middle, the lower one of two; Least and Most the extremes.
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Over is the spread of a value over all rounds.
func (r *Result) Over(value func(*Round) float64) Spread {
	if len(r.Rounds) == 0 {
		return Spread{}
	}
	values := make([]float64, len(r.Rounds))
	for i := range r.Rounds {
		values[i] = value(&r.Rounds[i])
	}
	slices.Sort(values)
	return Spread{values[(len(values)-1)/2], values[0], values[len(values)-1]}
}

// Rate is the spread of the events a second of the first part.
func (r *Result) Rate() Spread {
	return r.Over(func(n *Round) float64 { return n.Parts[0].EventsPerSecond })
}

// Ops is the spread of the operations a second of the first part.
func (r *Result) Ops() Spread {
	return r.Over(func(n *Round) float64 { return n.Parts[0].OpsPerSecond })
}

// Latency is the spread of a percentile of the first part, in microseconds.
func (r *Result) Latency(percentile float64) Spread {
	return r.Over(func(n *Round) float64 {
		return float64(n.Parts[0].Latency.At(percentile)) / float64(time.Microsecond)
	})
}

// Sum is the sum of the counts of the first part, but of gaps and repetitions
// that of all parts: subscribers need not be what a case is about.
func (r *Result) Sum() Counts {
	var sum Counts
	for i := range r.Rounds {
		for k, p := range r.Rounds[i].Parts {
			if k > 0 {
				p.Counts = Counts{Gaps: p.Gaps, Repeats: p.Repeats}
			}
			sum.add(p.Counts)
		}
	}
	return sum
}

// UsageOf is what a process has used.
func UsageOf(p machine.Process) Usage {
	return Usage{CPU: p.CPU, MemoryBytes: p.MemoryBytes, PeakBytes: p.PeakBytes, WrittenBytes: p.WrittenBytes, Switches: p.Switches}
}
