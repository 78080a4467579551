package client_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// fake is a server that answers as the test's functions say. Each gets the
// number of the call, from 1.
type fake struct {
	stetv1.UnimplementedEventStoreServer
	addr string

	append      func(n int, r *stetv1.AppendRequest) (*stetv1.AppendResponse, error)
	appendAll   func(n int, r *stetv1.AppendAtomicRequest) (*stetv1.AppendAtomicResponse, error)
	pipeline    func(n int, s grpc.BidiStreamingServer[stetv1.AppendPipelineRequest, stetv1.AppendPipelineResponse]) error
	readStream  func(n int, r *stetv1.ReadStreamRequest, s grpc.ServerStreamingServer[stetv1.ReadStreamResponse]) error
	readAll     func(n int, r *stetv1.ReadAllRequest, s grpc.ServerStreamingServer[stetv1.ReadAllResponse]) error
	subscribe   func(n int, r *stetv1.SubscribeRequest, s grpc.ServerStreamingServer[stetv1.SubscribeResponse]) error
	getStream   func(n int, r *stetv1.GetStreamRequest) (*stetv1.GetStreamResponse, error)
	listStreams func(n int, r *stetv1.ListStreamsRequest) (*stetv1.ListStreamsResponse, error)
	getHead     func(n int) (*stetv1.GetHeadResponse, error)

	mu    sync.Mutex
	calls int
	conns []net.Conn
}

// start serves on a loopback port until the test ends.
func (f *fake) start(t *testing.T) *fake {
	t.Helper()
	return f.startWith(t)
}

func (f *fake) startWith(t *testing.T, options ...grpc.ServerOption) *fake {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = listener.Addr().String()
	server := grpc.NewServer(options...)
	stetv1.RegisterEventStoreServer(server, f)
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(&tracking{listener, f}); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		server.Stop()
		served.Wait()
	})
	return f
}

// tracking remembers connections, to be cut.
type tracking struct {
	net.Listener
	fake *fake
}

func (l *tracking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.fake.mu.Lock()
		l.fake.conns = append(l.fake.conns, conn)
		l.fake.mu.Unlock()
	}
	return conn, err
}

// cut breaks all connections.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.conns {
		_ = conn.Close() // it may be closed already
	}
	f.conns = nil
}

func (f *fake) next() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.calls
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *fake) Append(_ context.Context, r *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
	return f.append(f.next(), r)
}

func (f *fake) AppendAtomic(_ context.Context, r *stetv1.AppendAtomicRequest) (*stetv1.AppendAtomicResponse, error) {
	return f.appendAll(f.next(), r)
}

func (f *fake) AppendPipeline(s grpc.BidiStreamingServer[stetv1.AppendPipelineRequest, stetv1.AppendPipelineResponse]) error {
	return f.pipeline(f.next(), s)
}

func (f *fake) ReadStream(r *stetv1.ReadStreamRequest, s grpc.ServerStreamingServer[stetv1.ReadStreamResponse]) error {
	return f.readStream(f.next(), r, s)
}

func (f *fake) ReadAll(r *stetv1.ReadAllRequest, s grpc.ServerStreamingServer[stetv1.ReadAllResponse]) error {
	return f.readAll(f.next(), r, s)
}

func (f *fake) Subscribe(r *stetv1.SubscribeRequest, s grpc.ServerStreamingServer[stetv1.SubscribeResponse]) error {
	return f.subscribe(f.next(), r, s)
}

func (f *fake) GetStream(_ context.Context, r *stetv1.GetStreamRequest) (*stetv1.GetStreamResponse, error) {
	return f.getStream(f.next(), r)
}

func (f *fake) ListStreams(_ context.Context, r *stetv1.ListStreamsRequest) (*stetv1.ListStreamsResponse, error) {
	return f.listStreams(f.next(), r)
}

func (f *fake) GetHead(context.Context, *stetv1.GetHeadRequest) (*stetv1.GetHeadResponse, error) {
	return f.getHead(f.next())
}

// refusal is a status as the server makes it.
func refusal(code codes.Code, reason string, more ...protoadapt.MessageV1) error {
	list := append([]protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: "stet"}}, more...)
	st, err := status.New(code, "text that nobody may match").WithDetails(list...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func retryIn(d time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

func conflictAt(stream string, expected, actual uint64) *stetv1.Conflict {
	return &stetv1.Conflict{
		Stream:   stream,
		Expected: &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: expected}},
		Actual:   actual,
		Head:     100 + actual,
	}
}

func conflictIn(stream string, expected stetv1.Expectation_State, actual uint64) *stetv1.Conflict {
	c := conflictAt(stream, 0, actual)
	c.Expected.Kind = &stetv1.Expectation_State_{State: expected}
	return c
}

// waits records what a client would have waited for, instead of waiting.
type waits struct {
	mu   sync.Mutex
	list []time.Duration
}

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, d)
	return ctx.Err()
}

func (w *waits) all() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]time.Duration(nil), w.list...)
}

// dial connects to a fake with a client that never really waits, except for
// the connection itself. random is 0.5 at every throw.
func dial(t *testing.T, addr string, o client.Options) (*client.Client, *waits) {
	t.Helper()
	if o.BackoffBase == 0 {
		o.BackoffBase, o.BackoffMax = time.Millisecond, 64*time.Millisecond
	}
	c, err := client.Dial(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	w := &waits{}
	c.SetTime(w.sleep, func() float64 { return 0.5 })
	return c, w
}

func recorded(stream string, version, position uint64) *stetv1.RecordedEvent {
	return &stetv1.RecordedEvent{
		Stream: stream, Version: version, Position: position, Type: "Happened",
		RecordedAt: &timestamppb.Timestamp{Seconds: int64(100 * position)},
		Payload:    &stetv1.RecordedEvent_Json{Json: fmt.Sprintf(`{"n":%d}`, position)},
	}
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// serverTLS is a server option for the tests of TLS.
func serverTLS(c credentials.TransportCredentials) grpc.ServerOption { return grpc.Creds(c) }

func ok(n uint64) *stetv1.AppendResponse {
	return &stetv1.AppendResponse{FirstVersion: n, LastVersion: n, FirstPosition: n, LastPosition: n}
}
