package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
)

func TestConnectionsBeyondTheBoundAreClosed(t *testing.T) {
	const bound = 3
	s := serve(t, nil, func(c *Config) { c.Connections = bound })
	open := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // again, after a test that closed it
		return conn
	}
	var held []net.Conn
	for range bound {
		held = append(held, open())
	}
	s.until("full", func() bool { return s.rpcListener.open.Load() == bound })
	refused := open()
	if err := refused.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := refused.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("connection %d: read %d, %v, want it closed", bound+1, n, err)
	}
	s.log.wants(t, "connections are refused")
	if _, text := s.ops("GET", "/metrics", ""); !strings.Contains(text, "stet_connections 3\n") || !strings.Contains(text, "stet_connections_refused_total 1\n") {
		t.Errorf("not counted:\n%s", text)
	}
	if err := held[0].Close(); err != nil {
		t.Fatal(err)
	}
	s.until("room again", func() bool { return s.rpcListener.open.Load() < bound })
	if _, err := s.client().GetHead(waiting(t), &stetv1.GetHeadRequest{}); err != nil {
		t.Errorf("a client in the free place: %v", err)
	}
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func TestCallsBeyondTheBoundOfAConnectionWait(t *testing.T) {
	const bound = 2
	s := serve(t, nil, func(c *Config) { c.StreamsPerConnection = bound })
	health := healthv1.NewHealthClient(s.dial())
	var leave []context.CancelFunc
	for range bound {
		ctx, cancel := context.WithCancel(waiting(t))
		leave = append(leave, cancel)
		watch, err := health.Watch(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := watch.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := health.Check(short, &healthv1.HealthCheckRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("call %d: %v, want it to wait", bound+1, err)
	}
	leave[0]()
	if _, err := health.Check(waiting(t), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("after one left: %v", err)
	}
	leave[1]()
}

func TestHeadersBeyondTheBoundAreRefused(t *testing.T) {
	s := serve(t, nil, nil)
	c := s.client()
	call := func(bytes int) error {
		ctx := metadata.AppendToOutgoingContext(waiting(t), "x-large", strings.Repeat("x", bytes))
		_, err := c.GetHead(ctx, &stetv1.GetHeadRequest{})
		return err
	}
	// The first call brings the server's settings.
	if err := call(headerBytes / 2); err != nil {
		t.Errorf("half of the bound: %v", err)
	}
	if err := call(headerBytes); err == nil || !strings.Contains(err.Error(), "header list size") {
		t.Errorf("beyond the bound: %v", err)
	}
	if err := call(0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRequestsBeyondTheBoundGetOurError(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Limits = storage.Limits{RequestBytes: 64 << 10} })
	c := s.client()
	call := func(bytes int) error {
		r := oneEvent("cart-1")
		r.Events[0].Payload = &stetv1.NewEvent_Binary{Binary: make([]byte, bytes)}
		_, err := c.Append(waiting(t), r)
		return err
	}
	if err := call(63 << 10); err != nil {
		t.Errorf("below the limit: %v", err)
	}
	if err := call(65 << 10); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), fmt.Sprint(64<<10)) {
		t.Errorf("above the limit: %v, want INVALID_ARGUMENT naming it", err)
	}
	if err := call(64<<10 + requestSlack); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("beyond what is received: %v, want RESOURCE_EXHAUSTED", err)
	}
	if err := call(1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestOtherEncodingsThanProtobufAreRefused(t *testing.T) {
	s := serve(t, nil, nil)
	c := s.client()
	for _, subtype := range []string{"", "proto"} {
		if _, err := c.GetHead(waiting(t), &stetv1.GetHeadRequest{}, grpc.CallContentSubtype(subtype)); err != nil {
			t.Errorf("subtype %q: %v", subtype, err)
		}
	}
	_, err := c.GetHead(waiting(t), &stetv1.GetHeadRequest{}, grpc.ForceCodecV2(named("json")))
	st := status.Convert(err)
	if st.Code() != codes.InvalidArgument || !strings.Contains(st.Message(), "application/grpc+json") {
		t.Fatalf("subtype json: %v", err)
	}
	var reason, field string
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.BadRequest:
			field = d.GetFieldViolations()[0].GetField()
		}
	}
	if reason != ReasonInvalidRequest || field != "content-type" {
		t.Errorf("reason %q, field %q", reason, field)
	}
}

func TestAClientThatPingsTooOftenIsTurnedAway(t *testing.T) {
	s := serve(t, nil, nil)
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const settings, ping = "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+settings+strings.Repeat(ping, 5)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && isTimeout(err) {
		t.Fatal("the connection stays open")
	}
	if !strings.Contains(string(answer), "too_many_pings") {
		t.Errorf("answered %q, want GOAWAY with too_many_pings", answer)
	}
}
