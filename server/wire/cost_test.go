package wire_test

import (
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/alloctest"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// hotPaths are what the codec does for a call.
func hotPaths(tb testing.TB) []alloctest.Path {
	codec := wire.NewCodec(standard)
	canonical := func(m proto.Message) mem.BufferSlice {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			tb.Fatal(err)
		}
		return mem.BufferSlice{mem.SliceBuffer(data)}
	}
	event := fullEvent()
	event.SchemaVersion = 0 // it moves, so the fields behind it would be copied
	one := &stetv1.AppendRequest{Stream: "order-7", Expectation: anyState(), Events: []*stetv1.NewEvent{event}}
	ten := &stetv1.AppendRequest{Stream: "order-7", Expectation: anyState()}
	for range 10 {
		ten.Events = append(ten.Events, event)
	}
	single, many := canonical(one), canonical(ten)
	ticket := canonical(&stetv1.AppendPipelineRequest{Ticket: 7, Append: one})
	answer := &wire.AppendResponse{Appended: storage.Appended{
		First: 1, Last: 1, RecordedAt: 1, Entries: []storage.AppendedEntry{{First: 1, Last: 1}}, IDs: make([]storage.EventID, 1),
	}}
	frames := make([]byte, 30_000)
	trailer := &stetv1.ReadAllResponse{ScannedTo: 7, Head: 9}
	decode := func(data mem.BufferSlice, into func() any) func() {
		return func() {
			if err := codec.Unmarshal(data, into()); err != nil {
				tb.Error(err)
			}
		}
	}
	encode := func(m any) func() {
		return func() {
			out, err := codec.Marshal(m)
			if err != nil {
				tb.Error(err)
			}
			out.Free()
		}
	}
	return []alloctest.Path{
		{Name: "decode an append", Ceiling: 5, Run: decode(single, func() any { return new(wire.AppendRequest) })},
		{Name: "decode an append of 10", Ceiling: 5, Run: decode(many, func() any { return new(wire.AppendRequest) })},
		{Name: "decode a pipelined append", Ceiling: 5, Run: decode(ticket, func() any { return new(wire.AppendPipelineRequest) })},
		{Name: "encode an answer", Ceiling: 3, Run: encode(answer)},
		{Name: "encode a page of events", Ceiling: 4, Run: encode(&wire.Events{Frames: frames, Trailer: trailer})},
	}
}

func TestAllocationsOfTheCodecStayBelowTheirCeilings(t *testing.T) {
	alloctest.Check(t, hotPaths(t)...)
}

func BenchmarkCodec(b *testing.B) { alloctest.Benchmark(b, hotPaths(b)...) }
