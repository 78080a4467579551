package sequencer

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
)

// queue holds the appends that wait to be judged, in order, within bounds. It
// also knows whether anything is under way: an append that meets nothing need
// not wait for the writer, see [Sequencer.lead].
type queue struct {
	limit, byteLimit int

	mu     sync.Mutex
	items  []*item
	taken  []*item // the writer's until it comes back for more; then room for the next items
	bytes  int
	closed error // why; set once
	// leading: a caller writes in the writer's place, who takes nothing meanwhile.
	leading bool

	// writing: the writer has taken items and not come back for more. It may
	// have work left when all of them are answered.
	writing bool

	// working counts what was taken, or led, and is not answered yet, and the
	// writer or leader while it is writing. Written under mu; atomic so that callers see
	// without a lock that they cannot lead.
	working atomic.Int32

	// filled holds a token while there may be items and the writer sleeps.
	filled chan struct{}
	// room is closed when items were taken, or no more will be let in; nil while
	// nobody waits for it.
	room chan struct{}
}

func newQueue(limit, byteLimit int) *queue {
	return &queue{limit: limit, byteLimit: byteLimit, filled: make(chan struct{}, 1)}
}

// lead makes the caller the writer of an append of its own if none is queued
// or under way, so none is overtaken. Then [queue.handOver] must follow, and
// [queue.settled].
func (q *queue) lead() bool {
	if q.working.Load() != 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil || len(q.items) > 0 || q.working.Load() != 0 {
		return false
	}
	q.leading = true
	q.working.Add(1 + leaderCount())
	return true
}

// leaderCount is what a leader counts for beside its append: what it does last
// comes after the answer.
func leaderCount() int32 {
	if mutant.On(mutant.LeaderUncounted) {
		return 0
	}
	return 1
}

// handOver lets the writer take again, and others lead.
func (q *queue) handOver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leading = false
	q.working.Add(-leaderCount())
	if len(q.items) > 0 || q.closed != nil {
		q.signalLocked()
	}
}

// settled tells that what was taken once, or led, has been answered.
func (q *queue) settled() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.working.Add(-1)
}

// push adds the item, or tells why not.
func (q *queue) push(it *item) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return q.closed
	}
	if !q.fitsLocked(it) {
		return storage.ErrQueueFull
	}
	q.addLocked(it)
	return nil
}

// pushWaiting adds the item, waiting for room until ctx ends.
func (q *queue) pushWaiting(ctx context.Context, it *item) error {
	for {
		q.mu.Lock()
		if q.closed != nil {
			q.mu.Unlock()
			return q.closed
		}
		if q.fitsLocked(it) {
			q.addLocked(it)
			q.mu.Unlock()
			return nil
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queue) fitsLocked(it *item) bool {
	return mutant.On(mutant.QueueUnbounded) || len(q.items) == 0 || (len(q.items) < q.limit && q.bytes+it.bytes <= q.byteLimit)
}

func (q *queue) addLocked(it *item) {
	q.items = append(q.items, it)
	q.bytes += it.bytes
	if len(q.items) == 1 && !q.leading {
		q.signalLocked()
	}
}

func (q *queue) signalLocked() {
	select {
	case q.filled <- struct{}{}:
	default: // the token is there already
	}
}

// take waits for items and returns the oldest, at most about as many as asked
// for, at least one; [queue.settled] must follow. They are the caller's until
// it takes again. nil: the queue is closed and empty.
func (q *queue) take(maxItems, maxBytes int) []*item {
	for {
		if items, ok := q.takeNow(maxItems, maxBytes); ok {
			return items
		}
		<-q.filled
	}
}

func (q *queue) takeNow(maxItems, maxBytes int) ([]*item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.writing {
		q.writing = false
		q.working.Add(-1)
		clear(q.taken) // free to go
	}
	if q.leading {
		return nil, false
	}
	if len(q.items) == 0 {
		return nil, q.closed != nil
	}
	q.writing = true
	q.working.Add(2)
	n, bytes := 0, 0
	for n < len(q.items) && n < maxItems && (n == 0 || bytes+q.items[n].bytes <= maxBytes) {
		bytes += q.items[n].bytes
		n++
	}
	rest := q.items[n:]
	q.items, q.taken = append(q.taken[:0], rest...), q.items[:n]
	clear(rest)
	q.bytes -= bytes
	q.roomLocked()
	return q.taken, true
}

// close lets no more items in. Those that are in can still be taken.
func (q *queue) close(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return
	}
	q.closed = why
	q.roomLocked()
	q.signalLocked()
}

// roomLocked wakes those who wait for room.
func (q *queue) roomLocked() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
