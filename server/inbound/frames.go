package inbound

import "encoding/binary"

// Frames as RFC 9113 has them.
const (
	prefaceBytes = 24
	headBytes    = 9

	typeData    = 0x0
	typeHeaders = 0x1
	typeReset   = 0x3

	flagEndStream = 0x1
	flagPadded    = 0x8
)

// frame is the head of one.
type frame struct {
	length      int
	kind, flags byte
	stream      uint32
}

// frames follows the frames of one direction of a connection, however they are
// cut into pieces.
type frames struct {
	// skip is how much comes before the next frame's head: the preface at first.
	skip int
	head [headBytes]byte
	have int // of the head
	now  frame
	left int // of the payload of now
	// padding is how much of the end of the payload is none of the data.
	padding int
}

// follower is told of frames: of each when its head is whole, and of the data of
// DATA frames as it comes, without padding.
type follower interface {
	begin(frame)
	data(f frame, p []byte)
}

// feed follows the next piece.
func (f *frames) feed(p []byte, to follower) {
	for len(p) > 0 {
		switch {
		case f.skip > 0:
			n := min(f.skip, len(p))
			f.skip -= n
			p = p[n:]
		case f.left > 0:
			n := min(f.left, len(p))
			f.payload(p[:n], to)
			p = p[n:]
		default:
			n := copy(f.head[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have == headBytes {
				f.next(to)
			}
		}
	}
}

// next begins the frame whose head is whole.
func (f *frames) next(to follower) {
	f.have, f.padding = 0, 0
	f.now = frame{
		length: int(binary.BigEndian.Uint32(f.head[:4]) >> 8),
		kind:   f.head[3],
		flags:  f.head[4],
		stream: binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31),
	}
	f.left = f.now.length
	to.begin(f.now)
}

// payload is a piece of the payload of now.
func (f *frames) payload(p []byte, to follower) {
	if f.now.kind != typeData {
		f.left -= len(p)
		return
	}
	if f.now.flags&flagPadded != 0 && f.left == f.now.length { // the first byte
		f.padding = int(p[0])
		p = p[1:]
		f.left--
	}
	if n := min(len(p), f.left-f.padding); n > 0 {
		to.data(f.now, p[:n])
	}
	f.left -= len(p)
}
