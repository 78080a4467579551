package server

import (
	"context"
	"fmt"
	"math"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/internal/relaytest"
	"github.com/stet-db/stet/storage/embedded"
)

// Bounds of the server under siege: small, so that tests reach them.
const (
	siegeConnections   = 150
	siegePipelines     = 12
	siegeSubscriptions = 1_000
	siegeUnfinished    = 32 << 20
	siegeBodies        = 4 << 20 // of the HTTP listener
	// siegeHeap bounds what is live in the whole process, clients included.
	// The race detector keeps more for each object and goroutine.
	siegeHeap = (384 + 256*raced) << 20
)

// siege is a server with a store on disk, and hostile clients around it.
type siege struct {
	*serving
	t        *testing.T
	appends  int   // of the writers, under each hostility
	flood    int64 // of what is sent as fast as it can be, at most
	baseline int   // goroutines without any client
	relays   [2]*relaytest.Relay
	counters prooftest.Counters
	mu       sync.Mutex // of counters
}

func layingSiege(t *testing.T, appends int, flood int64) *siege {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{
		DiskFloorBytes: -1, CacheBytes: 8 << 20, MemTableBytes: 4 << 20, TailBytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, appends: appends, flood: min(flood, 500_000), counters: prooftest.Counters{}}
	s.serving = serve(t, store, func(c *Config) {
		c.Connections, c.Pipelines, c.Subscriptions, c.PipelineInFlight = siegeConnections, siegePipelines, siegeSubscriptions, 64
	}, func(server *Server) {
		server.inbound.Bound(siegeUnfinished)
		server.bodyBytes = siegeBodies
	})
	for i := range s.relays {
		s.relays[i] = relaytest.New(t, s.Addr().String())
	}
	s.write(t, 10) // what the first client starts for good is there
	s.until("quiet", func() bool { return s.rpcListener.open.Load() == 0 })
	s.baseline = runtime.NumGoroutine() + 1 // that of the subtest
	return s
}

func (s *siege) count(name string, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters[name] += n
}

func (s *siege) most(name string, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters[name] = max(s.counters[name], n)
}

// connect dials an honest transport; the caller closes it.
func (s *siege) connect(addr string) *grpc.ClientConn {
	s.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// write appends so many events, by four callers on one connection, each of
// which must be answered.
func (s *siege) write(t *testing.T, appends int) {
	t.Helper()
	conn := s.connect(s.Addr().String())
	s.writeOn(t, conn, appends)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func (s *siege) writeOn(t *testing.T, conn *grpc.ClientConn, appends int) {
	t.Helper()
	const callers = 4
	c := stetv1.NewEventStoreClient(conn)
	var answered atomic.Int64
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := caller; i < appends; i += callers {
				r := oneEvent(fmt.Sprintf("cart-%d", caller))
				r.Events[0].Payload = &stetv1.NewEvent_Binary{Binary: make([]byte, 1<<10)}
				if _, err := c.Append(waiting(t), r); err != nil {
					t.Errorf("append %d: %v", i, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	group.Wait()
	s.count("appends_answered", uint64(answered.Load()))
	if got := answered.Load(); got != int64(appends) {
		t.Errorf("%d of %d appends were answered", got, appends)
	}
}

// metric is the value of a metric without labels.
func (s *siege) metric(name string) float64 {
	s.t.Helper()
	_, text := s.ops("GET", "/metrics", "")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return value
		}
	}
	s.t.Fatalf("no metric %s", name)
	return 0
}

// wantHeapBounded looks at what is live now.
func (s *siege) wantHeapBounded(t *testing.T) {
	t.Helper()
	live := liveHeap(siegeHeap)
	s.most("heap_most_mib", live>>20)
	if live > siegeHeap {
		t.Errorf("%d MiB are live, want at most %d", live>>20, siegeHeap>>20)
	}
}

// liveHeap is what is live in the whole process. What is allocated while the
// collector works counts as live, which on a busy machine under flood is as much
// again: so it looks more than once if that is above what is allowed, and what
// stays is what counts.
func liveHeap(allowed uint64) uint64 {
	live := uint64(math.MaxUint64)
	for look := 0; look < 10 && live > allowed; look++ {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		live = min(live, m.HeapAlloc)
	}
	return live
}

// wantAllGone waits until nothing of the clients is left in the server.
func (s *siege) wantAllGone(t *testing.T) {
	t.Helper()
	s.until("without connections", func() bool { return s.rpcListener.open.Load() == 0 })
	s.until("without requests of HTTP", func() bool { return s.httpListener.open.Load() == 0 && s.api.Stats().BodyBytes == 0 })
	s.until("without calls", func() bool { return s.arrivals.open.Load() == 0 && len(s.calls.running()) == 0 })
	s.until("without their goroutines", func() bool { return runtime.NumGoroutine() <= s.baseline })
	if subscriptions, pipelines := len(s.service.subscriptions.taken), len(s.service.pipelines.taken); subscriptions+pipelines != 0 {
		t.Errorf("%d places of subscriptions and %d of pipelines are taken for ever", subscriptions, pipelines)
	}
}

// crowd is hostile clients at work.
type crowd struct {
	s     *siege
	t     *testing.T
	ctx   context.Context
	group sync.WaitGroup
	did   atomic.Int64 // what the hostility counts
	ends  []func()
}

// leave ends them all and waits for it.
func (c *crowd) leave(stop context.CancelFunc) {
	stop()
	for _, end := range c.ends {
		end()
	}
	c.group.Wait()
}

// connect is a transport of a client that ends with the crowd.
func (c *crowd) connect(addr string) stetv1.EventStoreClient {
	conn := c.s.connect(addr)
	c.ends = append(c.ends, func() { _ = conn.Close() }) // the server may have closed it
	return stetv1.NewEventStoreClient(conn)
}

// raws runs the function on a raw connection of its own in each of n
// goroutines, and on another one when that has ended, as long as they stay.
func (c *crowd) raws(n int, work func(*rawClient)) {
	for range n {
		c.group.Go(func() {
			for c.ctx.Err() == nil {
				conn, err := net.Dial("tcp", c.s.Addr().String())
				if err != nil {
					continue
				}
				raw, err := startRawClient(conn)
				if err != nil {
					continue
				}
				end := context.AfterFunc(c.ctx, func() { _ = conn.Close() }) // again, perhaps
				work(raw)
				end()
				raw.close()
			}
		})
	}
}

// until waits until they did so much.
func (c *crowd) until(did int64) {
	c.t.Helper()
	c.s.until(fmt.Sprintf("%d times done", did), func() bool { return c.did.Load() >= did })
}
