package server

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// reasonAndLimit is the reason of an error and the bound that it names.
func reasonAndLimit(err error) (reason, limit string) {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			reason, limit = info.GetReason(), info.GetMetadata()["limit"]
		}
	}
	return reason, limit
}

func wantTooMany(t *testing.T, err error, reason, limit string) {
	t.Helper()
	gotReason, gotLimit := reasonAndLimit(err)
	if status.Code(err) != codes.ResourceExhausted || gotReason != reason || gotLimit != limit {
		t.Errorf("got %v with reason %q and limit %q, want RESOURCE_EXHAUSTED, %q and %q", err, gotReason, gotLimit, reason, limit)
	}
}

func TestCallsOfAllConnectionsTogetherAreBounded(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Calls = 3 })
	var leave context.CancelFunc
	for range 3 {
		ctx, cancel := context.WithCancel(waiting(t))
		t.Cleanup(cancel)
		leave = cancel
		watch, err := healthv1.NewHealthClient(s.dial()).Watch(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := watch.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	c := s.client()
	// With a deadline near, far and none they are refused in different places.
	for _, wait := range []time.Duration{earlyDeadline, time.Hour, 0} {
		wantTooMany(t, answered(t, wait, func(ctx context.Context) error {
			_, err := c.GetHead(ctx, &stetv1.GetHeadRequest{})
			return err
		}), ReasonTooManyCalls, "3")
		wantTooMany(t, answered(t, wait, func(ctx context.Context) error {
			subscription, err := c.Subscribe(ctx, &stetv1.SubscribeRequest{})
			if err == nil {
				_, err = subscription.Recv()
			}
			return err
		}), ReasonTooManyCalls, "3")
	}
	refused := s.arrivals.refused.Load()
	_, text := s.ops("GET", "/metrics", "")
	if want := fmt.Sprintf("stet_calls_refused_total %d\n", refused); refused < 6 || !strings.Contains(text, want) || !strings.Contains(text, "stet_calls 3\n") {
		t.Errorf("%d were refused, want at least 6; not counted:\n%s", refused, text)
	}
	leave()
	s.until("room again", func() bool { return s.arrivals.open.Load() < 3 })
	if _, err := c.GetHead(waiting(t), &stetv1.GetHeadRequest{}); err != nil {
		t.Errorf("in the free place: %v", err)
	}
	s.until("all gone", func() bool { return s.arrivals.open.Load() == 2 })
}

// answered is what a call ends with that has so long, 0 being for ever. An
// answer that a busy machine gives too late says nothing: it is asked again.
func answered(t *testing.T, wait time.Duration, call func(context.Context) error) (err error) {
	t.Helper()
	for range 20 {
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if wait > 0 {
			ctx, cancel = context.WithTimeout(ctx, wait)
		}
		err = call(ctx)
		cancel()
		if status.Code(err) != codes.DeadlineExceeded {
			break
		}
	}
	return err
}

func TestPipelinesAreBoundedInNumber(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Pipelines = 2 })
	c := s.client()
	open := func() (grpc.BidiStreamingClient[stetv1.AppendPipelineRequest, stetv1.AppendPipelineResponse], error) {
		call, err := c.AppendPipeline(waiting(t))
		if err != nil {
			return nil, err
		}
		if err := call.Send(&stetv1.AppendPipelineRequest{Ticket: 1, Append: oneEvent("cart-1")}); err != nil {
			t.Log(err) // what Recv says is why
		}
		_, err = call.Recv()
		return call, err
	}
	var held []grpc.BidiStreamingClient[stetv1.AppendPipelineRequest, stetv1.AppendPipelineResponse]
	for range 2 {
		call, err := open()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, call)
	}
	_, err := open()
	wantTooMany(t, err, ReasonTooManyPipelines, "2")
	if _, text := s.ops("GET", "/metrics", ""); !strings.Contains(text, "stet_pipelines_refused_total 1\n") {
		t.Errorf("not counted:\n%s", text)
	}
	if err := held[0].CloseSend(); err != nil {
		t.Fatal(err)
	}
	s.until("room again", func() bool { _, err := open(); return err == nil })
}

// TestARefusedCallLeavesNothingBehind: a deadline of years must not keep a
// timer, hence memory, for as long.
func TestARefusedCallLeavesNothingBehind(t *testing.T) {
	const calls = 3_000
	s := serve(t, nil, func(c *Config) { c.Calls = 1 })
	raw := s.raw()
	raw.call(pipelineMethod) // takes the one place
	s.until("full", func() bool { return s.arrivals.open.Load() == 1 })
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	var sent int64
	refuse := func() {
		for range calls {
			sent++
			raw.data(raw.call(headMethod, "grpc-timeout", "99999999H"), framed(&stetv1.GetHeadRequest{}), true)
			if sent%100 == 0 {
				s.until("answered", func() bool { return raw.ended.Load() == sent })
			}
		}
	}
	refuse() // what stays for good is there now
	before := live()
	refuse()
	if got := raw.statuses[codes.ResourceExhausted].Load(); got != sent {
		t.Errorf("%d calls were refused, want %d", got, sent)
	}
	if after := live(); after > before+calls {
		t.Errorf("%d objects are left of %d refused calls", after-before, calls)
	}
}

// raw connects a raw client; it ends with the test.
func (s *serving) raw() *rawClient {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	return newRawClient(s.t, conn)
}
