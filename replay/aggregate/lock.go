package aggregate

import (
	"context"
	"sync"

	"github.com/stet-db/stet/storage"
)

// maxWaiting bounds who waits for one aggregate.
const maxWaiting = 4096

// locks let one judgement of an aggregate run after another, so that those that
// would only meet each other's conflicts do not judge in vain.
type locks struct {
	mu   sync.Mutex
	held map[string]*turn // guarded by mu
}

// turn is what those who want one aggregate share.
type turn struct {
	free    chan struct{} // has room for one: who fills it has the turn
	waiting int           // guarded by locks.mu; who has the turn counts too
}

// lock waits for the turn, or for ctx to end.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*turn{}
	}
	t := l.held[name]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		l.held[name] = t
	}
	if t.waiting == maxWaiting {
		l.mu.Unlock()
		return nil, storage.ErrQueueFull
	}
	t.waiting++
	l.mu.Unlock()
	select {
	case t.free <- struct{}{}:
		return func() {
			<-t.free
			l.leave(name, t)
		}, nil
	case <-ctx.Done():
		l.leave(name, t)
		return nil, ctx.Err()
	}
}

func (l *locks) leave(name string, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.waiting--; t.waiting == 0 {
		delete(l.held, name)
	}
}
