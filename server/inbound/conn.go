package inbound

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// frameCost is what the transport takes for a frame beside its data, so that
	// a message in frames of one byte is counted as what it holds.
	frameCost = 256
	// prefixBytes come before each message: whether it is compressed, its length.
	prefixBytes = 5
)

// call is what the transport holds of the message of a call that is not whole.
type call struct {
	prefix [prefixBytes]byte
	have   int   // of the prefix
	left   int64 // of the message, once the prefix is whole
	cost   int64
}

// conn follows the frames of a connection in both directions.
type conn struct {
	net.Conn
	// raw is the connection below TLS, closed without a word.
	raw    net.Conn
	budget *Budget
	once   sync.Once

	held atomic.Int64 // changed under mu only

	mu sync.Mutex
	// in and out are guarded by mu, as is all that follows.
	in, out frames
	// calls are those that the client began and neither side has ended.
	calls map[uint32]*call
	// resets are how many calls the client may still reset before it waits,
	// counted at the time of the last one.
	resets float64
	last   time.Time
	// flooding is set when it has reset more than it may.
	flooding bool
	dead     bool
}

// Read reads, and looks at what was read.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.mu.Lock()
		before := c.held.Load()
		if !c.dead {
			c.in.feed(p[:n], (*incoming)(c))
		}
		grown, flooding := c.held.Load()-before, c.flooding
		c.mu.Unlock()
		if flooding {
			c.budget.cut(c, &c.budget.floods, "its client resets calls before they are answered")
		}
		c.budget.add(grown)
	}
	if err != nil {
		c.leave()
	}
	return n, err
}

// Write looks at what is written, and writes it.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	before := c.held.Load()
	if !c.dead {
		c.out.feed(p, (*outgoing)(c))
	}
	grown := c.held.Load() - before
	c.mu.Unlock()
	c.budget.add(grown)
	return c.Conn.Write(p)
}

// Close closes it and gives back what it held.
func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}

func (c *conn) leave() { c.once.Do(func() { c.budget.forget(c) }) }

// bury lets it hold nothing from now on, and tells how much it held.
func (c *conn) bury() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead, c.calls, c.flooding = true, nil, false
	return c.held.Swap(0)
}

// end forgets a call.
func (c *conn) end(stream uint32) (known bool) {
	if was, ok := c.calls[stream]; ok {
		c.held.Add(-was.cost)
		delete(c.calls, stream)
		return true
	}
	return false
}

// reset takes one of the resets that the client may do.
func (c *conn) reset() {
	now, all := time.Now(), float64(c.budget.o.Resets)
	c.resets = min(c.resets+now.Sub(c.last).Seconds()*all/secondsToAll, all)
	c.last = now
	if c.resets--; c.resets < 0 {
		c.flooding = true
	}
}

// incoming is what a connection does with the frames of its client.
type incoming conn

func (c *incoming) begin(f frame) {
	switch f.kind {
	case typeHeaders:
		if _, known := c.calls[f.stream]; !known && f.stream != 0 {
			c.calls[f.stream] = &call{}
		}
	case typeData:
		if open, ok := c.calls[f.stream]; ok && f.length > 0 {
			open.cost += frameCost
			c.held.Add(frameCost)
		}
	case typeReset:
		if (*conn)(c).end(f.stream) {
			(*conn)(c).reset()
		}
	}
}

func (c *incoming) data(f frame, p []byte) {
	open, ok := c.calls[f.stream]
	if !ok {
		return
	}
	before := open.cost
	open.take(p)
	c.held.Add(open.cost - before)
}

// take takes the next bytes of a call. When a message is whole, what follows
// it is all that counts.
func (m *call) take(p []byte) {
	m.cost += int64(len(p))
	for len(p) > 0 {
		if m.have < prefixBytes {
			n := copy(m.prefix[m.have:], p)
			m.have += n
			p = p[n:]
			if m.have < prefixBytes {
				return
			}
			m.left = int64(binary.BigEndian.Uint32(m.prefix[1:]))
		}
		n := min(m.left, int64(len(p)))
		m.left -= n
		p = p[n:]
		if m.left == 0 {
			m.have, m.cost = 0, int64(len(p))
		}
	}
}

// outgoing is what a connection does with the frames of its server: it ends
// calls.
type outgoing conn

func (c *outgoing) begin(f frame) {
	if f.kind == typeReset || f.kind == typeHeaders && f.flags&flagEndStream != 0 {
		if (*conn)(c).end(f.stream) {
			c.resets += resetsPerAnswer // no more than all: see reset
		}
	}
}

func (*outgoing) data(frame, []byte) {}
