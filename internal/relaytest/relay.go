package relaytest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Relay passes TCP connections on, and is as bad a network as a test wants.
// What is said of connections holds for those there are; new ones are passed on
// faithfully. Safe for concurrent use.
type Relay struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	target string
	conns  []net.Conn
	// now is how the connections made since the latest cut are treated.
	now *treatment
}

// treatment is what happens to the bytes of some connections.
type treatment struct {
	// mute drops what clients send, deaf what the server sends.
	mute, deaf atomic.Bool
	// delay is before each write, or each byte if trickle is set; nanoseconds.
	delay   atomic.Int64
	trickle atomic.Bool
	cut     chan struct{}
}

func newTreatment() *treatment { return &treatment{cut: make(chan struct{})} }

// New makes a relay to the address. It ends with the test.
func New(t testing.TB, target string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{listener: listener, target: target, now: newTreatment()}
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

// Cut breaks every connection in an orderly way.
func (r *Relay) Cut() { r.end(func(net.Conn) {}) }

// Reset breaks every connection as a crashed peer does: with a reset, so that
// what was on its way is lost.
func (r *Relay) Reset() {
	r.end(func(conn net.Conn) {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // fails when it is closed already
		}
	})
}

func (r *Relay) end(prepare func(net.Conn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.now.cut)
	for _, conn := range r.conns {
		prepare(conn) // all of them first: the end of one ends its other side
	}
	for _, conn := range r.conns {
		_ = conn.Close() // it may be closed already
	}
	r.conns, r.now = nil, newTreatment()
}

// change tells how the connections are treated from now on.
func (r *Relay) change(f func(*treatment)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.now)
}

// DropReplies lets nothing more from the server through until the connections
// are cut: requests arrive and answers do not.
func (r *Relay) DropReplies() { r.change(func(t *treatment) { t.deaf.Store(true) }) }

// Freeze lets nothing through either way until the connections are cut, and
// neither side is told: they are half-open.
func (r *Relay) Freeze() {
	r.change(func(t *treatment) { t.mute.Store(true); t.deaf.Store(true) })
}

// Delay holds back each piece that is passed on, either way.
func (r *Relay) Delay(d time.Duration) { r.change(func(t *treatment) { t.delay.Store(int64(d)) }) }

// Trickle passes on one byte in each interval, either way.
func (r *Relay) Trickle(every time.Duration) {
	r.change(func(t *treatment) { t.delay.Store(int64(every)); t.trickle.Store(true) })
}

// Lead breaks every connection and sends new ones to another server.
func (r *Relay) Lead(target string) {
	r.mu.Lock()
	r.target = target
	r.mu.Unlock()
	r.Cut()
}

// way is one direction of a connection.
type way struct {
	io.Writer
	*treatment
	dropped *atomic.Bool
}

func (w way) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		piece := p[done:]
		if w.trickle.Load() {
			piece = piece[:1]
		}
		if !w.wait() {
			return done, net.ErrClosed
		}
		if !w.dropped.Load() {
			if n, err := w.Writer.Write(piece); err != nil {
				return done + n, err
			}
		}
		done += len(piece)
	}
	return len(p), nil
}

// wait holds a piece back. False: the connection was cut meanwhile.
func (w way) wait() bool {
	d := time.Duration(w.delay.Load())
	if d == 0 {
		return true
	}
	hold := time.NewTimer(d)
	defer hold.Stop()
	select {
	case <-hold.C:
		return true
	case <-w.cut:
		return false
	}
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
		how := r.now
		r.mu.Unlock()
		pass := func(to io.Writer, from io.Reader) {
			_, _ = io.Copy(to, from) // ends with either side, however
			_ = near.Close()         // both may be closed already
			_ = far.Close()
		}
		r.tasks.Go(func() { pass(way{far, how, &how.mute}, near) })
		r.tasks.Go(func() { pass(way{near, how, &how.deaf}, far) })
	}
}
