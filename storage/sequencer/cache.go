package sequencer

import (
	"sync"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
)

// cache remembers the newest state of names, for the writer. It keeps two
// generations: what is used moves to the young one; when that is full the old
// one is dropped and the young one becomes old. So it holds at most about twice
// its limit, and costs nothing per entry to keep in order.
//
// What makes values read ahead safe to use: everything that was written after
// floor is still here. So a name that is not here was not written after floor,
// and any reading that began at floor or later is still true.
type cache[T any] struct {
	limit int

	mu         sync.Mutex // guards young and old; the rest is the writer's
	young, old map[string]T

	// frozenAt is the newest staged position when young became old.
	frozenAt storage.Position
	floor    storage.Position
}

func (c *cache[T]) init(limit int) {
	c.limit = limit
	c.young = make(map[string]T)
	c.old = make(map[string]T)
}

// peek tells whether the name is cached. For anybody.
func (c *cache[T]) peek(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[name]; ok {
		return true
	}
	_, ok := c.old[name]
	return ok
}

func (c *cache[T]) get(name string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[name]; ok {
		return v, true
	}
	v, ok := c.old[name]
	if ok {
		c.young[name] = v
	}
	return v, ok
}

func (c *cache[T]) put(name string, v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young[name] = v
}

// trusts tells whether a value read when the given position was applied is
// still true for a name that is not cached.
func (c *cache[T]) trusts(asOf storage.Position) bool {
	return asOf >= c.floor || mutant.On(mutant.StaleHintTrusted)
}

// shrink drops the old generation when the young one is full. last is the
// newest staged position, and everything up to it must be applied.
func (c *cache[T]) shrink(last storage.Position) {
	if len(c.young) < c.limit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = max(c.floor, c.frozenAt)
	c.frozenAt = last
	c.old, c.young = c.young, make(map[string]T, c.limit)
}

// forget drops everything, and trusts nothing that was read before the given
// position was applied. Everything staged must be applied.
func (c *cache[T]) forget(floor storage.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.old)
	clear(c.young)
	c.frozenAt, c.floor = floor, floor
}
