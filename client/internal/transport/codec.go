package transport

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/client/internal/pages"
	"github.com/stet-db/stet/client/internal/requests"
)

// codec marshals deterministically: ascending fields and metadata sorted by
// key, which is the form that the server stores. It can then keep the bytes of
// an event as they came instead of encoding them again. Appends are encoded by
// package requests; their answers, and messages full of events, are decoded by
// package pages.
type codec struct {
	encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2(encodingproto.Name)} }

// Marshal encodes a message into one buffer of the pool.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("marshal %T: not a protobuf message", v)
	}
	size, byHand := requests.Size(m)
	if !byHand {
		size = proto.Size(m)
	}
	if mem.IsBelowBufferPoolingThreshold(size) {
		wire, err := encode(make([]byte, size), m, byHand)
		if err != nil {
			return nil, err
		}
		return mem.BufferSlice{mem.SliceBuffer(wire)}, nil
	}
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(size)
	wire, err := encode((*buffer)[:size], m, byHand)
	if err != nil {
		pool.Put(buffer)
		return nil, err
	}
	*buffer = wire
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}, nil
}

// encode fills a buffer of the message's size.
func encode(into []byte, m proto.Message, byHand bool) ([]byte, error) {
	if byHand && requests.Encode(into, m) {
		return into, nil
	}
	// The cached size is right unless the general encoder was not asked for it:
	// Size was just called, and nobody changes a message that is being sent.
	options := proto.MarshalOptions{Deterministic: true, UseCachedSize: !byHand}
	return options.MarshalAppend(into[:0], m)
}

// Unmarshal decodes a message.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	wire := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer wire.Free()
	if pages.Decode(wire.ReadOnlyData(), v) {
		return nil
	}
	return c.CodecV2.Unmarshal(mem.BufferSlice{wire}, v)
}
