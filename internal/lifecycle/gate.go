package lifecycle

import "sync"

// Gate counts who is inside, and lets nobody in once it is shut. Make it with
// [NewGate]; it is safe for concurrent use.
type Gate struct {
	mu     sync.Mutex
	count  int           // guarded by mu
	closed bool          // guarded by mu
	empty  chan struct{} // closed when the gate is shut and nobody inside
}

// NewGate makes a gate that is open.
func NewGate() *Gate { return &Gate{empty: make(chan struct{})} }

// Enter tells whether the caller is inside now; then it must leave.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.count++
	return true
}

// Leave is the end of a stay.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count--; g.closed && g.count == 0 {
		close(g.empty)
	}
}

// Shut lets nobody in any more. The channel is closed once nobody is inside.
func (g *Gate) Shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		if g.count == 0 {
			close(g.empty)
		}
	}
	return g.empty
}

// Inside is how many are.
func (g *Gate) Inside() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}
