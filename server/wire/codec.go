package wire

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	protobuf "google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/storage"
)

// NewCodec makes a codec for servers, used with grpc.ForceServerCodecV2, and
// for clients, used with grpc.ForceCodecV2. It bears the name of the standard
// one, because what is on the wire is the same. The limits bound requests that
// a server decodes.
func NewCodec(limits storage.Limits) encoding.CodecV2 {
	return &codec{limits: limits.WithDefaults(), other: encoding.GetCodecV2(proto.Name)}
}

type codec struct {
	limits storage.Limits
	// other serves the messages that are not of this package.
	other encoding.CodecV2
}

// Message is a message of this package that can be sent.
type Message interface {
	// marshal gives the message's buffers. They are freed once they are sent.
	marshal() (mem.BufferSlice, error)
}

// request is a message of this package that can be received. It finds its
// faults itself: data that is no valid protobuf is one of them.
type request interface {
	// unmarshal must not keep data.
	unmarshal(data mem.BufferSlice, limits *storage.Limits)
}

// Name is that of the content subtype.
func (c *codec) Name() string { return proto.Name }

func (c *codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(Message); ok {
		return m.marshal()
	}
	return c.other.Marshal(v)
}

func (c *codec) Unmarshal(data mem.BufferSlice, v any) error {
	if r, ok := v.(request); ok {
		r.unmarshal(data, &c.limits)
		return nil
	}
	return c.other.Unmarshal(data, v)
}

// Generated is a request of a call that is not hot, in its generated form. Like
// the others it finds its fault itself: what grpc makes of an error of a codec
// is a fault of the server.
type Generated struct {
	// Message is to be filled in.
	Message protobuf.Message
	// Fault tells that the data is not such a message.
	Fault error
}

func (g *Generated) unmarshal(data mem.BufferSlice, _ *storage.Limits) {
	g.Fault = protobuf.Unmarshal(data.Materialize(), g.Message)
}

// Raw is a message that its holder has as bytes already, or wants as bytes.
type Raw []byte

func (r *Raw) marshal() (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*r)}, nil
}

func (r *Raw) unmarshal(data mem.BufferSlice, _ *storage.Limits) { *r = data.Materialize() }
