package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/internal/relaytest"
	"github.com/stet-db/stet/storage/embedded"
)

// I6, I7: at full rate, over cut connections, with writes at every edge between
// catching up and live, each subscriber gets what it asked for, all of it, in
// order and once, and nothing later at or below a marker that it was given.
func TestEveryDeliveryIsAskedForInOrderOnceAndNoneIsMissing(t *testing.T) {
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 100_000, Goal: 100_000},
		prooftest.Work{Floor: 5_000_000, Goal: 5_000_000})
	seed := prooftest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 7))
	d := &deliveries{t: t, random: rand.New(rand.NewPCG(seed, 8)), count: prooftest.Counters{"violations": 0, "edges_forced": 0, "reconnects": 0}}
	d.changed.L = &d.mu
	defer fault.Install(d.edge)()
	for work.More(int(d.count["deliveries_validated"])) && !t.Failed() {
		d.round(random)
	}
	work.Check(t, "deliveries", int(d.count["deliveries_validated"]))
	// About a quarter of what comes about of each, and for the deliveries of a proof
	// the bar of both.
	least := d.count["deliveries_validated"] / 5000
	if d.count["edges_forced"] < least || d.count["reconnects"] < least {
		t.Errorf("%d edges and %d reconnects, want at least %d of each", d.count["edges_forced"], d.count["reconnects"], least)
	}
	work.Report(t, "deliveries", seed, d.count, &d.hits)
}

// deliveries is what rounds have in common.
type deliveries struct {
	t    *testing.T
	hits fault.Hits

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	writer *client.Client // at edges; nil outside of a round's middle
	edges  int            // still to be forced in this round
	here   int            // subscribers of this round that got a first message
	count  prooftest.Counters
	// changed is told when here or a count has grown, or somebody gave up.
	changed sync.Cond
}

// edgePoints are where a subscription goes from catching up to live, and back.
var edgePoints = []fault.Point{fault.CursorOpened, fault.CursorCaughtUp, fault.CursorWaits, fault.CursorWoken, fault.CursorFromTail, fault.CursorFellBehind}

// edge is the hook: it holds a cursor at a point until an append is durable and
// published, now and then.
func (d *deliveries) edge(p fault.Point) error {
	d.hits.Add(p)
	if !slices.Contains(edgePoints, p) {
		return nil
	}
	d.mu.Lock()
	writer, n := d.writer, 0
	if d.edges > 0 && d.random.IntN(4) == 0 {
		d.edges--
		n = 1 + d.random.IntN(3)
	}
	d.mu.Unlock()
	if n == 0 || writer == nil {
		return nil
	}
	at := rand.N(len(deliveryStreams))
	if _, err := writer.Append(context.Background(), client.Append{Stream: deliveryStreams[at], Expect: client.AnyVersion(), Events: someDeliveries(n, at)}); err != nil {
		d.t.Errorf("append at %s: %v", p, err)
	}
	d.bump("edges_forced", 1)
	return nil
}

func (d *deliveries) bump(name string, n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count[name] += n
	d.changed.Broadcast()
}

// arrived notes the first message of a subscriber.
func (d *deliveries) arrived() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.here++
	d.changed.Broadcast()
}

// await waits until something holds, which is asked with mu held, or somebody
// gave up.
func (d *deliveries) await(holds func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !holds() && !d.t.Failed() {
		d.changed.Wait()
	}
}

var (
	deliveryStreams = []string{"cart-1", "cart-2", "order-1", "order-2", "stock-1"}
	deliveryTypes   = []string{"Added", "Moved", "Removed", "Closed"}
)

// someDeliveries are n events, of all types in turn.
func someDeliveries(n, from int) []client.Event {
	var out []client.Event
	for i := from; i < from+n; i++ {
		out = append(out, client.Event{Type: deliveryTypes[i%len(deliveryTypes)], JSON: `{"n":1}`, Tags: []string{fmt.Sprintf("third:%d", i%3)}})
	}
	return out
}

// wish is what a subscriber asks for, and the same as a plain judgement.
type wish struct {
	ask   client.Subscription
	takes func(e *stetv1.RecordedEvent) bool
}

func wishes() []wish {
	has := func(name, prefix string) bool { return strings.HasPrefix(name, prefix) }
	return []wish{
		{client.Subscription{}, func(*stetv1.RecordedEvent) bool { return true }},
		{client.Subscription{Stream: "cart-1"}, func(e *stetv1.RecordedEvent) bool { return e.GetStream() == "cart-1" }},
		{client.Subscription{Category: "order"}, func(e *stetv1.RecordedEvent) bool { return has(e.GetStream(), "order-") }},
		{client.Subscription{Filter: client.Filter{{Types: []string{"Added", "Closed"}}}}, func(e *stetv1.RecordedEvent) bool {
			return e.GetType() == "Added" || e.GetType() == "Closed"
		}},
		{client.Subscription{Filter: client.Filter{{AllTags: []string{"third:1"}}, {StreamPrefixes: []string{"st"}}}}, func(e *stetv1.RecordedEvent) bool {
			return slices.Contains(e.GetTags(), "third:1") || has(e.GetStream(), "st")
		}},
		{client.Subscription{}, func(*stetv1.RecordedEvent) bool { return true }},
	}
}

const (
	eventsInARound      = 6000
	subscribersInARound = 24
	edgesInARound       = 60
	cutsInARound        = 3
)

// round fills a new store while subscribers follow it over a network that
// breaks, and then compares.
func (d *deliveries) round(random *rand.Rand) {
	server := serveWith(d.t, "store", embedded.Options{FS: vfs.NewMem(), TailBytes: 16 << 10})
	defer server.stop()
	relay := relaytest.New(d.t, server.addr)
	direct, closeDirect := dialed(d.t, server.addr)
	defer closeDirect()
	d.begin(direct)
	d.here = 0 // before there are any
	ctx, cancel := context.WithCancel(d.t.Context())
	defer cancel()
	var following sync.WaitGroup
	all := wishes()
	var subscribers []*subscriber
	for i := range subscribersInARound {
		s := &subscriber{d: d, wish: all[i%len(all)], last: lastWords(all[i%len(all)]), leaves: random.IntN(3) == 0}
		subscribers = append(subscribers, s)
		following.Go(func() {
			c, done := dialed(d.t, relay.Addr())
			defer done()
			s.follow(ctx, c)
			d.changed.Broadcast() // perhaps it failed
		})
	}
	d.write(ctx, direct, relay, random)
	d.begin(nil)
	if _, err := direct.AppendAtomic(ctx, client.AtomicAppend{Entries: closing()}); err != nil {
		d.t.Errorf("the last append: %v", err)
		cancel()
	}
	following.Wait()
	d.compare(direct, subscribers)
}

// begin lets edges be forced by a client, or no more with nil.
func (d *deliveries) begin(writer *client.Client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writer, d.edges = writer, edgesInARound
}

// write appends most of a round, and cuts all connections now and then: when all
// subscribers are there, and again when at least half of them are back. So cuts
// may come after the last append, but none is of connections that are not made.
func (d *deliveries) write(ctx context.Context, c *client.Client, relay *relaytest.Relay, random *rand.Rand) {
	var written atomic.Int64
	var writing sync.WaitGroup
	cut := make(chan struct{}, cutsInARound)
	for range 3 {
		own := rand.New(rand.NewPCG(random.Uint64(), 9))
		writing.Go(func() {
			for {
				n := 1 + own.IntN(40)
				before := written.Add(int64(n)) - int64(n)
				if before >= eventsInARound {
					return
				}
				if _, err := c.Append(ctx, client.Append{Stream: deliveryStreams[own.IntN(len(deliveryStreams))], Expect: client.AnyVersion(), Events: someDeliveries(n, own.IntN(12))}); err != nil {
					d.t.Errorf("append: %v", err)
					return
				}
				const step = eventsInARound / (cutsInARound + 1)
				if before/step != (before+int64(n))/step && before+int64(n) < eventsInARound {
					select {
					case cut <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	var cutting sync.WaitGroup
	cutting.Go(func() {
		d.await(func() bool { return d.here == subscribersInARound })
		for range cut {
			before := d.reconnects()
			relay.Cut()
			d.bump("connections_cut", 1)
			d.await(func() bool { return d.count["reconnects"] >= before+subscribersInARound/2 })
		}
	})
	writing.Wait()
	close(cut)
	cutting.Wait()
}

func (d *deliveries) reconnects() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count["reconnects"]
}

// closing are events of which each wish takes at least one.
func closing() []client.Entry {
	var out []client.Entry
	for i, stream := range deliveryStreams {
		events := someDeliveries(12, 0)
		for j := range events {
			events[j].JSON = fmt.Sprintf(`{"last":%d}`, 12*i+j)
		}
		out = append(out, client.Entry{Stream: stream, Expect: client.AnyVersion(), Events: events})
	}
	return out
}

// lastWords is the payload of the last event that a wish takes.
func lastWords(w wish) (json string) {
	for _, entry := range closing() {
		for _, e := range entry.Events {
			if w.takes(&stetv1.RecordedEvent{Stream: entry.Stream, Type: e.Type, Tags: e.Tags}) {
				json = e.JSON
			}
		}
	}
	return json
}

// subscriber follows one wish, and notes what it got.
type subscriber struct {
	d      *deliveries
	wish   wish
	last   string // the payload to end with
	leaves bool   // now and then, to come back with its cursor
	here   bool   // got a message
	away   bool   // was interrupted, and has not been back

	positions []uint64
	markers   []marker
}

// marker: so many events were delivered when everything up to a position was
// said to be.
type marker struct {
	upTo uint64
	had  int
}

func (s *subscriber) follow(ctx context.Context, c *client.Client) {
	ask := s.wish.ask
	for rest := 0; ctx.Err() == nil; {
		if s.leaves {
			rest = 500 + rand.N(1000)
		}
		for got, err := range c.Subscribe(ctx, ask) {
			if err != nil {
				if ctx.Err() == nil {
					s.d.t.Errorf("subscription: %v", err)
				}
				return
			}
			if s.see(got) {
				return
			}
			ask.After, ask.HistoryID = got.Cursor, got.HistoryID
			if rest--; rest == 0 {
				s.d.bump("resumed_by_cursor", 1)
				break
			}
		}
	}
}

// see notes a delivery, and tells whether it is the last one.
func (s *subscriber) see(got client.Delivery) (last bool) {
	if !s.here {
		s.here = true
		s.d.arrived()
	}
	switch got.Kind {
	case client.KindInterrupted:
		s.away = true
	case client.KindStarted:
		if s.away {
			s.away = false
			s.d.bump("reconnects", 1)
		}
	case client.KindCaughtUp:
		s.markers = append(s.markers, marker{got.Head, len(s.positions)})
	case client.KindProgress:
		s.markers = append(s.markers, marker{got.ScannedTo, len(s.positions)})
	case client.KindFellBehind:
		s.d.bump("fell_behind", 1)
	case client.KindEvent:
		e := got.Event
		if n := len(s.positions); n > 0 && e.GetPosition() <= s.positions[n-1] {
			s.violated("position %d after %d", e.GetPosition(), s.positions[n-1])
		}
		if !s.wish.takes(e) {
			s.violated("position %d was not asked for", e.GetPosition())
		}
		s.positions = append(s.positions, e.GetPosition())
		return e.GetJson() == s.last
	}
	return false
}

func (s *subscriber) violated(format string, args ...any) {
	s.d.bump("violations", 1)
	s.d.t.Errorf("%+v: %s", s.wish.ask, fmt.Sprintf(format, args...))
}

// compare reads the log and wants that each subscriber got its part of it.
func (d *deliveries) compare(c *client.Client, subscribers []*subscriber) {
	want := make([][]uint64, len(subscribers))
	events := uint64(0)
	for e, err := range c.ReadAll(d.t.Context(), client.LogRead{}) {
		if err != nil {
			d.t.Errorf("read: %v", err)
			return
		}
		events++
		for i, s := range subscribers {
			if s.wish.takes(e) {
				want[i] = append(want[i], e.GetPosition())
			}
		}
	}
	for i, s := range subscribers {
		if !slices.Equal(s.positions, want[i]) {
			s.violated("%d events, want %d", len(s.positions), len(want[i]))
		}
		for _, m := range s.markers {
			due, _ := slices.BinarySearch(want[i], m.upTo+1)
			if m.had < due {
				s.violated("%d events when everything up to %d was said to be there, which is %d", m.had, m.upTo, due)
			}
		}
		d.bump("deliveries_validated", uint64(len(s.positions)))
		d.bump("markers_checked", uint64(len(s.markers)))
	}
	d.bump("events_appended", events)
}

// dialed is an impatient client with an end of its own.
func dialed(t *testing.T, addr string) (c *client.Client, done func()) {
	t.Helper()
	c, err := client.Dial(addr, impatience(client.Options{}))
	if err != nil {
		panic(err) // the address is our own
	}
	return c, func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
