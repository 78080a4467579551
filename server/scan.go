package server

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

const (
	// messageBytes bounds an answer unless one event alone is larger: above it
	// grpc's buffers grow from 32 KiB to 1 MiB.
	messageBytes = 32 << 10
	// trailerBytes is more than the fields after the events ever take.
	trailerBytes = 64
	// passBytes bounds what is gathered while an iterator of the store is open.
	passBytes = 8 * messageBytes
	// passEvents and passTime bound what is looked at before the reader hears
	// of it.
	passEvents = 50_000
	passTime   = 100 * time.Millisecond
	// clockEvery is how many events are looked at between two looks at the
	// clock and the context.
	clockEvery = 64
)

// scan answers a read. It goes in passes: the store is read into a few pages,
// its iterator is closed, and then they are sent, while one more pass is made at
// most. So a reader that is slow, or dead, holds nothing of the store (I10), at
// the price of opening an iterator every [passBytes].
type scan struct {
	// span is what is still to be looked at; end, asked once read has ended, is
	// what has been when all of it was.
	span span64
	end  func() uint64
	// left is how many events may still be given; 0: any number.
	left    uint64
	matcher *record.Matcher
	// read reads a range, number is an event's number in it.
	read   func(context.Context, span64) iter.Seq2[storage.Recorded, error]
	number func(storage.Recorded) (uint64, error)
	// trailer is an answer without events.
	trailer func(scannedTo uint64, done bool) proto.Message
}

// page is the events of one answer.
type page struct {
	frames []byte
	// pooled says that frames is a buffer of the pool.
	pooled    bool
	scannedTo uint64
	done      bool
}

// passed is what a pass gave.
type passed struct {
	pages []page
	err   error
	// panicked is what it panicked with, for whoever waits for it.
	panicked any
}

// run answers until all of the range was looked at or an error occurs: an
// answer never ends short in silence. While the pages of one pass are sent the
// next one is under way.
func (s *scan) run(stream grpc.ServerStream) error {
	now := passed{}
	now.pages, now.err = s.pass(stream.Context())
	for {
		var next chan passed // nil: this is the last pass
		if now.err == nil && !now.pages[len(now.pages)-1].done {
			next = make(chan passed, 1)
			go s.passAhead(stream.Context(), next)
		}
		// Pages before an error are good: the reader may use them.
		err := s.sendAll(stream, now.pages)
		if next == nil {
			return cmp.Or(err, now.err)
		}
		if now = <-next; now.panicked != nil {
			panic(now.panicked)
		}
		if err != nil {
			return err
		}
	}
}

// passAhead is a pass in a goroutine of its own, whom nobody but the reader of
// out would recover.
func (s *scan) passAhead(ctx context.Context, out chan<- passed) {
	var p passed
	defer func() {
		if p.panicked = recover(); p.panicked != nil {
			p.panicked = fmt.Sprintf("%v\n%s", p.panicked, debug.Stack())
		}
		out <- p
	}()
	p.pages, p.err = s.pass(ctx)
}

func (s *scan) sendAll(stream grpc.ServerStream, pages []page) error {
	for i := range pages {
		if err := s.send(stream, &pages[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) send(stream grpc.ServerStream, p *page) error {
	if err := fault.Fail(fault.ReadPage); err != nil {
		return err
	}
	return stream.SendMsg(&wire.Events{
		Frames:  p.frames,
		Recycle: p.pooled,
		Trailer: s.trailer(p.scannedTo, p.done),
	})
}

// pass looks at a part of the range. Without an error there is at least one
// page, and the last one says how far it went; an empty one is a progress
// message.
func (s *scan) pass(ctx context.Context) ([]page, error) {
	if s.span.empty() {
		return []page{{scannedTo: s.end(), done: true}}, nil
	}
	g := gathering{pages: make([]page, 1, 4)}
	began, seen := time.Now(), 0
	for e, err := range s.read(ctx, s.span) {
		if err != nil {
			return g.finished(), fmt.Errorf("read: %w", err)
		}
		if seen++; seen%clockEvery == 0 && time.Since(began) >= passTime || seen > passEvents || g.bytes >= passBytes {
			return g.pages, ctx.Err()
		}
		n, err := s.number(e)
		if err != nil {
			return g.finished(), fmt.Errorf("read: %w", err)
		}
		if s.matcher.Match(e.Wire) {
			g.add(e.Wire)
			if s.left == 1 {
				return g.end(n), nil
			}
			s.left -= min(s.left, 1)
		} else if mutant.On(mutant.FilterAfterLimit) && s.left > 1 {
			s.left--
		}
		g.last().scannedTo = n
		s.span = s.span.after(n)
	}
	return g.end(s.end()), nil
}

// gathering is the pages of one pass.
type gathering struct {
	pages []page // at least one; the last is being filled
	bytes int
}

func (g *gathering) last() *page { return &g.pages[len(g.pages)-1] }

// add copies an event to the last page, or to a new one when it is full. What
// was looked at belongs to the page before until then.
func (g *gathering) add(event []byte) {
	const room = messageBytes - trailerBytes
	size := record.FrameSize(len(event))
	p := g.last()
	if len(p.frames) > 0 && len(p.frames)+size > room {
		g.pages = append(g.pages, page{scannedTo: p.scannedTo})
		p = g.last()
	}
	switch {
	case p.frames != nil:
	case size > room:
		p.frames = make([]byte, 0, size)
	default:
		p.frames, p.pooled = wire.FrameBuffer(messageBytes), true
	}
	p.frames = record.AppendFrame(p.frames, event)
	g.bytes += size
}

// end closes the last page as the last of the answer.
func (g *gathering) end(scannedTo uint64) []page {
	p := g.last()
	p.scannedTo, p.done = scannedTo, true
	return g.pages
}

// finished are the pages that are worth sending before an error.
func (g *gathering) finished() []page {
	if len(g.last().frames) == 0 {
		return g.pages[:len(g.pages)-1]
	}
	return g.pages
}
