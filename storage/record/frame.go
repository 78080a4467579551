package record

import (
	"fmt"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// tagFrame is that of the field events, which has the number 1 in every message
// that answers with events.
const tagFrame = 0x0a

// AppendFrame appends a stored event as an element of a repeated message field
// with number 1:
//
//	0a length  the event
//
// Frames stand one after another: the wire form of a ReadAllResponse that has
// only events, and the beginning of one that has more.
func AppendFrame(dst, wire []byte) []byte { return appendTagged(dst, tagFrame, wire) }

// AppendFrameHeader appends what a frame begins with; an event of exactly the
// given length must follow.
func AppendFrameHeader(dst []byte, length int) []byte {
	return protowire.AppendVarint(append(dst, tagFrame), uint64(length))
}

// FrameSize is the number of bytes that [AppendFrame] appends for an event of
// the given length.
func FrameSize(length int) int { return sizeTagged(length) }

// Frames yields the events of frames, which lie in frames, in their order. The
// frames must be what [AppendFrame] made: they live in memory only, so anything
// else is a bug of ours, and ending early would hide events. It panics then.
func Frames(frames []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := frames; len(rest) > 0; {
			wire, after, ok := consumeTagged(rest, tagFrame)
			if !ok {
				panic(fmt.Sprintf("record: no frame at byte %d of %d", len(frames)-len(rest), len(frames)))
			}
			if !yield(wire) {
				return
			}
			rest = after
		}
	}
}
