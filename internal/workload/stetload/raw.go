package stetload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// rawCodec sends messages as usual and hands an answer's bytes to the message
// that receives them, without decoding.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("marshal %T: not a protobuf message", v)
	}
	wire, err := proto.Marshal(m)
	return mem.BufferSlice{mem.SliceBuffer(wire)}, err
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(interface{ take(wire []byte) error })
	if !ok {
		return fmt.Errorf("unmarshal into %T: not a raw message", v)
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	return m.take(buffer.ReadOnlyData())
}

// rawBatch looks at the frames of an answer only. Numbers of fields are those
// of the responses of ReadAll and Subscribe, where events is the first one.
type rawBatch struct {
	// position, if set, is called with each event's position.
	position func(uint64)
	// started, if set, is called with the cursor of a subscription's start.
	started func(uint64)
	events  int
	done    bool
}

const (
	fieldEvents  = 1
	fieldStarted = 2 // of SubscribeResponse
	fieldDone    = 4 // of ReadAllResponse
	fieldPlace   = 3 // RecordedEvent.position and SubscribeResponse.Started.cursor
)

func (b *rawBatch) take(wire []byte) error {
	b.events, b.done = 0, false
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return protowire.ParseError(n)
		}
		wire = wire[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, wire); n < 0 {
				return protowire.ParseError(n)
			}
			b.done = b.done || number == fieldDone && kind == protowire.VarintType
			wire = wire[n:]
			continue
		}
		inner, n := protowire.ConsumeBytes(wire)
		if n < 0 {
			return protowire.ParseError(n)
		}
		wire = wire[n:]
		if err := b.inner(number, inner); err != nil {
			return err
		}
	}
	return nil
}

func (b *rawBatch) inner(number protowire.Number, wire []byte) error {
	tell := b.position
	switch {
	case number == fieldEvents:
		b.events++
	case number == fieldStarted && b.started != nil:
		tell = b.started
	default:
		return nil
	}
	if tell == nil {
		return nil
	}
	place, err := placeOf(wire)
	if err == nil {
		tell(place)
	}
	return err
}

// placeOf is the field with the position; 0 when it is missing.
func placeOf(wire []byte) (uint64, error) {
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		if number == fieldPlace && kind == protowire.VarintType {
			v, m := protowire.ConsumeVarint(wire[n:])
			return v, protowire.ParseError(min(m, 0))
		}
		m := protowire.ConsumeFieldValue(number, kind, wire[n:])
		if m < 0 {
			return 0, protowire.ParseError(m)
		}
		wire = wire[n+m:]
	}
	return 0, nil
}

func (d *Driver) rawStream(ctx context.Context, method string, request proto.Message) (grpc.ClientStream, error) {
	conn := d.raw[rand.IntN(len(d.raw))] //nolint:gosec // load, not secrets
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(request); err != nil {
		return nil, err
	}
	return stream, stream.CloseSend()
}

func (d *Driver) readAllRaw(ctx context.Context, seen func(events int) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := d.rawStream(ctx, stetv1.EventStore_ReadAll_FullMethodName, &stetv1.ReadAllRequest{})
	if err != nil {
		return err
	}
	var b rawBatch
	for {
		if err := stream.RecvMsg(&b); err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if !seen(b.events) || b.done {
			return nil
		}
	}
}

func (d *Driver) followRaw(ctx context.Context, ready, seen func(position uint64)) error {
	stream, err := d.rawStream(ctx, stetv1.EventStore_Subscribe_FullMethodName,
		&stetv1.SubscribeRequest{Start: &stetv1.SubscribeRequest_FromNow{FromNow: true}})
	if err != nil {
		return err
	}
	b := rawBatch{position: seen, started: ready}
	for err == nil {
		err = stream.RecvMsg(&b)
	}
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // the caller has enough: that is how a subscription ends
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server ended the subscription")
	}
	return err
}
