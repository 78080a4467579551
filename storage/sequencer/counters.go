package sequencer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/storage"
)

// syncsKept is how many syncs the median is taken of.
const syncsKept = 128

// counters are what the sequencer counts for metrics.
type counters struct {
	accepted, refused, replayed, events, batches, requestIDs atomic.Uint64

	mu struct {
		sync.Mutex
		// syncs is a ring of the newest durations in microseconds.
		syncs [syncsKept]int64
		n     int
	}
}

func (c *counters) count(o outcome, a *storage.Append) {
	switch {
	case o.err != nil:
		c.refused.Add(1)
	case o.accepted:
		c.accepted.Add(1)
		c.events.Add(uint64(a.EventCount()))
	default:
		c.replayed.Add(1)
	}
}

func (c *counters) synced(took time.Duration) {
	c.batches.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.syncs[c.mu.n%syncsKept] = took.Microseconds()
	c.mu.n++
}

func (c *counters) fill(into *storage.Stats) {
	into.Accepted, into.Refused, into.Replayed = c.accepted.Load(), c.refused.Load(), c.replayed.Load()
	into.Events, into.Batches = c.events.Load(), c.batches.Load()
	c.mu.Lock()
	syncs := slices.Clone(c.mu.syncs[:min(c.mu.n, syncsKept)])
	c.mu.Unlock()
	if len(syncs) > 0 {
		slices.Sort(syncs)
		into.SyncMicros = syncs[len(syncs)/2]
	}
}
