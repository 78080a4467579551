package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func TestTheOrderOfInterceptors(t *testing.T) {
	s, err := New(nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, stage := range s.stages() {
		names = append(names, stage.name)
		if stage.reason == "" || stage.unary == nil || stage.stream == nil {
			t.Errorf("%s has no reason, or no interceptor", stage.name)
		}
	}
	if got, want := strings.Join(names, ", "), "calls, request id, logging, metrics, keys, limits, recovery"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// broken is a service whose methods do what a test wants.
type broken struct {
	unary  func(context.Context) error
	stream func(grpc.ServerStream) error
}

func (b *broken) register(s *Server) {
	desc := &grpc.ServiceDesc{
		ServiceName: "stet.test.Broken", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			in := new(emptypb.Empty)
			if err := decode(in); err != nil {
				return nil, err
			}
			return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: brokenUnary}, func(ctx context.Context, _ any) (any, error) {
				return new(emptypb.Empty), b.unary(ctx)
			})
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			return b.stream(stream)
		}}},
	}
	s.services = append(s.services, func(rpc *grpc.Server) error { rpc.RegisterService(desc, b); return nil })
}

const (
	brokenUnary  = "/stet.test.Broken/Unary"
	brokenStream = "/stet.test.Broken/Stream"
)

func callUnary(t *testing.T, conn *grpc.ClientConn, options ...grpc.CallOption) error {
	t.Helper()
	return conn.Invoke(waiting(t), brokenUnary, new(emptypb.Empty), new(emptypb.Empty), options...)
}

func callStream(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	stream, err := conn.NewStream(waiting(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, brokenStream)
	if err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(new(emptypb.Empty))
}

func TestAPanicIsAnInternalErrorAndTheServerLivesOn(t *testing.T) {
	b := &broken{
		unary:  func(context.Context) error { panic("secret of unary") },
		stream: func(grpc.ServerStream) error { panic("secret of stream") },
	}
	s := serve(t, nil, nil, b.register)
	conn := s.dial()
	for name, err := range map[string]error{"unary": callUnary(t, conn), "stream": callStream(t, conn)} {
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want INTERNAL without the panic's text", name, err)
		}
	}
	s.log.wants(t, "secret of unary", "secret of stream", "interceptors_test.go", "grpc.code=Internal", "grpc.method=Unary", "grpc.method=Stream")
	if _, text := s.ops("GET", "/metrics", ""); !strings.Contains(text, "stet_recovered_panics_total 2") ||
		!strings.Contains(text, `stet_grpc_server_handled_total{grpc_code="Internal",grpc_method="Unary",grpc_service="stet.test.Broken",grpc_type="unary"} 1`) {
		t.Errorf("the panics are not counted:\n%s", text)
	}
	if _, err := s.client().Append(waiting(t), oneEvent("cart-1")); err != nil {
		t.Errorf("after the panics: %v", err)
	}
}

func TestTheRequestIDIsGivenBackAndLogged(t *testing.T) {
	fault := status.Error(codes.Internal, "broken on purpose")
	b := &broken{
		unary:  func(context.Context) error { return fault },
		stream: func(grpc.ServerStream) error { return fault },
	}
	s := serve(t, nil, nil, b.register)
	conn := s.dial()
	call := func(given ...string) string {
		t.Helper()
		ctx := metadata.NewOutgoingContext(waiting(t), metadata.MD{requestIDKey: given})
		var header metadata.MD
		if err := conn.Invoke(ctx, brokenUnary, new(emptypb.Empty), new(emptypb.Empty), grpc.Header(&header)); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
		// A call that fails without an answer has its headers in the trailer's
		// frame, or before it; the log has the name in any case.
		if ids := header.Get(requestIDKey); len(ids) == 1 {
			return ids[0]
		}
		return ""
	}
	if got := call("order-17"); got != "order-17" {
		t.Errorf("given back %q, want the client's", got)
	}
	s.log.wants(t, "request_id=order-17", "grpc.time_ms=", "peer.address=", "broken on purpose")
	made := map[string]bool{}
	for _, id := range []string{call(), call(strings.Repeat("x", requestIDBytes+1)), call("with space"), call("one", "two"), call("")} {
		made[id] = true
		s.log.wants(t, "request_id="+id+" ")
	}
	if len(made) != 5 || made[""] {
		t.Errorf("made %v, want five different ones", made)
	}
	if got := call(strings.Repeat("x", requestIDBytes)); len(got) != requestIDBytes {
		t.Errorf("a name of %d bytes was not kept: %q", requestIDBytes, got)
	}
}

func TestOnlyFaultsAreLoggedUnlessDebugIsOn(t *testing.T) {
	s := serve(t, nil, nil)
	c := s.client()
	if _, err := c.GetHead(waiting(t), &stetv1.GetHeadRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetStream(waiting(t), &stetv1.GetStreamRequest{Stream: "none"}); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	if text := s.log.String(); strings.Contains(text, "finished call") {
		t.Errorf("calls without fault are logged:\n%s", text)
	}

	book := &logBook{}
	s = serve(t, nil, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if _, err := s.client().GetHead(waiting(t), &stetv1.GetHeadRequest{}); err != nil {
		t.Fatal(err)
	}
	s.until("logged", func() bool { return strings.Contains(book.String(), "finished call") })
	book.wants(t, "level=DEBUG", "grpc.method=GetHead", "grpc.code=OK", "request_id=")
}

func TestUnaryCallsHaveADeadline(t *testing.T) {
	for name, change := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"none": context.WithCancel,
		"too long": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*unaryTimeout)
		},
	} {
		ctx, cancel := change(t.Context())
		if end, ok := withUnaryTimeout(ctx, func() {}).Deadline(); !ok || end.After(time.Now().Add(unaryTimeout)) {
			t.Errorf("%s: the handler may run until %v", name, end)
		}
		cancel()
	}
}
