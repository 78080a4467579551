package fault

import "sync/atomic"

// Hook is called by whoever passes a point, in its goroutine: it may block,
// and an error makes a point that can fail do so.
type Hook func(Point) error

// installed is nil in production. It is one for the process so that points
// need not be handed down to every layer.
var installed atomic.Pointer[Hook]

// Install makes the hook be called at every point, until remove is called.
// Hooks do not stack: it panics when there is one already.
func Install(h Hook) (remove func()) {
	if !installed.CompareAndSwap(nil, &h) {
		panic("fault: a hook is installed already")
	}
	return func() { installed.CompareAndSwap(&h, nil) }
}

// At passes a point that cannot fail.
func At(p Point) {
	if h := installed.Load(); h != nil {
		_ = (*h)(p) // nothing here can fail
	}
}

// Fail passes a point that can fail, and gives the error to fail with.
func Fail(p Point) error {
	if h := installed.Load(); h != nil {
		return (*h)(p)
	}
	return nil
}

// Hits counts how often points are passed. The zero value is ready; it is safe
// for concurrent use.
type Hits [pointCount]atomic.Uint64

// Add counts one pass and returns its number, from 1.
func (h *Hits) Add(p Point) uint64 { return h[p].Add(1) }

// ByName are the counts of all points, passed or not.
func (h *Hits) ByName() map[string]uint64 {
	out := make(map[string]uint64, len(h))
	for p := range h {
		out[Point(p).String()] = h[p].Load()
	}
	return out
}
