package relaytest

import (
	"io"
	"net"
	"sync"
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
}

// New makes a relay to the address. It ends with the test.
func New(t testing.TB, target string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{listener: listener, target: target}
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
	r.conns = nil
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
		r.mu.Unlock()
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			r.tasks.Go(func() {
				_, _ = io.Copy(way[0], way[1]) // ends with either side, however
				_ = near.Close()               // both may be closed already
				_ = far.Close()
			})
		}
	}
}
