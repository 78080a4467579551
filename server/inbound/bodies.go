package inbound

import (
	"errors"
	"io"
	"sync"
)

// SmallBody is the size up to which a body is never given up: large ones that are
// whole already, and slow to be worked on, must not keep everybody out. So all
// bodies may hold as much more for each connection.
const SmallBody = 64 << 10

// Bodies bounds what the bodies of HTTP requests hold over all connections, each
// from its first byte to [Body.End] (I10). When it is too much, the one that is
// not whole and has most is given up: who sends a large body slowly, or never
// ends it, makes room for the others. Make it with [NewBodies]; it is safe for
// concurrent use.
type Bodies struct {
	limit int64

	mu      sync.Mutex
	held    int64              // guarded by mu
	coming  map[*Body]struct{} // those that are not whole; guarded by mu
	refused uint64             // guarded by mu
}

// NewBodies bounds them to so many bytes.
func NewBodies(limit int64) *Bodies { return &Bodies{limit: limit, coming: map[*Body]struct{}{}} }

// Body is that of one request.
type Body struct {
	all  *Bodies
	from io.Reader
	cut  func()

	bytes int64 // guarded by all.mu; 0 once given up
	full  bool  // given up; guarded by all.mu
	// cutting is closed when somebody else has called cut, which must be before
	// the request ends; nil: nobody will. Guarded by all.mu.
	cutting chan struct{}
}

// ErrBodiesFull ends the reading of a body that was given up.
var ErrBodiesFull = errors.New("the bodies of all requests hold too much")

// Begin is for a body that comes from a reader; cut ends a read that waits. It is
// called from another goroutine, and never after [Body.End] has returned.
func (a *Bodies) Begin(from io.Reader, cut func()) *Body {
	b := &Body{all: a, from: from, cut: cut}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.coming[b] = struct{}{}
	return b
}

// Read reads and counts. [ErrBodiesFull]: the body was given up.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if most := b.all.add(b, int64(n)); most != nil {
		func() {
			defer close(most.cutting)
			most.cut()
		}()
	}
	if b.GivenUp() {
		return n, ErrBodiesFull
	}
	return n, err
}

// add counts bytes of a body, and gives up the largest when all hold too much: the
// caller has to cut what it returns.
func (a *Bodies) add(b *Body, bytes int64) (toCut *Body) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.full {
		return nil
	}
	b.bytes += bytes
	if a.held += bytes; a.held <= a.limit {
		return nil
	}
	most := b
	for other := range a.coming {
		if other.bytes > most.bytes {
			most = other
		}
	}
	if most.bytes <= SmallBody {
		return nil
	}
	a.held -= most.bytes
	most.bytes, most.full = 0, true
	a.refused++
	if most == b {
		return nil
	}
	most.cutting = make(chan struct{})
	return most
}

// GivenUp tells that it made room for others. It is final once the body is whole.
func (b *Body) GivenUp() bool {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	return b.full
}

// Whole tells that nothing more comes. It still counts, and nobody gives it up.
func (b *Body) Whole() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	delete(b.all.coming, b)
}

// End forgets a body, before its request ends. It may be called again; a nil one
// is none.
func (b *Body) End() {
	if b == nil {
		return
	}
	if cutting := b.forget(); cutting != nil {
		<-cutting
	}
}

func (b *Body) forget() (cutting chan struct{}) {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	delete(b.all.coming, b)
	b.all.held -= b.bytes
	b.bytes = 0
	return b.cutting
}

// Stats are the bytes that are held, their bound, and how many bodies were given
// up.
func (a *Bodies) Stats() (held, limit int64, refused uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held, a.limit, a.refused
}
