package cursor

import "github.com/stet-db/stet/storage/record"

// firstHint is what a batch of copied events allocates before anything is
// known about its size.
const firstHint = 2 << 10

// batch gathers the events of one step, either from the shared frames of a
// group, copying only when there are gaps, or one by one.
type batch struct {
	count, bytes int

	// shared are the frames of a group, never written to; shared[from:to] is
	// the run of them that is not in copied yet.
	shared   []byte
	from, to int

	// copied belongs to the batch; hint is its likely size.
	copied []byte
	hint   int
}

// fits tells whether a frame of so many bytes may be added.
func (b *batch) fits(size int) bool { return b.count == 0 || b.bytes+size <= MaxFrames }

// share adds the frame shared[from:to].
func (b *batch) share(from, to int) {
	if b.count > 0 && from != b.to {
		b.copyRun()
		b.from = from
	} else if b.count == 0 {
		b.from = from
	}
	b.to = to
	b.count++
	b.bytes += to - from
}

func (b *batch) copyRun() {
	b.copied = append(b.copied, b.shared[b.from:b.to]...)
	b.from = b.to
}

// copy adds an event that is only lent.
func (b *batch) copy(wire []byte) {
	if b.copied == nil {
		b.copied = make([]byte, 0, max(firstHint, b.hint, record.FrameSize(len(wire))))
	}
	b.copied = record.AppendFrame(b.copied, wire)
	b.count++
	b.bytes = len(b.copied)
}

// frames are all events added.
func (b *batch) frames() []byte {
	if b.copied == nil {
		return b.shared[b.from:b.to:b.to]
	}
	b.copyRun()
	return b.copied
}
