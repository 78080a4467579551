package relaytest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Relay passes TCP connections on and can cut all of them. Safe for concurrent
// use.
type Relay struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	target string
	conns  []net.Conn
	// deaf is that of the connections made since the latest cut.
	deaf *atomic.Bool
}

// New makes a relay to the address. It ends with the test.
func New(t testing.TB, target string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{listener: listener, target: target, deaf: new(atomic.Bool)}
	r.tasks.Go(r.acceptLoop)
	t.Cleanup(func() {
		_ = listener.Close() // once, so it succeeds
		r.Cut()
		r.tasks.Wait()
	})
	return r
}

// Addr is what clients connect to.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Cut breaks every connection. New ones are passed on.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		_ = conn.Close() // it may be closed already
	}
	r.conns, r.deaf = nil, new(atomic.Bool)
}

// DropReplies lets nothing more from the server through on the connections
// there are, until they are cut: requests arrive and answers do not.
func (r *Relay) DropReplies() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deaf.Store(true)
}

// replies are what goes back to a client.
type replies struct {
	io.Writer
	deaf *atomic.Bool
}

func (w replies) Write(p []byte) (int, error) {
	if w.deaf.Load() {
		return len(p), nil
	}
	return w.Writer.Write(p)
}

// Lead breaks every connection and sends new ones to another server.
func (r *Relay) Lead(target string) {
	r.mu.Lock()
	r.target = target
	r.mu.Unlock()
	r.Cut()
}

func (r *Relay) acceptLoop() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		target := r.target
		r.mu.Unlock()
		far, err := net.Dial("tcp", target)
		if err != nil {
			_ = near.Close() // as if the server were away
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, near, far)
		back := replies{near, r.deaf}
		r.mu.Unlock()
		pass := func(to io.Writer, from io.Reader) {
			_, _ = io.Copy(to, from) // ends with either side, however
			_ = near.Close()         // both may be closed already
			_ = far.Close()
		}
		r.tasks.Go(func() { pass(far, near) })
		r.tasks.Go(func() { pass(back, far) })
	}
}
