package relaytest_test

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/relaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers every line with itself; the lines it got are in heard.
type echo struct {
	addr  string
	heard chan string
	gone  chan error
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{addr: listener.Addr().String(), heard: make(chan string, 16), gone: make(chan error, 16)}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() {
				defer conn.Close()
				lines := bufio.NewReader(conn)
				for {
					line, err := lines.ReadString('\n')
					if err != nil {
						e.gone <- err
						return
					}
					e.heard <- line
					_, _ = io.WriteString(conn, line) // the other side may be gone
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close() // once, so it succeeds
		tasks.Wait()
	})
	return e
}

func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // again, perhaps
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func TestBytesPassBothWaysFasterOrSlower(t *testing.T) {
	for name, how := range map[string]func(*relaytest.Relay){
		"as they are": func(*relaytest.Relay) {},
		"delayed":     func(r *relaytest.Relay) { r.Delay(time.Millisecond) },
		"trickling":   func(r *relaytest.Relay) { r.Trickle(time.Millisecond) },
	} {
		e := startEcho(t)
		r := relaytest.New(t, e.addr)
		conn := connect(t, r.Addr())
		say(t, conn, "a\n")
		hear(t, conn, "a\n")
		how(r)
		say(t, conn, "bcdef\n")
		hear(t, conn, "bcdef\n")
		if first, second := <-e.heard, <-e.heard; first != "a\n" || second != "bcdef\n" {
			t.Errorf("%s: heard %q and %q", name, first, second)
		}
	}
}

func TestDroppedRepliesAreLostAndRequestsAreNot(t *testing.T) {
	e := startEcho(t)
	r := relaytest.New(t, e.addr)
	conn := connect(t, r.Addr())
	say(t, conn, "a\n")
	hear(t, conn, "a\n")
	r.DropReplies()
	say(t, conn, "b\n")
	<-e.heard
	if got := <-e.heard; got != "b\n" {
		t.Errorf("heard %q", got)
	}
	r.Cut()
	if rest, err := io.ReadAll(conn); len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	again := connect(t, r.Addr())
	say(t, again, "c\n")
	hear(t, again, "c\n")
}

func TestAFrozenConnectionStaysOpenAndSilent(t *testing.T) {
	e := startEcho(t)
	r := relaytest.New(t, e.addr)
	conn := connect(t, r.Addr())
	say(t, conn, "a\n")
	hear(t, conn, "a\n")
	<-e.heard
	r.Freeze()
	say(t, conn, "b\n")
	select {
	case got := <-e.heard:
		t.Errorf("heard %q", got)
	case err := <-e.gone:
		t.Errorf("ended with %v", err)
	default:
	}
	r.Cut()
	<-e.gone //nolint:errcheck // that it ended, not how
	if len(e.heard) != 0 {
		t.Errorf("heard %q", <-e.heard)
	}
}

func TestAResetIsNoOrderlyEnd(t *testing.T) {
	e := startEcho(t)
	r := relaytest.New(t, e.addr)
	conn := connect(t, r.Addr())
	say(t, conn, "a\n")
	hear(t, conn, "a\n")
	r.Reset()
	if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF { //nolint:errorlint // the plain end and nothing else
		t.Errorf("the client got %v, want a reset", err)
	}
	if err := <-e.gone; err == io.EOF { //nolint:errorlint // as above
		t.Errorf("the server got %v, want a reset", err)
	}
}
