package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage/embedded"
)

// virtual is a whole server in a bubble of synctest, on a store in memory and
// on connections in memory: hours pass in no time.
type virtual struct {
	*Server
	t     *testing.T
	store *embedded.Store
	rpc   *bufconn.Listener
	began time.Time
	log   *logBook
}

// inVirtualTime runs a test in a bubble, and gives the time that passed there.
func inVirtualTime(t *testing.T, change func(*Config), test func(*virtual)) (passed time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store, err := embedded.Open("data", embedded.Options{FS: vfs.NewMem(), DiskFloorBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		book := &logBook{}
		c := Config{Logger: slog.New(slog.NewTextHandler(book, nil))}
		if change != nil {
			change(&c)
		}
		s, err := New(store, c)
		if err != nil {
			t.Fatal(err)
		}
		v := &virtual{Server: s, t: t, store: store, rpc: bufconn.Listen(1 << 20), began: time.Now(), log: book}
		s.rpcListener = &boundedListener{Listener: v.rpc, limit: int64(s.config.Connections), logger: s.config.Logger}
		s.httpListener = &boundedListener{Listener: bufconn.Listen(1), limit: 1, logger: s.config.Logger}
		s.opsListener = &boundedListener{Listener: bufconn.Listen(1), limit: 1, logger: s.config.Logger}
		s.api = s.newAPI()
		if err := s.service.openAggregates(t.Context(), s.config.Snapshots); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		synctest.Wait()
		test(v)
		passed = time.Since(v.began)
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return passed
}

func (v *virtual) connect() net.Conn {
	v.t.Helper()
	conn, err := v.rpc.Dial()
	if err != nil {
		v.t.Fatal(err)
	}
	return conn
}

func (v *virtual) raw() *rawClient { return newRawClient(v.t, v.connect()) }

// client is an honest one. The caller closes its connection in the bubble.
func (v *virtual) client() (stetv1.EventStoreClient, io.Closer) {
	v.t.Helper()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return v.rpc.DialContext(ctx) }))
	if err != nil {
		v.t.Fatal(err)
	}
	return stetv1.NewEventStoreClient(conn), conn
}

// wantAfter waits for the channel, which must be closed after just so long.
func (v *virtual) wantAfter(c <-chan struct{}, want time.Duration, what string) {
	v.t.Helper()
	began := time.Now()
	select {
	case <-c:
	case <-time.After(24 * time.Hour):
		v.t.Fatalf("%s: nothing within a day", what)
	}
	if took := time.Since(began); took < want || took > want+2*time.Second {
		v.t.Errorf("%s: after %v, want %v", what, took, want)
	}
}

func (v *virtual) wantNothingLeft() {
	v.t.Helper()
	synctest.Wait()
	if open, calls := v.rpcListener.open.Load(), v.arrivals.open.Load(); open != 0 || calls != 0 || len(v.calls.running()) != 0 {
		v.t.Errorf("%d connections and %d calls are left, running %v", open, calls, v.calls.running())
	}
}

// drip writes a byte a second until the connection is closed, and says so.
func drip(conn net.Conn, p []byte) <-chan struct{} {
	closed := make(chan struct{})
	go func() { // ends with the connection
		defer close(closed)
		for _, b := range p {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second) //nolint:forbidigo // of the bubble
		}
		_, _ = io.Copy(io.Discard, conn) // until it is closed
	}()
	return closed
}

// TestTimeEndsWhatClientsDoNot: whatever a client begins and does not go on
// with ends after the time that docs/operations.md says.
func TestTimeEndsWhatClientsDoNot(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: len(abandoned)}, prooftest.Work{Floor: len(abandoned)})
	var passed time.Duration
	done := 0
	for name, test := range abandoned {
		t.Run(name, func(t *testing.T) {
			passed += inVirtualTime(t, nil, func(v *virtual) {
				test(v)
				v.wantNothingLeft()
			})
		})
		done++
	}
	work.Check(t, "clients", done)
	work.Report(t, "virtual-clients", 0, prooftest.Counters{"clients": uint64(done), "virtual_minutes": uint64(passed.Minutes())}, nil)
}

var abandoned = map[string]func(*virtual){
	"a connection without a word": func(v *virtual) {
		conn := v.connect()
		defer conn.Close()
		v.wantAfter(drip(conn, nil), handshakeTimeout, "closed")
	},
	"a preface at one byte a second": func(v *virtual) {
		conn := v.connect()
		defer conn.Close()
		v.wantAfter(drip(conn, []byte(http2.ClientPreface)), handshakeTimeout, "closed")
	},
	"headers at one byte a second": func(v *virtual) {
		conn := v.connect()
		defer conn.Close()
		hello := http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // settings
		if _, err := io.WriteString(conn, hello); err != nil {
			v.t.Fatal(err)
		}
		headers := append([]byte("\x00\x3f\xff\x01\x04\x00\x00\x00\x01"), make([]byte, 16<<10)...)
		v.wantAfter(drip(conn, headers), pingAfter+pingTimeout, "closed")
	},
	"a client that is gone without a word": func(v *virtual) {
		conn := v.connect()
		raw := newRawClient(v.t, deaf{conn})
		raw.data(raw.call(subscribeMethod), framed(&stetv1.SubscribeRequest{}), true)
		synctest.Wait()
		if v.calls.byMethod[subscribeMethod].inFlight.Load() != 1 {
			v.t.Error("it did not subscribe")
		}
		v.wantAfter(drip(conn, nil), pingAfter+pingTimeout, "closed")
		raw.close()
	},
	"a connection without calls": func(v *virtual) {
		raw := v.raw()
		v.wantAfter(raw.closed, idleTimeout, "closed")
		if !raw.goneAway.Load() {
			v.t.Error("it was not told before")
		}
		raw.close()
	},
	"a unary request at one byte a second": func(v *virtual) { v.slowRequest(appendMethod, unaryTimeout) },
	"a unary request that never begins":    func(v *virtual) { v.silentRequest(headMethod, unaryTimeout) },
	"a subscription's request at one byte a second": func(v *virtual) {
		v.slowRequest(subscribeMethod, requestTimeout)
	},
	"a read's request that never begins": func(v *virtual) {
		v.silentRequest(stetv1.EventStore_ReadAll_FullMethodName, requestTimeout)
	},
	"a call with a deadline of years": func(v *virtual) {
		v.silentRequest(headMethod, unaryTimeout, "grpc-timeout", "99999999H")
	},
}

// slowRequest announces a request and sends a byte of it a second.
func (v *virtual) slowRequest(method string, want time.Duration) {
	v.t.Helper()
	raw := v.raw()
	id := raw.call(method)
	raw.data(id, announced(1<<20), false)
	stop := make(chan struct{})
	dripped := make(chan struct{})
	go func() { // ends with stop
		defer close(dripped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
				raw.data(id, []byte{0}, false)
			}
		}
	}()
	v.endsWithDeadline(raw, want)
	close(stop)
	<-dripped
	raw.close()
}

func (v *virtual) silentRequest(method string, want time.Duration, headers ...string) {
	v.t.Helper()
	raw := v.raw()
	raw.call(method, headers...)
	v.endsWithDeadline(raw, want)
	raw.close()
}

func (v *virtual) endsWithDeadline(raw *rawClient, want time.Duration) {
	v.t.Helper()
	time.Sleep(want - time.Second) //nolint:forbidigo // of the bubble
	if raw.ended.Load() != 0 || v.arrivals.open.Load() != 1 {
		v.t.Errorf("%d calls ended early, %d are counted", raw.ended.Load(), v.arrivals.open.Load())
	}
	time.Sleep(2 * time.Second) //nolint:forbidigo // of the bubble
	if raw.statuses[codes.DeadlineExceeded].Load() != 1 || v.arrivals.open.Load() != 0 {
		v.t.Errorf("after %v: %d calls ended, %d with DEADLINE_EXCEEDED; %d are counted still",
			want, raw.ended.Load(), raw.statuses[codes.DeadlineExceeded].Load(), v.arrivals.open.Load())
	}
}

// deaf is the side of a connection that gets nothing: its reader waits until it
// is closed.
type deaf struct{ net.Conn }

var errDeaf = errors.New("nothing is heard")

func (d deaf) Read([]byte) (int, error) { return 0, errDeaf }

// TestSubscriptionsLastForHoursOfSilence: heartbeats come all the time, and a
// subscriber that answers pings but reads nothing neither ends nor hinders.
func TestSubscriptionsLastForHoursOfSilence(t *testing.T) {
	const hours = 6
	work := prooftest.Choose(t, prooftest.Work{Floor: 1}, prooftest.Work{Floor: 1})
	var heartbeats, appends uint64
	passed := inVirtualTime(t, nil, func(v *virtual) {
		stuck := v.raw()
		stuck.data(stuck.call(subscribeMethod), framed(&stetv1.SubscribeRequest{}), true)
		c, conn := v.client()
		ctx, cancel := context.WithCancel(context.Background())
		subscription, err := c.Subscribe(ctx, &stetv1.SubscribeRequest{})
		if err != nil {
			v.t.Fatal(err)
		}
		received := make(chan uint64)
		go func() { // ends with the subscription
			var n uint64
			for {
				m, err := subscription.Recv()
				if err != nil {
					received <- n
					return
				}
				if m.GetProgress() != nil {
					n++
				}
			}
		}()
		for range hours {
			r := oneEvent("cart-1")
			r.Events[0].Payload = &stetv1.NewEvent_Binary{Binary: make([]byte, 100<<10)} // more than a window
			if _, err := c.Append(ctx, r); err != nil {
				v.t.Fatal(err)
			}
			appends++
			time.Sleep(time.Hour) //nolint:forbidigo // of the bubble
		}
		if n := v.calls.byMethod[subscribeMethod].inFlight.Load(); n != 2 {
			v.t.Errorf("%d subscriptions are left, want 2", n)
		}
		cancel()
		heartbeats = <-received
		stuck.close()
		if err := conn.Close(); err != nil {
			v.t.Error(err)
		}
		v.wantNothingLeft()
	})
	if want := uint64(hours * time.Hour / (5 * time.Second)); heartbeats < want-hours || heartbeats > want {
		t.Errorf("%d heartbeats, want about %d", heartbeats, want)
	}
	work.Report(t, "virtual-subscriptions", 0, prooftest.Counters{
		"virtual_minutes": uint64(passed.Minutes()), "heartbeats": heartbeats, "appends_answered": appends,
	}, nil)
}
