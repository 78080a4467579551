package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// I11: every append in flight ends acknowledged and stored, or failed.
func TestADrainUnderLoadLosesNothingThatWasAcknowledged(t *testing.T) {
	store := storagetest.NewModel()
	s := serve(t, store, nil)
	var acknowledged atomic.Int64
	var clients sync.WaitGroup
	var mu sync.Mutex
	highest := map[string]uint64{}
	for i := range 8 {
		c, stream := s.client(), fmt.Sprintf("cart-%d", i)
		clients.Go(func() {
			for {
				a, err := c.Append(context.Background(), oneEvent(stream))
				if code := status.Code(err); err != nil {
					if code != codes.Unavailable {
						t.Errorf("ended with %v, want UNAVAILABLE", err)
					}
					return
				}
				acknowledged.Add(1)
				mu.Lock()
				highest[stream] = a.GetLastVersion()
				mu.Unlock()
			}
		})
	}
	s.until("under load", func() bool { return acknowledged.Load() > 200 })
	if err := s.end(); err != nil {
		t.Fatalf("Run: %v", err)
	}
	clients.Wait()
	for stream, version := range highest {
		info, err := store.Stream(t.Context(), stream, store.Head())
		if err != nil || uint64(info.Version) < version {
			t.Errorf("%s: %+v, %v, but version %d was acknowledged", stream, info, err, version)
		}
	}
	if strings.Contains(s.log.String(), "cut") {
		t.Errorf("something was cut:\n%s", s.log)
	}
	s.log.wants(t, "msg=draining", "msg=drained")
}

// heldStore keeps appends waiting until they are let go.
type heldStore struct {
	*storagetest.Model
	held    chan struct{} // has an element for every append that waits
	release chan struct{}
}

func newHeldStore() *heldStore {
	return &heldStore{Model: storagetest.NewModel(), held: make(chan struct{}, 16), release: make(chan struct{})}
}

func (h *heldStore) Append(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	h.held <- struct{}{}
	select {
	case <-h.release:
		return h.Model.Append(ctx, a)
	case <-ctx.Done():
		return storage.Appended{}, ctx.Err()
	}
}

func TestADrainWaitsForWhatIsInFlightAndTellsEverybody(t *testing.T) {
	store := newHeldStore()
	s := serve(t, store, nil)
	c, health := s.client(), healthv1.NewHealthClient(s.dial())
	watch, err := health.Watch(waiting(t), &healthv1.HealthCheckRequest{Service: "stet.v1.EventStore"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("health %v, %v", r, err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.Append(waiting(t), oneEvent("cart-1"))
		answered <- err
	}()
	<-store.held
	s.stop()

	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health while draining: %v, %v", r, err)
	}
	s.until("draining", func() bool { code, _ := s.ops("GET", "/readyz", ""); return code == 503 })
	if code, _ := s.ops("GET", "/healthz", ""); code != 200 {
		t.Errorf("not alive while draining: %d", code)
	}
	select {
	case err := <-s.done:
		t.Fatalf("ended with %v before the append did", err)
	default:
	}
	close(store.release)
	if err := <-answered; err != nil {
		t.Errorf("the append in flight: %v", err)
	}
	// The watcher holds its call for ever; the drain does not wait for that.
	if err := s.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if store.Head() != 1 {
		t.Errorf("head %d, want 1", store.Head())
	}
}

func TestWhatOutlastsTheDrainIsCutAndNamed(t *testing.T) {
	store := newHeldStore()
	s := serve(t, store, func(c *Config) { c.DrainTimeout = 50 * time.Millisecond })
	c := s.client()
	answered := make(chan error, 1)
	go func() {
		_, err := c.Append(waiting(t), oneEvent("cart-1"))
		answered <- err
	}()
	<-store.held
	if err := s.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := <-answered; status.Code(err) != codes.Unavailable {
		t.Errorf("the append that was cut: %v, want UNAVAILABLE", err)
	}
	s.log.wants(t, "the time to drain is over; calls are cut", "stet.v1.EventStore/Append:1")
}

func TestSubscriptionsAndPipelinesEndWithTheDrain(t *testing.T) {
	s := serve(t, nil, nil)
	c := s.client()
	subscription, err := c.Subscribe(waiting(t), &stetv1.SubscribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subscription.Recv(); err != nil {
		t.Fatal(err)
	}
	pipeline, err := c.AppendPipeline(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := pipeline.Send(&stetv1.AppendPipelineRequest{Ticket: 7, Append: oneEvent("cart-1")}); err != nil {
		t.Fatal(err)
	}
	if r, err := pipeline.Recv(); err != nil || r.GetTicket() != 7 || r.GetAppended() == nil {
		t.Fatalf("pipeline: %v, %v", r, err)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("pipeline ended with %v, want UNAVAILABLE", err)
	}
	for err == nil {
		_, err = subscription.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("subscription ended with %v, want UNAVAILABLE", err)
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetReason() != ReasonShuttingDown {
			t.Errorf("subscription ended for %v", info)
		}
	}
	if strings.Contains(s.log.String(), "cut") {
		t.Errorf("they were cut, not ended:\n%s", s.log)
	}
}

func TestAFailedListenerEndsTheServer(t *testing.T) {
	store := storagetest.NewModel()
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(store, Config{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", OpsListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.rpcListener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "gRPC listener") {
		t.Errorf("Run: %v, want the failure of the gRPC listener", err)
	}
}

func TestAnAddressInUseIsNamed(t *testing.T) {
	s := serve(t, nil, nil)
	for _, c := range []Config{
		{Listen: s.Addr().String(), HTTPListen: "127.0.0.1:0", OpsListen: "127.0.0.1:0"},
		{Listen: "127.0.0.1:0", HTTPListen: s.Addr().String(), OpsListen: "127.0.0.1:0"},
		{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", OpsListen: s.Addr().String()},
	} {
		other, err := New(s.store, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), s.Addr().String()) {
			t.Errorf("got %v, want an error naming the address", err)
		}
	}
}

// The handler goes on although its call was cut.
func TestAHandlerThatDoesNotEndIsReported(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	b := &broken{unary: func(context.Context) error { close(entered); <-release; return nil }}
	s := serve(t, nil, func(c *Config) { c.DrainTimeout = time.Millisecond }, b.register,
		func(s *Server) { s.stopTimeout = 50 * time.Millisecond })
	conn := s.dial()
	go func() { _ = callUnary(t, conn) }() // cut; what matters is the server
	<-entered
	err := s.end()
	if !errors.Is(err, errStuck) || !strings.Contains(err.Error(), "stet.test.Broken/Unary") {
		t.Errorf("Run: %v, want the stuck call named", err)
	}
	close(release)
}
