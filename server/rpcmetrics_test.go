package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/internal/alloctest"
)

func TestCallsAreCountedByMethodAndStatus(t *testing.T) {
	s := serve(t, nil, nil)
	for range 2 {
		if _, err := s.client().Append(waiting(t), oneEvent("cart-1")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.client().Append(waiting(t), oneEvent("")); status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	_, text := s.ops(http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`stet_grpc_server_started_total{grpc_method="Append",grpc_service="stet.v1.EventStore",grpc_type="unary"} 3`,
		`stet_grpc_server_handled_total{grpc_code="OK",grpc_method="Append",grpc_service="stet.v1.EventStore",grpc_type="unary"} 2`,
		`stet_grpc_server_handled_total{grpc_code="InvalidArgument",grpc_method="Append",grpc_service="stet.v1.EventStore",grpc_type="unary"} 1`,
		`stet_grpc_server_handling_seconds_count{grpc_method="Append",grpc_service="stet.v1.EventStore",grpc_type="unary"} 3`,
		// Shown before their first call.
		`stet_grpc_server_handled_total{grpc_code="Unauthenticated",grpc_method="AppendPipeline",grpc_service="stet.v1.EventStore",grpc_type="bidi_stream"} 0`,
		`stet_grpc_server_started_total{grpc_method="ReadAll",grpc_service="stet.v1.EventStore",grpc_type="server_stream"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

func TestTheCountedStatusIsTheClients(t *testing.T) {
	for want, err := range map[codes.Code]error{
		codes.OK:               nil,
		codes.Aborted:          fmt.Errorf("wrapped: %w", status.Error(codes.Aborted, "conflict")),
		codes.DeadlineExceeded: context.DeadlineExceeded,
		codes.Unknown:          errors.New("no status"),
	} {
		if got := countedCode(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
	if got := countedCode(status.Error(99, "no such code")); got != codes.Unknown {
		t.Errorf("a status that does not exist: %v", got)
	}
}

func TestCountingACallAllocatesNothing(t *testing.T) {
	m := newRPCMetrics()
	m.know(map[string]grpc.ServiceInfo{"s": {Methods: []grpc.MethodInfo{{Name: "M"}}}})
	info := &grpc.UnaryServerInfo{FullMethod: "/s/M"}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	alloctest.Check(t, alloctest.Path{Name: "a unary call", Run: func() {
		if _, err := m.unary(t.Context(), nil, info, handler); err != nil {
			t.Error(err)
		}
	}})
}
