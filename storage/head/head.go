package head

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/stet-db/stet/storage"
)

// Head is the durable head. The writer publishes, any number of readers look
// and wait. The zero value is not usable; see [New].
type Head struct {
	// current is written only under mu; it is atomic so that looking costs no
	// lock. Waiting goes by mu alone, so that no wake-up is lost between looking
	// and waiting.
	current atomic.Uint64

	mu struct {
		sync.Mutex
		// moved is closed when current moves, or no more will; nil while nobody
		// waits, as a commit should not pay for waiters that are not there.
		moved  chan struct{}
		closed bool
	}
}

// New makes a head at the given position.
func New(at storage.Position) *Head {
	h := &Head{}
	h.current.Store(uint64(at))
	return h
}

// Current is the highest durable position.
func (h *Head) Current() storage.Position { return storage.Position(h.current.Load()) }

// Publish moves the head up to a position that is durable now, and wakes all
// who wait. A position at or below the head changes nothing: it never falls.
func (h *Head) Publish(to storage.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if uint64(to) <= h.current.Load() || h.mu.closed {
		return
	}
	h.current.Store(uint64(to))
	h.wakeLocked()
}

func (h *Head) wakeLocked() {
	if h.mu.moved != nil {
		close(h.mu.moved)
		h.mu.moved = nil
	}
}

// Await waits until the head is above the given position and returns it. It
// ends with the error of ctx, or with [storage.ErrShuttingDown] after Close.
func (h *Head) Await(ctx context.Context, above storage.Position) (storage.Position, error) {
	for {
		at, moved, err := h.look(above)
		if moved == nil {
			return at, err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return h.Current(), ctx.Err()
		}
	}
}

// look returns the head, and what to wait for unless it is above the given
// position or there is nothing to wait for any more.
func (h *Head) look(above storage.Position) (storage.Position, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.Current()
	if at > above {
		return at, nil, nil
	}
	if h.mu.closed {
		return at, nil, storage.ErrShuttingDown
	}
	if h.mu.moved == nil {
		h.mu.moved = make(chan struct{})
	}
	return at, h.mu.moved, nil
}

// Close ends all waiting. The head does not move any more.
func (h *Head) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.closed = true
	h.wakeLocked()
}
