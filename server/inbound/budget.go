package inbound

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
)

// What a client gets back of its resets: most with each answer, so that one
// whose calls often come too late is told from one that wants no answer.
const (
	resetsPerAnswer = 10
	secondsToAll    = 40 // without answers
)

// tellEvery is how often the log has a line about closed connections, at most.
const tellEvery = time.Minute

// Options are the bounds of a [Budget]; all are required.
type Options struct {
	// Bytes are what messages that are not whole may hold over all connections,
	// with what the transport takes for their frames.
	Bytes int64
	// Resets are how many calls in a row a client may reset on one connection
	// before they are answered. It gets back ten with each answer, and all in
	// forty seconds.
	Resets int
	Logger *slog.Logger
}

// Budget bounds the connections of one server.
type Budget struct {
	o Options

	held          atomic.Int64
	full, floods  atomic.Uint64
	toldAt, quiet atomic.Int64

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
}

// New makes a budget of which nothing is taken.
func New(o Options) *Budget { return &Budget{o: o, conns: map[*conn]struct{}{}} }

// Stats are what is held, and the connections that were closed so far.
type Stats struct {
	// Held are the bytes of messages that are not whole; Limit is their bound.
	Held, Limit int64
	// Full were closed because they held most of too much, Floods because their
	// clients reset too many calls.
	Full, Floods uint64
}

// Stats tell where it stands.
func (b *Budget) Stats() Stats {
	return Stats{Held: b.held.Load(), Limit: b.o.Bytes, Full: b.full.Load(), Floods: b.floods.Load()}
}

// Credentials are the given ones, whose connections the budget bounds.
func (b *Budget) Credentials(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return bounded{inner, b}
}

type bounded struct {
	credentials.TransportCredentials
	budget *Budget
}

// ServerHandshake is the inner one's; what comes after it is looked at.
func (c bounded) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return secured, info, err
	}
	return c.budget.bound(secured, raw), info, nil
}

// Clone is for the same budget.
func (c bounded) Clone() credentials.TransportCredentials {
	return bounded{c.TransportCredentials.Clone(), c.budget}
}

func (b *Budget) bound(secured, raw net.Conn) *conn {
	c := &conn{
		Conn: secured, raw: raw, budget: b, calls: map[uint32]*call{}, in: frames{skip: prefaceBytes},
		resets: float64(b.o.Resets), last: time.Now(),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns[c] = struct{}{}
	return c
}

// forget takes a connection out, with what it held.
func (b *Budget) forget(c *conn) {
	b.mu.Lock()
	delete(b.conns, c)
	b.mu.Unlock()
	b.held.Add(-c.bury())
}

// add counts what was received, and makes room where that is too much.
func (b *Budget) add(bytes int64) {
	if bytes == 0 || b.held.Add(bytes) <= b.o.Bytes || bytes < 0 {
		return
	}
	if most := b.most(); most != nil {
		b.cut(most, &b.full, "it holds most of the messages that are not whole")
	}
}

// most is the connection that holds most, when all hold too much together.
func (b *Budget) most() (most *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held.Load() <= b.o.Bytes {
		return nil // somebody else made room
	}
	for c := range b.conns {
		if most == nil || c.held.Load() > most.held.Load() {
			most = c
		}
	}
	return most
}

// cut closes a connection, which is then as one that broke.
func (b *Budget) cut(c *conn, counter *atomic.Uint64, why string) {
	held := c.held.Load()
	c.leave()
	if err := c.raw.Close(); errors.Is(err, net.ErrClosed) {
		return // it was closed already
	}
	counter.Add(1)
	now, told := time.Now().UnixNano(), b.toldAt.Load()
	if now-told < int64(tellEvery) && told != 0 || !b.toldAt.CompareAndSwap(told, now) {
		b.quiet.Add(1)
		return
	}
	b.o.Logger.Warn("a connection was closed", "because", why, "client", c.RemoteAddr().String(), "bytes", held,
		"limit", b.o.Bytes, "closed_without_a_line_since_the_last", b.quiet.Swap(0))
}

// Bound sets another bound of the bytes, before there are connections.
func (b *Budget) Bound(bytes int64) { b.o.Bytes = bytes }
