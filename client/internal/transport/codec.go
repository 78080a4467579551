package transport

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/client/internal/pages"
)

// codec marshals deterministically: ascending fields and metadata sorted by
// key, which is the form that the server stores. It can then keep the bytes of
// an event as they came instead of encoding them again. Messages full of events
// are decoded by package pages.
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
	size := proto.Size(m)
	// The cached size is right: Size was just called, and nobody changes a
	// message that is being sent.
	options := proto.MarshalOptions{Deterministic: true, UseCachedSize: true}
	if mem.IsBelowBufferPoolingThreshold(size) {
		wire, err := options.Marshal(m)
		if err != nil {
			return nil, err
		}
		return mem.BufferSlice{mem.SliceBuffer(wire)}, nil
	}
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(size)
	wire, err := options.MarshalAppend((*buffer)[:0], m)
	if err != nil {
		pool.Put(buffer)
		return nil, err
	}
	*buffer = wire
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}, nil
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
