package server

import (
	"context"
	"fmt"
	"iter"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// ReadAll reads the log up to the head at the time of the call (I7).
func (s *Service) ReadAll(req *stetv1.ReadAllRequest, stream grpc.ServerStream) error {
	var f faults
	filter := f.filter(req.GetFilter(), s.o.Limits)
	times := f.times(req)
	if err := storage.Invalid(f...); err != nil {
		return err
	}
	ctx, head := stream.Context(), s.store.Head()
	at := func(t storage.Instant) (uint64, error) {
		p, err := s.store.PositionAt(ctx, t, head)
		return uint64(p), err
	}
	span, err := times.span(req.GetFromPosition(), uint64(head), req.GetBackwards(), at)
	if err != nil {
		return fmt.Errorf("find the range by time: %w", err)
	}
	scan := &scan{
		span:    span,
		end:     span.end,
		left:    req.GetLimit(),
		matcher: record.NewMatcher(filter, record.Source{}),
		read: func(ctx context.Context, r span64) iter.Seq2[storage.Recorded, error] {
			return s.store.ReadAll(ctx, storage.AllRange{
				From: storage.Position(r.from), Until: storage.Position(r.until), Backwards: r.backwards,
			})
		},
		number: func(e storage.Recorded) (uint64, error) { return uint64(e.Position), nil },
		trailer: func(scannedTo uint64, done bool) proto.Message {
			return &stetv1.ReadAllResponse{ScannedTo: scannedTo, Head: uint64(head), Done: done}
		},
	}
	return scan.run(stream)
}

// ReadStream reads one stream up to the head at the time of the call (I7).
func (s *Service) ReadStream(req *stetv1.ReadStreamRequest, stream grpc.ServerStream) error {
	var f faults
	f.add("stream", storage.StreamNameProblem(req.GetStream(), s.o.Limits))
	filter := f.filter(req.GetFilter(), s.o.Limits)
	times := f.times(req)
	if err := storage.Invalid(f...); err != nil {
		return err
	}
	r := &streamRead{store: s.store, name: req.GetStream(), head: s.store.Head()}
	span, err := r.span(stream.Context(), req, times)
	if err != nil {
		return err
	}
	scan := &scan{
		span:    span,
		end:     func() uint64 { return span.upTo(uint64(r.info.Version)).end() },
		left:    req.GetLimit(),
		matcher: record.NewMatcher(filter, record.Source{Stream: r.name}),
		read:    r.read,
		number:  versionOf,
		trailer: r.trailer,
	}
	return scan.run(stream)
}

// streamRead is a read of one stream, as of one head.
type streamRead struct {
	store storage.Store
	name  string
	head  storage.Position
	// info is not zero once the stream was looked for in its own right, or a
	// first reading of events has told it on its way, which is cheaper. From
	// then on it does not change: further readings run beside the sending.
	info storage.StreamInfo
}

// span is the range of the request. Without times it takes no knowledge of the
// stream, and its end is open. At head 0 there is no stream to be found, while a
// read would take it for the head of then, which may be above (I7).
func (r *streamRead) span(ctx context.Context, req *stetv1.ReadStreamRequest, times timeRange) (span64, error) {
	if times == (timeRange{}) && r.head != 0 {
		// The highest number of all is left to the bound, which is not included.
		return times.span(min(req.GetFromVersion(), openEnd), openEnd, req.GetBackwards(), nil)
	}
	var err error
	if r.info, err = r.store.Stream(ctx, r.name, r.head); err != nil {
		return span64{}, err
	}
	at := func(t storage.Instant) (uint64, error) {
		v, err := r.store.VersionAt(ctx, r.name, t, r.head)
		return uint64(v), err
	}
	span, err := times.span(req.GetFromVersion(), uint64(r.info.Version), req.GetBackwards(), at)
	if err != nil {
		return span64{}, fmt.Errorf("find the range by time: %w", err)
	}
	return span, nil
}

func (r *streamRead) read(ctx context.Context, span span64) iter.Seq2[storage.Recorded, error] {
	what := storage.StreamRange{
		Stream: r.name, Head: r.head,
		From: storage.Version(span.from), Until: storage.Version(span.until), Backwards: span.backwards,
	}
	if span.until > openEnd {
		what.Until = 0
	}
	if r.info == (storage.StreamInfo{}) {
		what.Info = &r.info
	}
	return r.store.ReadStream(ctx, what)
}

func (r *streamRead) trailer(scannedTo uint64, done bool) proto.Message {
	return &stetv1.ReadStreamResponse{
		ScannedTo: scannedTo, Head: uint64(r.head), StreamVersion: uint64(r.info.Version), Done: done,
	}
}

func versionOf(e storage.Recorded) (uint64, error) {
	_, v, _, _, err := record.Place(e.Wire)
	return uint64(v), err
}

// timeRange is a range of recorded times; nil: open. from is included, until
// is not.
type timeRange struct {
	from, until *storage.Instant
}

// timed is a request with a range of times.
type timed interface {
	GetFromTime() *timestamppb.Timestamp
	GetUntilTime() *timestamppb.Timestamp
}

// times converts and checks the times of a request.
func (f *faults) times(req timed) timeRange {
	return timeRange{
		from:  f.instant("from_time", req.GetFromTime()),
		until: f.instant("until_time", req.GetUntilTime()),
	}
}

// openEnd stands for the last number where that is not known yet: no event has it.
const openEnd = math.MaxUint64 - 1

// span64 is a range of positions or versions: from is included, until is not.
type span64 struct {
	from, until uint64
	backwards   bool
}

// span makes the range of a read that starts at a number, included, with 0 for
// the start of all or the end of all when backwards. last is the last number
// there is; at finds the first number recorded at a time or later, last+1 when
// there is none.
func (r timeRange) span(start, last uint64, backwards bool, at func(storage.Instant) (uint64, error)) (span64, error) {
	out := span64{from: 1, until: last + 1, backwards: backwards}
	switch {
	case backwards && start != 0 && start < last:
		out.until = start + 1
	case !backwards:
		out.from = max(1, start)
	}
	if r.from != nil {
		n, err := at(*r.from)
		if err != nil {
			return span64{}, err
		}
		out.from = max(out.from, n)
	}
	if r.until != nil {
		n, err := at(*r.until)
		if err != nil {
			return span64{}, err
		}
		out.until = min(out.until, n)
	}
	return out, nil
}

// end is what has been looked at when all of the range has been: the last
// number, which is the lowest when backwards. It never says more than there is
// (I7).
func (r span64) end() uint64 {
	if r.backwards {
		return min(r.from, r.until-1)
	}
	return r.until - 1
}

// upTo is the range without what lies above the last number there is.
func (r span64) upTo(last uint64) span64 {
	r.until = min(r.until, last+1)
	return r
}

func (r span64) empty() bool { return r.from >= r.until }

// after is what is left of the range once a number was looked at.
func (r span64) after(n uint64) span64 {
	if r.backwards {
		r.until = n
	} else {
		r.from = n + 1
	}
	return r
}
