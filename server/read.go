package server

import (
	"context"
	"fmt"
	"iter"

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
		end:     span.end(),
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
	ctx, head := stream.Context(), s.store.Head()
	info, err := s.store.Stream(ctx, req.GetStream(), head)
	if err != nil {
		return err
	}
	at := func(t storage.Instant) (uint64, error) {
		v, err := s.store.VersionAt(ctx, info.Name, t, head)
		return uint64(v), err
	}
	span, err := times.span(req.GetFromVersion(), uint64(info.Version), req.GetBackwards(), at)
	if err != nil {
		return fmt.Errorf("find the range by time: %w", err)
	}
	scan := &scan{
		span:    span,
		end:     span.end(),
		left:    req.GetLimit(),
		matcher: record.NewMatcher(filter, record.Source{Stream: info.Name}),
		read: func(ctx context.Context, r span64) iter.Seq2[storage.Recorded, error] {
			return s.store.ReadStream(ctx, storage.StreamRange{
				Stream: info.Name, Head: head,
				From: storage.Version(r.from), Until: storage.Version(r.until), Backwards: r.backwards,
			})
		},
		number: versionOf,
		trailer: func(scannedTo uint64, done bool) proto.Message {
			return &stetv1.ReadStreamResponse{
				ScannedTo: scannedTo, Head: uint64(head), StreamVersion: uint64(info.Version), Done: done,
			}
		},
	}
	return scan.run(stream)
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
