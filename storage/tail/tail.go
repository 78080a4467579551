package tail

import (
	"sort"
	"sync"

	"github.com/stet-db/stet/storage"
)

// groupOverhead is what a group costs in memory beside its frames: its slot
// here and the allocator's rounding.
const groupOverhead = 96

// Tail is a bounded run of groups without gaps between them. Safe for
// concurrent use.
type Tail struct {
	// limit bounds bytes; immutable.
	limit int

	mu struct {
		sync.RWMutex
		// groups are in log order, each beginning just after the one before.
		// groups[:dropped] are gone and nil-ed; they are cut off now and then.
		groups  []storage.Group
		dropped int
		bytes   int
	}
}

// New makes an empty tail that keeps at most the given number of bytes, and
// always the newest group.
func New(limitBytes int) *Tail { return &Tail{limit: limitBytes} }

// Push adds groups of events that are durable now. The first must begin just
// after the newest kept one; otherwise the tail starts anew with it.
func (t *Tail) Push(groups ...storage.Group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range groups {
		if n := len(t.mu.groups); n > 0 && t.mu.groups[n-1].Last+1 != g.First {
			t.mu.groups, t.mu.dropped, t.mu.bytes = nil, 0, 0
		}
		t.mu.groups = append(t.mu.groups, g)
		t.mu.bytes += groupBytes(g)
	}
	t.dropOldLocked()
}

// Get is the group that holds position after+1, if it is kept.
func (t *Tail) Get(after storage.Position) (storage.Group, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	kept := t.mu.groups[t.mu.dropped:]
	if len(kept) == 0 || after >= kept[len(kept)-1].Last || after+1 < kept[0].First {
		return storage.Group{}, false
	}
	i := sort.Search(len(kept), func(i int) bool { return kept[i].Last > after })
	return kept[i], true
}

// Bytes is the memory that the groups take.
func (t *Tail) Bytes() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.mu.bytes
}

func (t *Tail) dropOldLocked() {
	for t.mu.bytes > t.limit && t.mu.dropped < len(t.mu.groups)-1 {
		t.mu.bytes -= groupBytes(t.mu.groups[t.mu.dropped])
		t.mu.groups[t.mu.dropped] = storage.Group{}
		t.mu.dropped++
	}
	// Moving down only when half is gone keeps the cost per group constant.
	if t.mu.dropped > len(t.mu.groups)/2 {
		n := copy(t.mu.groups, t.mu.groups[t.mu.dropped:])
		clear(t.mu.groups[n:])
		t.mu.groups, t.mu.dropped = t.mu.groups[:n], 0
	}
}

// groupBytes trusts that a group holds the memory of its frames only.
func groupBytes(g storage.Group) int { return len(g.Frames) + groupOverhead }
