package wire

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Events is a ReadStreamResponse, ReadAllResponse or SubscribeResponse: events
// that are encoded already, and the other fields.
type Events struct {
	// Frames are the elements of the field events, which is number 1 in all
	// three messages: as made by [record.AppendFrame], or as in
	// [storage.Group]. They are sent without a copy, and after SendMsg has
	// returned: nobody may write to them again. May be empty.
	Frames []byte
	// Recycle gives Frames, which must then come from [FrameBuffer] and be
	// nobody else's, back to the pool once they are sent.
	Recycle bool
	// Trailer is a message of the same type with the other fields set, and no
	// events. Protobuf messages concatenate, so it simply follows. Nil: no
	// other field is set.
	Trailer proto.Message
}

// FrameBuffer is an empty buffer from the pool, with room for size bytes.
func FrameBuffer(size int) []byte { return (*mem.DefaultBufferPool().Get(size))[:0] }

func (e *Events) marshal() (mem.BufferSlice, error) {
	var trailer []byte
	if e.Trailer != nil {
		var err error
		if trailer, err = proto.Marshal(e.Trailer); err != nil {
			return nil, err
		}
	}
	out := make(mem.BufferSlice, 0, 2)
	switch {
	case len(e.Frames) == 0:
	case e.Recycle:
		out = append(out, mem.NewBuffer(&e.Frames, mem.DefaultBufferPool()))
	default:
		out = append(out, mem.SliceBuffer(e.Frames))
	}
	if len(trailer) > 0 {
		out = append(out, mem.SliceBuffer(trailer))
	}
	return out, nil
}
