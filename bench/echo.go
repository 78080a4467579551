package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/heap"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// echo is a gRPC server with Stet's API that looks at nothing, keeps nothing
// and answers with bytes made before: what gRPC allows.
func echo(connections int) system {
	return system{name: "bare gRPC", limit: true, start: func(context.Context, string, bool) (*running, error) {
		return startCanned(connections, module("google.golang.org/grpc"), "echo-server")
	}}
}

// startCanned starts a child that answers Stet's calls with bytes made before.
func startCanned(connections int, version, role string, args ...string) (*running, error) {
	c, err := startChild(role, args...)
	if err != nil {
		return nil, err
	}
	d, err := stetload.Dial(c.addr, stetload.Options{Connections: connections})
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return &running{
		driver: &echoDriver{Driver: d}, pid: c.cmd.Process.Pid, version: version, took: c.took,
		stop: func() error { return errors.Join(d.Close(), c.stop()) },
	}, nil
}

// echoDriver has nothing to fill, and its positions mean nothing.
type echoDriver struct{ *stetload.Driver }

func (echoDriver) Fill(context.Context, workload.Dataset, *workload.Payload, func(int)) error {
	return nil
}

// Follow counts positions by itself: the same page is sent again and again.
func (d echoDriver) Follow(ctx context.Context, decode bool, ready, seen func(uint64)) error {
	n := uint64(0)
	return d.Driver.Follow(ctx, decode, ready, func(uint64) { n++; seen(n) })
}

// rawMessage is a message as it came, or as it is to be sent.
type rawMessage struct {
	wire []byte
	// whole asks for all of it, not only the ticket.
	whole bool
}

// ticketBytes hold the ticket of a pipelined request, its first field; the
// rest is not looked at.
const ticketBytes = 16

func answer(wire []byte) *rawMessage { return &rawMessage{wire: wire} }

type echoCodec struct{}

func (echoCodec) Name() string { return "proto" }

func (echoCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*rawMessage)
	if !ok {
		return nil, fmt.Errorf("marshal %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(m.wire)}, nil
}

func (echoCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*rawMessage)
	if !ok {
		return fmt.Errorf("unmarshal into %T", v)
	}
	m.wire = m.wire[:0]
	for _, part := range data {
		if m.wire = append(m.wire, part.ReadOnlyData()...); len(m.wire) >= ticketBytes && !m.whole {
			break
		}
	}
	return nil
}

// canned are the answers.
type canned struct {
	appended, page, stream, started []byte
	// keep makes appends durable before they are answered; nil: nothing is kept.
	keep *keeper
}

// echoPages is how many pages the log has.
const echoPages = 4000

func serveEcho(ctx context.Context, _ []string) error {
	answers, err := newCanned()
	if err != nil {
		return err
	}
	return answers.serve(ctx)
}

func (c *canned) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// As Stet's server has them, or the limit would be one of other settings.
	heap.Tune(0)
	s := grpc.NewServer(grpc.ForceServerCodecV2(echoCodec{}), grpc.NumStreamWorkers(256),
		grpc.StaticStreamWindowSize(1<<20), grpc.StaticConnWindowSize(4<<20))
	s.RegisterService(c.service(), nil)
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(listener) }()
	announce(ctx, listener.Addr().String())
	s.Stop()
	if err := <-failed; !errors.Is(err, grpc.ErrServerStopped) { // stopped before it began to serve
		return err
	}
	return nil
}

func newCanned() (*canned, error) {
	p, err := workload.NewPayload(workload.StandardJSONBytes, workload.StandardMetadataBytes, 1)
	if err != nil {
		return nil, err
	}
	var events []*stetv1.RecordedEvent
	size := 0
	for i := 0; size < 32<<10-500; i++ {
		e := p.Events(i, 1)[0]
		events = append(events, &stetv1.RecordedEvent{
			Stream: "bench-" + strconv.Itoa(i), Version: 5, Position: uint64(1_000_000 + i), RecordedAt: timestamppb.Now(),
			Id: "01890a5d-ac96-774b-bcce-b302099a8057", Type: e.Type, Metadata: e.Metadata, Payload: &stetv1.RecordedEvent_Json{Json: e.JSON},
		})
		size += proto.Size(events[i]) + 3
	}
	var c canned
	for to, m := range map[*[]byte]proto.Message{
		&c.appended: &stetv1.AppendResponse{FirstVersion: 5, LastVersion: 5, RecordedAt: timestamppb.Now(), Ids: []string{events[0].GetId()}},
		&c.page:     &stetv1.ReadAllResponse{Events: events, ScannedTo: 1_000_000, Head: 2_000_000},
		&c.stream:   &stetv1.ReadStreamResponse{Events: events[:20], ScannedTo: 20, Head: 2_000_000, StreamVersion: 20, Done: true},
		&c.started:  &stetv1.SubscribeResponse{Started: &stetv1.SubscribeResponse_Started{HistoryId: "none"}},
	} {
		if *to, err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

func (c *canned) service() *grpc.ServiceDesc {
	sending := func(name string, both bool, handle func(grpc.ServerStream) error) grpc.StreamDesc {
		return grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: both, Handler: func(_ any, s grpc.ServerStream) error { return handle(s) }}
	}
	return &grpc.ServiceDesc{
		ServiceName: "stet.v1.EventStore", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Append", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := rawMessage{whole: c.keep != nil}
			if err := decode(&in); err != nil {
				return nil, err
			}
			if c.keep != nil {
				wait, err := c.keep.put(in.wire)
				if err != nil {
					return nil, err
				}
				if err := wait(); err != nil {
					return nil, err
				}
			}
			return answer(c.appended), nil
		}}},
		Streams: []grpc.StreamDesc{
			sending("AppendPipeline", true, c.pipeline),
			sending("ReadAll", false, func(s grpc.ServerStream) error {
				done := answer(protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 1))
				return errors.Join(take(s), c.pages(s, c.page), s.SendMsg(done))
			}),
			sending("ReadStream", false, func(s grpc.ServerStream) error {
				return errors.Join(take(s), s.SendMsg(answer(c.stream)))
			}),
			sending("Subscribe", false, func(s grpc.ServerStream) error {
				events := c.page[:c.eventsEnd()]
				err := errors.Join(take(s), s.SendMsg(answer(c.started)))
				for err == nil {
					err = c.pages(s, events)
				}
				return err
			}),
		},
	}
}

func take(s grpc.ServerStream) error { return s.RecvMsg(&rawMessage{}) }

func (c *canned) pages(s grpc.ServerStream, page []byte) error {
	for range echoPages {
		if err := s.SendMsg(answer(page)); err != nil {
			return err
		}
	}
	return nil
}

// eventsEnd is where the events of the page end: what follows means something
// else in a subscription.
func (c *canned) eventsEnd() int {
	at := 0
	for {
		number, kind, n := protowire.ConsumeTag(c.page[at:])
		if number != 1 {
			return at
		}
		at += n + protowire.ConsumeFieldValue(number, kind, c.page[at+n:])
	}
}

// pipeline answers each message with its ticket, in order. What is to be kept is
// waited for beside the receiving.
func (c *canned) pipeline(s grpc.ServerStream) error {
	if c.keep == nil {
		return c.receiveAll(s, func(k kept) error { return c.answer(s, k) })
	}
	pending := make(chan kept, 256)
	answered := make(chan error, 1)
	go func() { answered <- c.answerAll(s, pending) }()
	err := c.receiveAll(s, func(k kept) error { pending <- k; return nil })
	close(pending)
	return errors.Join(err, <-answered)
}

// kept is an append that is answered once wait has returned.
type kept struct {
	ticket uint64
	wait   func() error // nil: at once
}

func (c *canned) receiveAll(s grpc.ServerStream, then func(kept) error) error {
	in := rawMessage{whole: c.keep != nil}
	for {
		if err := s.RecvMsg(&in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		_, _, n := protowire.ConsumeTag(in.wire)
		k := kept{}
		k.ticket, _ = protowire.ConsumeVarint(in.wire[n:])
		if c.keep != nil {
			var err error
			if k.wait, err = c.keep.put(in.wire); err != nil {
				return err
			}
		}
		if err := then(k); err != nil {
			return err
		}
	}
}

// answerAll waits for everything that is pending, also after a failure.
func (c *canned) answerAll(s grpc.ServerStream, pending <-chan kept) (err error) {
	for k := range pending {
		if failed := k.wait(); err == nil {
			if err = failed; err == nil {
				err = c.answer(s, k)
			}
		}
	}
	return err
}

func (c *canned) answer(s grpc.ServerStream, k kept) error {
	out := protowire.AppendVarint(protowire.AppendTag(make([]byte, 0, len(c.appended)+16), 1, protowire.VarintType), k.ticket)
	out = protowire.AppendBytes(protowire.AppendTag(out, 2, protowire.BytesType), c.appended)
	return s.SendMsg(answer(out))
}
