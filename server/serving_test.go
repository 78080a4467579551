package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// patience bounds the waits of tests that are to succeed.
const patience = 30 * time.Second

// serving is a running server and what its tests need of it.
type serving struct {
	*Server
	t    *testing.T
	log  *logBook
	stop context.CancelFunc
	done chan error
}

// serve starts a server on free ports of loopback; change may be nil. It is
// stopped at the end of the test. prepare runs before it listens.
func serve(t *testing.T, store storage.Store, change func(*Config), prepare ...func(*Server)) *serving {
	t.Helper()
	if store == nil {
		store = storagetest.NewModel()
	}
	book := &logBook{}
	c := Config{
		Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", OpsListen: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(book, nil)),
	}
	if change != nil {
		change(&c)
	}
	s, err := New(store, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(s)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &serving{Server: s, t: t, log: book, stop: cancel, done: make(chan error, 1)}
	go func() { run.done <- s.Run(ctx) }()
	t.Cleanup(func() {
		if err := run.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	run.until("ready", func() bool { code, _ := run.ops(http.MethodGet, "/readyz", ""); return code == http.StatusOK })
	return run
}

// end stops the server and gives what Run returned; again, nil.
func (s *serving) end() error {
	s.t.Helper()
	s.stop()
	select {
	case err, ok := <-s.done:
		if ok {
			close(s.done)
		}
		return err
	case <-time.After(patience):
		s.t.Fatal("the server does not end")
		return nil
	}
}

// until asks again and again until the condition holds.
func (s *serving) until(what string, holds func() bool) {
	s.t.Helper()
	look, end := time.NewTicker(time.Millisecond), time.After(patience)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-end:
			s.t.Fatalf("still not %s; log:\n%s", what, s.log)
		}
	}
}

// dial connects without TLS; the connection ends with the test.
func (s *serving) dial(options ...grpc.DialOption) *grpc.ClientConn {
	s.t.Helper()
	return dial(s.t, s.Addr().String(), append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, options...)...)
}

func dial(t *testing.T, address string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close the connection: %v", err)
		}
	})
	return conn
}

// client is a client of the event store on a connection of its own.
func (s *serving) client() stetv1.EventStoreClient { return stetv1.NewEventStoreClient(s.dial()) }

// opsClient keeps no connection, so that none is left at the end of a test.
var opsClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// ops asks the operations listener; code 0 when it does not answer.
func (s *serving) ops(method, path, body string, header ...string) (code int, text string) {
	s.t.Helper()
	return s.ask(s.OpsAddr(), method, path, body, header...)
}

// web asks the HTTP listener; code 0 when it does not answer.
func (s *serving) web(method, path, body string, header ...string) (code int, text string) {
	s.t.Helper()
	return s.ask(s.HTTPAddr(), method, path, body, header...)
}

// ask sends a request with headers, each a name and a value.
func (s *serving) ask(to net.Addr, method, path, body string, header ...string) (code int, text string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+to.String()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Add(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := opsClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(all)
}

// waiting is a context for calls that are to succeed.
func waiting(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// oneEvent is an append that is always accepted.
func oneEvent(stream string) *stetv1.AppendRequest {
	return &stetv1.AppendRequest{
		Stream:      stream,
		Expectation: &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: stetv1.Expectation_STATE_ANY}},
		Events:      []*stetv1.NewEvent{{Type: "Happened", Payload: &stetv1.NewEvent_Json{Json: "{}"}}},
	}
}

// logBook is a log that a test reads while it is written.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBook) wants(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if text := b.String(); !strings.Contains(text, part) {
			t.Errorf("the log lacks %q:\n%s", part, text)
		}
	}
}

// movedClock is a source whose wall clock a test moves.
type movedClock struct {
	clock.Source
	move atomic.Int64
}

func (c *movedClock) Wall() time.Time { return c.Source.Wall().Add(time.Duration(c.move.Load())) }

// named is the client's usual codec under another name.
type named string

func (n named) Name() string { return string(n) }

func (named) Marshal(v any) (mem.BufferSlice, error) {
	return encoding.GetCodecV2("proto").Marshal(v)
}

func (named) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2("proto").Unmarshal(data, v)
}
