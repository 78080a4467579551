package inbound

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"

	"github.com/stet-db/stet/internal/prooftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script writes frames, as a client does after its preface or a server.
type script struct {
	bytes.Buffer
	t      testing.TB
	framer *http2.Framer
}

func newScript(t testing.TB) *script {
	s := &script{t: t}
	s.framer = http2.NewFramer(&s.Buffer, nil)
	s.framer.AllowIllegalWrites = true
	return s
}

func (s *script) must(err error) *script {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return s
}

func (s *script) hello() *script { s.WriteString(http2.ClientPreface); return s }

func (s *script) headers(id uint32, end bool) *script {
	return s.must(s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte("block"), EndHeaders: true, EndStream: end}))
}

func (s *script) data(id uint32, p string, padding int) *script {
	var pad []byte
	if padding > 0 {
		pad = make([]byte, padding)
	}
	return s.must(s.framer.WriteDataPadded(id, false, []byte(p), pad))
}

func (s *script) reset(id uint32) *script {
	return s.must(s.framer.WriteRSTStream(id, http2.ErrCodeCancel))
}

func (s *script) ping() *script { return s.must(s.framer.WritePing(false, [8]byte{1})) }

// unused is a connection that nobody uses.
type unused struct{ net.Conn }

func (unused) Close() error         { return nil }
func (unused) RemoteAddr() net.Addr { return &net.TCPAddr{} }

func newBudget(bytes int64, resets int) *Budget {
	return New(Options{Bytes: bytes, Resets: resets, Logger: slog.New(slog.DiscardHandler)})
}

// followed is what a connection holds after a client's frames, which come in
// random pieces, and then a server's.
func followed(random *rand.Rand, client, server []byte) int64 {
	c := newBudget(1<<40, 1000).bound(unused{}, unused{})
	for _, way := range []struct {
		frames *frames
		to     follower
		bytes  []byte
	}{{&c.in, (*incoming)(c), client}, {&c.out, (*outgoing)(c), server}} {
		for left := way.bytes; len(left) > 0; {
			n := 1 + random.IntN(min(len(left), 40))
			way.frames.feed(left[:n], way.to)
			left = left[n:]
		}
	}
	return c.held.Load()
}

func TestOnlyWhatIsNotWholeIsHeld(t *testing.T) {
	seed := prooftest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	whole, begun := "\x00\x00\x00\x00\x03abc", "\x00\x00\x00\x00\x09abc"
	cases := []struct {
		name           string
		client, server *script
		want           int64
	}{
		{"nothing", newScript(t).hello().ping(), newScript(t), 0},
		{"a call that has sent nothing", newScript(t).hello().headers(1, false), newScript(t), 0},
		{"a whole message", newScript(t).hello().headers(1, false).data(1, whole, 0), newScript(t), 0},
		{"one that is not", newScript(t).hello().headers(1, false).ping().data(1, begun, 0), newScript(t), frameCost + 8},
		{"in three frames", newScript(t).hello().headers(1, false).data(1, begun, 0).ping().data(1, "d", 0).data(1, "e", 9), newScript(t), 3*frameCost + 10},
		{"whole in three frames", newScript(t).hello().headers(1, false).data(1, begun, 0).data(1, "def", 200).data(1, "ghi", 0), newScript(t), 0},
		{"a prefix in pieces", newScript(t).hello().headers(1, false).data(1, "\x00\x00", 0).data(1, "\x00", 1), newScript(t), 2*frameCost + 3},
		{"a whole one, and the beginning of another", newScript(t).hello().headers(1, false).data(1, whole+whole+begun, 3), newScript(t), 8},
		{"padding alone", newScript(t).hello().headers(1, false).data(1, "", 30), newScript(t), frameCost},
		{"empty messages", newScript(t).hello().headers(1, false).data(1, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 0), newScript(t), 0},
		{"of a call that never began", newScript(t).hello().data(1, begun, 0), newScript(t), 0},
		{"of two calls", newScript(t).hello().headers(1, false).headers(3, false).data(1, begun, 0).data(3, begun, 0), newScript(t), 2 * (frameCost + 8)},
		{"reset by the client", newScript(t).hello().headers(1, false).data(1, begun, 0).reset(1).data(1, begun, 0), newScript(t), 0},
		{"reset by the server", newScript(t).hello().headers(1, false).data(1, begun, 0), newScript(t).ping().reset(1), 0},
		{"answered", newScript(t).hello().headers(1, false).data(1, begun, 0), newScript(t).headers(1, false).headers(1, true), 0},
		{"answered in part", newScript(t).hello().headers(1, false).data(1, begun, 0), newScript(t).headers(1, false).data(1, whole, 0), frameCost + 8},
	}
	for _, test := range cases {
		for range 20 {
			if got := followed(random, test.client.Bytes(), test.server.Bytes()); got != test.want {
				t.Errorf("seed %d: %s: %d bytes are held, want %d", seed, test.name, got, test.want)
				break
			}
		}
	}
}

func TestWhoResetsTooOftenIsClosedAndWhoWaitsOrIsAnsweredIsNot(t *testing.T) {
	const all = 40
	b := newBudget(1<<40, all)
	ours, theirs := net.Pipe()
	c := b.bound(ours, ours)
	next := uint32(1)
	resets := func(n int) {
		t.Helper()
		client := newScript(t)
		if next == 1 {
			client.hello()
		}
		for range n {
			client.headers(next, false).reset(next)
			next += 2
		}
		sent := make(chan error, 1)
		go func() { _, err := theirs.Write(client.Bytes()); sent <- err }()
		for buffer, left := make([]byte, 100), client.Len(); left > 0; {
			n, err := c.Read(buffer)
			if err != nil {
				break
			}
			left -= n
		}
		<-sent //nolint:errcheck // it may have been cut
	}
	wants := func(floods uint64, after string) {
		t.Helper()
		if got := b.Stats(); got.Floods != floods {
			t.Errorf("%s: %+v, want %d closed", after, got, floods)
		}
	}
	at := func(d time.Duration) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last, c.resets = time.Now().Add(-d), 0
	}
	resets(all - 1)
	wants(0, "as many as it may")
	at(secondsToAll * time.Second / 2)
	resets(all/2 - 1)
	wants(0, "half of them after half of the time")
	at(0)
	c.mu.Lock()
	c.calls[next] = &call{}
	c.out.feed(newScript(t).headers(next, true).Bytes(), (*outgoing)(c))
	c.mu.Unlock()
	next += 2
	resets(resetsPerAnswer - 1)
	wants(0, "ten after an answer")
	resets(all)
	wants(1, "more")
	if _, err := theirs.Write([]byte{0}); err == nil {
		t.Error("it is open")
	}
	if len(b.conns) != 0 {
		t.Errorf("%d connections are left", len(b.conns))
	}
}

func TestTheConnectionThatHoldsMostMakesRoom(t *testing.T) {
	b := newBudget(10_000, 10)
	var all []*conn
	for i := range 4 {
		c := b.bound(unused{}, unused{})
		all = append(all, c)
		client := newScript(t).hello().headers(1, false).data(1, "\x00\x00\x01\x00\x00"+string(make([]byte, 1000*i)), 0)
		c.in.feed(client.Bytes(), (*incoming)(c))
		b.add(c.held.Load())
	}
	if got := b.Stats(); got.Full != 0 || got.Held != 6000+4*(frameCost+5) {
		t.Errorf("%+v", got)
	}
	before := all[1].held.Load()
	all[1].in.feed(newScript(t).data(1, string(make([]byte, 3000)), 0).Bytes(), (*incoming)(all[1]))
	b.add(all[1].held.Load() - before)
	if got := b.Stats(); got.Full != 1 || got.Held != 2000+3000+3*(frameCost+5) {
		t.Errorf("%+v", got)
	}
	if !all[1].dead || all[3].dead {
		t.Error("another one was closed")
	}
	for _, c := range all {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := b.Stats(); got.Held != 0 || len(b.conns) != 0 {
		t.Errorf("%+v and %d connections are left", got, len(b.conns))
	}
}

// FuzzFrames: whatever comes, in whatever pieces, is followed the same way.
func FuzzFrames(f *testing.F) {
	z := prooftest.Target(f)
	z.Add(newScript(f).hello().headers(1, false).data(1, "\x00\x00\x00\x00\x09abc", 7).ping().Bytes(), newScript(f).headers(1, true).Bytes(), uint64(1))
	z.Add([]byte(http2.ClientPreface+"\x00\x00\x01\x00\x08\x00\x00\x00\x01\xff"), []byte{}, uint64(2))
	z.Run(func(t *testing.T, client, server []byte, seed uint64) {
		once := followed(rand.New(rand.NewPCG(seed, 0)), client, server)
		again := followed(rand.New(rand.NewPCG(seed, 1)), client, server)
		if once != again || once < 0 || once > int64(len(client))*(frameCost+1) {
			t.Errorf("%d bytes are held, and in other pieces %d, of %s", once, again, fmt.Sprintf("%d bytes", len(client)))
		}
	})
}
