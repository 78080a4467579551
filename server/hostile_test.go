package server

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/prooftest"
)

// hostility is a way to be a bad client. begin returns when it is in full
// swing; refused names the metric that must have counted it, and by how much.
type hostility struct {
	name    string
	begin   func(*crowd)
	refused string
	times   float64
}

var hostilities = []hostility{
	{name: "subscribers_that_never_read", begin: subscribersThatNeverRead, refused: "stet_subscriptions_refused_total", times: 20},
	{name: "pipelines_that_never_read", begin: pipelinesThatNeverRead, refused: "stet_pipelines_refused_total", times: 20},
	{name: "calls_reset_at_once", begin: callsResetAtOnce, refused: "stet_connections_closed_resets_total", times: 1},
	{name: "headers_beyond_the_bound", begin: headersBeyondTheBound},
	{name: "deadlines_of_a_millisecond", begin: deadlinesOfAMillisecond},
	{name: "lengths_without_bytes", begin: lengthsWithoutBytes},
	{name: "bodies_byte_by_byte", begin: bodiesByteByByte},
	{name: "bodies_that_stop", begin: bodiesThatStop, refused: "stet_connections_closed_full_total", times: 1},
	{name: "http_bodies_that_stop", begin: httpBodiesThatStop, refused: "stet_http_bodies_refused_total", times: 1},
	{name: "reads_that_nobody_takes", begin: readsThatNobodyTakes},
	{name: "connections_beyond_the_bound", begin: connectionsBeyondTheBound, refused: "stet_connections_refused_total", times: 100},
	{name: "half_open_connections", begin: halfOpenConnections},
	{name: "connections_at_a_trickle", begin: connectionsAtATrickle},
	{name: "bytes_that_are_no_protocol", begin: bytesThatAreNoProtocol},
	{name: "pings_and_settings_without_end", begin: pingsAndSettingsWithoutEnd},
}

// TestHostileClientsHinderNobody shows I10: while clients of one sort misbehave
// as fast as they can, and while all sorts do, every append is answered and
// memory stays below a fixed bound; and when they are gone nothing of them is
// left.
func TestHostileClientsHinderNobody(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 40, Goal: 20_000}, prooftest.Work{Floor: 1_000, Goal: 500_000})
	seed := prooftest.Seed(t)
	s := layingSiege(t, work.Floor, int64(work.Goal))
	var sorts int
	for _, h := range hostilities {
		t.Run(h.name, func(t *testing.T) { s.endure(t, s.appends, h) })
		sorts++
	}
	t.Run("all_at_once", func(t *testing.T) {
		var all []hostility
		for _, h := range hostilities {
			if h.refused != "stet_connections_refused_total" { // they would keep each other out
				all = append(all, h)
			}
		}
		s.endure(t, max(s.appends/10, 20), all...)
	})
	work.Check(t, "appends under each hostility", int(s.counters["appends_answered"])/sorts)
	s.counters["hostilities"] = uint64(sorts)
	work.Report(t, "hostile-clients", seed, s.counters, nil)
}

// endure writes so often while clients misbehave, and looks that nothing is
// left.
func (s *siege) endure(t *testing.T, appends int, all ...hostility) {
	writers := s.connect(s.Addr().String())
	s.writeOn(t, writers, 4) // connected before the others come
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// Read while there is peace: the metrics are no part of what is under siege.
	before := make([]float64, len(all))
	for i, h := range all {
		if h.refused != "" {
			before[i] = s.metric(h.refused)
		}
	}
	var crowds []*crowd
	for _, h := range all {
		c := &crowd{s: s, t: t, ctx: ctx}
		crowds = append(crowds, c)
		h.begin(c)
	}
	s.writeOn(t, writers, appends)
	s.wantHeapBounded(t)
	for i, c := range crowds {
		t.Logf("%s: %d done", all[i].name, c.did.Load())
		c.leave(stop)
		s.count(all[i].name, uint64(c.did.Load()))
	}
	for i, h := range all {
		if h.refused == "" {
			continue
		}
		if got := s.metric(h.refused) - before[i]; got < h.times {
			t.Errorf("%s grew by %v, want at least %v", h.refused, got, h.times)
		}
	}
	if err := writers.Close(); err != nil {
		t.Error(err)
	}
	s.wantAllGone(t)
}

// subscribersThatNeverRead are a hundred among a thousand; the others get
// everything. Twenty more are refused.
func subscribersThatNeverRead(c *crowd) {
	c.subscribe(900, 100)
	client := c.connect(c.s.Addr().String())
	for range 20 {
		stream, err := client.Subscribe(c.ctx, &stetv1.SubscribeRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		wantTooMany(c.t, err, ReasonTooManySubscriptions, "1000")
	}
}

// subscribe begins subscriptions, 50 on each connection: some that read and
// check what they get, and some that never read.
func (c *crowd) subscribe(reading, dead int) {
	var client stetv1.EventStoreClient
	for n := range reading + dead {
		if n%50 == 0 {
			client = c.connect(c.s.Addr().String())
		}
		stream, err := client.Subscribe(c.ctx, &stetv1.SubscribeRequest{
			Source: &stetv1.SubscribeRequest_Category{Category: "cart"},
			Start:  &stetv1.SubscribeRequest_FromNow{FromNow: true},
		})
		if err != nil {
			c.t.Fatal(err)
		}
		if n >= reading {
			continue
		}
		c.group.Go(func() {
			versions := map[string]uint64{}
			for {
				m, err := stream.Recv()
				if err != nil {
					return
				}
				for _, e := range m.GetEvents() {
					if last := versions[e.GetStream()]; last != 0 && e.GetVersion() != last+1 {
						c.t.Errorf("version %d of %s came after %d", e.GetVersion(), e.GetStream(), last)
					}
					versions[e.GetStream()] = e.GetVersion()
				}
				c.did.Add(int64(len(m.GetEvents())))
			}
		})
	}
	c.s.until("subscribed", func() bool { return len(c.s.service.subscriptions.taken) == reading+dead })
}

// callsResetAtOnce is what is known as HTTP/2 rapid reset.
func callsResetAtOnce(c *crowd) {
	methods := []string{headMethod, appendMethod, subscribeMethod, pipelineMethod}
	c.raws(len(methods), func(raw *rawClient) {
		for i := 0; ; i++ {
			id := raw.call(methods[i%len(methods)])
			if id == 0 || !raw.reset(id) {
				return
			}
			if c.did.Add(1) > c.s.flood { // enough
				<-c.ctx.Done()
			}
		}
	})
	floods := c.s.inbound.Stats().Floods
	c.until(2_000)
	c.s.until("closed", func() bool { return c.s.inbound.Stats().Floods > floods || c.did.Load() > c.s.flood })
}

func headersBeyondTheBound(c *crowd) {
	large := strings.Repeat("x", 1<<20)
	c.raws(2, func(raw *rawClient) {
		for raw.call(headMethod, "x-large", large) != 0 {
			c.did.Add(1)
		}
	})
	c.until(10)
}

func deadlinesOfAMillisecond(c *crowd) {
	for range 8 {
		client := c.connect(c.s.Addr().String()) // one alone would be taken for a flood of resets
		c.group.Go(func() {
			for c.ctx.Err() == nil {
				ctx, cancel := context.WithTimeout(c.ctx, time.Millisecond)
				_, err := client.Append(ctx, oneEvent("storm-1"))
				cancel()
				switch code := status.Code(err); code {
				case codes.OK, codes.DeadlineExceeded, codes.Canceled, codes.Unavailable: // the last when taken for a flood
				default:
					if c.ctx.Err() == nil {
						c.t.Errorf("ended with %v", err)
					}
				}
				c.did.Add(1)
			}
		})
	}
	c.until(500)
}

// lengthsWithoutBytes announce as much as a message may have, a thousand times,
// and more than it may.
func lengthsWithoutBytes(c *crowd) {
	const conns, each = 5, 200
	most := uint32(c.s.config.Limits.RequestBytes + requestSlack)
	c.raws(conns, func(raw *rawClient) {
		for range each {
			raw.data(raw.call(appendMethod), announced(most), false)
			c.did.Add(1)
		}
		raw.data(raw.call(appendMethod), announced(most+1), false)
		raw.data(raw.call(appendMethod), announced(1<<32-1), false)
		c.s.until("refused", func() bool { return raw.statuses[codes.ResourceExhausted].Load() == 2 || c.ctx.Err() != nil })
		<-c.ctx.Done()
	})
	c.until(conns * each)
}

func bodiesByteByByte(c *crowd) {
	const conns, each = 3, 50
	c.raws(conns, func(raw *rawClient) {
		var ids []uint32
		for i := range each {
			method := []string{appendMethod, subscribeMethod, pipelineMethod, headMethod}[min(i%8, 3)]
			id := raw.call(method)
			raw.data(id, announced(1<<20), false)
			ids = append(ids, id)
			c.did.Add(1)
		}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				for _, id := range ids {
					raw.data(id, []byte{0}, false)
				}
			case <-c.ctx.Done():
				return
			}
		}
	})
	c.until(conns * each)
}

// pipelinesThatNeverRead send what they can; twenty more are refused.
func pipelinesThatNeverRead(c *crowd) {
	free := siegePipelines - len(c.s.service.pipelines.taken) // others may have some
	for range free {
		call, err := c.connect(c.s.Addr().String()).AppendPipeline(c.ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		c.group.Go(func() {
			for i := uint64(0); ; i++ {
				if call.Send(&stetv1.AppendPipelineRequest{Ticket: i, Append: oneEvent("pipe-1")}) != nil {
					return
				}
				if c.did.Add(1) > c.s.flood { // far more than they may have unanswered
					<-c.ctx.Done()
				}
			}
		})
	}
	c.until(int64(free) * 64)
	c.s.until("full", func() bool { return len(c.s.service.pipelines.taken) == siegePipelines })
	client := c.connect(c.s.Addr().String())
	for range 20 {
		call, err := client.AppendPipeline(c.ctx)
		if err == nil {
			_, err = call.Recv()
		}
		wantTooMany(c.t, err, ReasonTooManyPipelines, "12")
	}
}

// httpBodiesThatStop send most of large bodies and then nothing; those that are
// turned away come again.
func httpBodiesThatStop(c *crowd) {
	const conns, bytes, floods = 12, 1 << 20, 8
	part := make([]byte, 64<<10)
	for range conns {
		c.group.Go(func() {
			for c.ctx.Err() == nil {
				conn, err := net.Dial("tcp", c.s.HTTPAddr().String())
				if err != nil {
					continue
				}
				end := context.AfterFunc(c.ctx, func() { _ = conn.Close() }) // again, perhaps
				_, err = fmt.Fprintf(conn, "POST /cart/1/closed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", bytes+1)
				for sent := 0; err == nil && sent < bytes; sent += len(part) {
					_, err = conn.Write(part)
				}
				if c.did.Add(1) > floods*conns { // enough: each costs this process, too
					<-c.ctx.Done()
				}
				_, _ = io.Copy(io.Discard, conn) // until it is closed
				end()
				_ = conn.Close()
			}
		})
	}
	c.until(conns + 1)
}

// readsThatNobodyTakes open the windows wide and do not read from the socket.
func readsThatNobodyTakes(c *crowd) {
	const conns, each = 4, 50
	for range conns {
		conn, err := net.Dial("tcp", c.s.Addr().String())
		if err != nil {
			c.t.Fatal(err)
		}
		raw, err := startRawClient(deaf{conn})
		if err != nil {
			c.t.Fatal(err)
		}
		c.ends = append(c.ends, raw.close)
		raw.write(func() error { return raw.framer.WriteWindowUpdate(0, 1<<30) })
		for range each {
			id := raw.call(stetv1.EventStore_ReadAll_FullMethodName)
			raw.write(func() error { return raw.framer.WriteWindowUpdate(id, 1<<30) })
			raw.data(id, framed(&stetv1.ReadAllRequest{}), true)
			c.did.Add(1)
		}
	}
}

func connectionsBeyondTheBound(c *crowd) {
	for range siegeConnections + 100 {
		conn, err := net.Dial("tcp", c.s.Addr().String())
		if err != nil {
			c.t.Fatal(err)
		}
		c.ends = append(c.ends, func() { _ = conn.Close() }) // the server may have closed it
		c.did.Add(1)
	}
	c.s.until("full", func() bool { return c.s.rpcListener.open.Load() == siegeConnections })
	c.s.until("refusing", func() bool { return c.s.rpcListener.refused.Load() >= 100 })
}

func halfOpenConnections(c *crowd) {
	relay := c.s.relays[0]
	c.ends = append(c.ends, relay.Reset)
	const conns, each = 5, 10
	for range conns {
		client := c.connect(relay.Addr())
		for range each {
			call, err := client.AppendPipeline(c.ctx)
			if err != nil {
				c.t.Fatal(err)
			}
			_ = call.Send(&stetv1.AppendPipelineRequest{Append: oneEvent("half-1")}) // some are refused
			stream, err := client.ReadAll(c.ctx, &stetv1.ReadAllRequest{})
			if err != nil {
				c.t.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				c.t.Fatal(err)
			}
			c.did.Add(1)
		}
	}
	relay.Freeze()
}

func connectionsAtATrickle(c *crowd) {
	relay := c.s.relays[1]
	c.ends = append(c.ends, relay.Cut)
	for range 10 {
		client := c.connect(relay.Addr())
		c.group.Go(func() {
			for c.ctx.Err() == nil {
				_, _ = client.Append(c.ctx, oneEvent("slow-1")) // as it comes
				c.did.Add(1)
			}
		})
	}
	c.until(10)
	relay.Trickle(time.Millisecond)
}

func bytesThatAreNoProtocol(c *crowd) {
	for i := range 4 {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		c.group.Go(func() {
			for c.ctx.Err() == nil {
				conn, err := net.Dial("tcp", c.s.Addr().String())
				if err != nil {
					continue
				}
				garbage := make([]byte, rng.IntN(8<<10))
				for i := range garbage {
					garbage[i] = byte(rng.Uint32())
				}
				if rng.IntN(2) == 0 {
					garbage = append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), garbage...)
				}
				_, _ = conn.Write(garbage) // the server may close at any byte
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.CloseWrite() // as above
				}
				_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // fails on a closed one
				_, _ = io.Copy(io.Discard, conn)                      // until it is closed
				_ = conn.Close()                                      // nothing to lose
				c.did.Add(1)
			}
		})
	}
	c.until(50)
}

func pingsAndSettingsWithoutEnd(c *crowd) {
	c.raws(2, func(raw *rawClient) {
		for raw.write(func() error { return raw.framer.WritePing(false, [8]byte{1}) }) && c.did.Add(1) < c.s.flood {
		}
		<-raw.closed // it was turned away
	})
	c.raws(2, func(raw *rawClient) {
		for raw.write(func() error { return raw.framer.WriteSettings() }) {
			if c.did.Add(1) > c.s.flood {
				<-c.ctx.Done()
			}
		}
	})
	c.until(500)
}
