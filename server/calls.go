package server

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// calls counts what runs: for the metrics, and so that a drain knows when the
// last call of the event store has ended. Calls of other services (health,
// reflection) may last as long as their clients like, and no drain waits for
// them.
type calls struct {
	// byMethod has an entry for every method; immutable once the server runs.
	byMethod map[string]*methodCalls

	own      atomic.Int64 // calls of the event store in flight
	draining atomic.Bool
	once     sync.Once
	idle     chan struct{} // closed when draining and own was 0
}

// methodCalls are the counters of one method.
type methodCalls struct {
	service, method string
	own, streaming  bool
	inFlight        atomic.Int64
	received, sent  atomic.Uint64 // messages, of streaming methods only
}

func newCalls() *calls { return &calls{idle: make(chan struct{})} }

// ownServices are those of this module.
var ownServices = []string{stetv1.EventStore_ServiceDesc.ServiceName, stetv1.Aggregates_ServiceDesc.ServiceName}

// know makes the entries for the services of a server that does not serve yet.
func (c *calls) know(services map[string]grpc.ServiceInfo) {
	c.byMethod = make(map[string]*methodCalls)
	for service, info := range services {
		for _, m := range info.Methods {
			c.byMethod["/"+service+"/"+m.Name] = &methodCalls{
				service: service, method: m.Name,
				own:       slices.Contains(ownServices, service),
				streaming: m.IsClientStream || m.IsServerStream,
			}
		}
	}
}

func (c *calls) begin(method string) *methodCalls {
	m := c.byMethod[method]
	m.inFlight.Add(1)
	if m.own {
		c.own.Add(1)
	}
	return m
}

func (c *calls) end(m *methodCalls) {
	m.inFlight.Add(-1)
	if m.own && c.own.Add(-1) == 0 && c.draining.Load() {
		c.once.Do(func() { close(c.idle) })
	}
}

// drain gives a channel that is closed once no call of the event store is in
// flight. Whoever comes second of a call's end and this one sees the other.
func (c *calls) drain() <-chan struct{} {
	c.draining.Store(true)
	if c.own.Load() == 0 {
		c.once.Do(func() { close(c.idle) })
	}
	return c.idle
}

// sorted are the entries by name.
func (c *calls) sorted() []*methodCalls {
	return slices.SortedFunc(maps.Values(c.byMethod), func(a, b *methodCalls) int {
		return strings.Compare(a.service+"/"+a.method, b.service+"/"+b.method)
	})
}

// running are the methods with calls in flight, and how many.
func (c *calls) running() map[string]int64 {
	running := make(map[string]int64)
	for _, m := range c.byMethod {
		if n := m.inFlight.Load(); n > 0 {
			running[m.service+"/"+m.method] = n
		}
	}
	return running
}

func (c *calls) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	defer c.end(c.begin(info.FullMethod))
	return handler(ctx, req)
}

func (c *calls) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	m := c.begin(info.FullMethod)
	defer c.end(m)
	return handler(srv, &countedStream{ServerStream: stream, calls: m})
}

// countedStream counts messages.
type countedStream struct {
	grpc.ServerStream
	calls *methodCalls
}

func (s *countedStream) SendMsg(m any) error {
	err := s.ServerStream.SendMsg(m)
	if err == nil {
		s.calls.sent.Add(1)
	}
	return err
}

func (s *countedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.calls.received.Add(1)
	}
	return err
}
