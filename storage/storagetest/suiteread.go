package storagetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math"
	"slices"

	"github.com/stet-db/stet/storage"
)

var readRules = []rule{
	{"reads every range of the log both ways", readsLogRanges},
	{"reads every range of a stream both ways", readsStreamRanges},
	{"reads an empty log as empty", readsEmptyLog},
	{"reads a stream as of a head", readsStreamAsOfHead},
	{"tells a stream never written to", tellsUnknownStream},
	{"stops reading when the reader stops", stopsWhenReaderStops},
	{"ends a read with the error of its context", endsWithContext},
	{"reads the same twice from one sequence", readsTwice},
}

// farEnds are bounds around a range of ten, and at the end of all numbers.
var farEnds = []uint64{0, 1, 2, 5, 10, 11, 12, 1000, math.MaxInt64, math.MaxUint64}

// wanted cuts the range out of what all holds, by the words of the port.
func wanted(all []kept, from, until uint64, backwards bool) []kept {
	var out []kept
	for i, k := range all {
		n := uint64(i + 1)
		if n >= from && (until == 0 || n < until) {
			out = append(out, k)
		}
	}
	if backwards {
		slices.Reverse(out)
	}
	return out
}

func sameEvents(a, b []kept) bool {
	return slices.EqualFunc(a, b, func(a, b kept) bool {
		return a.position == b.position && bytes.Equal(a.wire, b.wire)
	})
}

func readsLogRanges(s *subject) {
	for range 5 {
		s.accept(One(1, Expect("a-1", storage.ExpectAny(), s.event()), Expect("b-1", storage.ExpectAny(), s.event())))
	}
	all := s.all()
	if len(all) != 10 {
		s.Fatalf("the log has %d events, want 10", len(all))
	}
	for _, from := range farEnds {
		for _, until := range farEnds {
			for _, backwards := range []bool{false, true} {
				r := storage.AllRange{From: storage.Position(from), Until: storage.Position(until), Backwards: backwards}
				got, want := s.read(s.store.ReadAll(s.Context(), r)), wanted(all, from, until, backwards)
				if !sameEvents(got, want) {
					s.Fatalf("%+v: got %s, want %s", r, describeEvents(got, nil), describeEvents(want, nil))
				}
			}
		}
	}
}

func readsStreamRanges(s *subject) {
	s.fill("b-0", 1, 2)
	for range 5 {
		s.accept(One(1, Expect("b-1", storage.ExpectAny(), s.events(2)...), Expect("b-2", storage.ExpectAny(), s.event())))
	}
	var all []kept
	for _, k := range s.all() {
		if s.decode(k).Stream == "b-1" {
			all = append(all, k)
		}
	}
	for _, from := range farEnds {
		for _, until := range farEnds {
			for _, backwards := range []bool{false, true} {
				r := storage.StreamRange{Stream: "b-1", From: storage.Version(from), Until: storage.Version(until), Backwards: backwards}
				got, want := s.readDescribed(r), wanted(all, from, until, backwards)
				if !sameEvents(got, want) {
					s.Fatalf("%+v: got %s, want %s", r, describeEvents(got, nil), describeEvents(want, nil))
				}
			}
		}
	}
}

// readDescribed reads a range of a stream and wants the read to describe the
// stream as Stream does, before it gives anything.
func (s *subject) readDescribed(r storage.StreamRange) []kept {
	s.Helper()
	head := r.Head
	if head == 0 {
		head = s.store.Head()
	}
	want, err := s.store.Stream(s.Context(), r.Stream, head)
	if err != nil {
		s.Fatalf("stream %q at head %d: %v", r.Stream, head, err)
	}
	r.Info = &storage.StreamInfo{}
	for _, err := range s.store.ReadStream(s.Context(), r) {
		if err != nil || *r.Info != want {
			s.Fatalf("%+v: the first event came with %+v, %v, want %+v", r, *r.Info, err, want)
		}
		break
	}
	*r.Info = storage.StreamInfo{}
	got := s.read(s.store.ReadStream(s.Context(), r))
	if *r.Info != want {
		s.Fatalf("%+v: described as %+v, want %+v", r, *r.Info, want)
	}
	return got
}

func readsEmptyLog(s *subject) {
	for _, r := range []storage.AllRange{{}, {Backwards: true}, {From: 1, Until: 5}, {From: 7, Backwards: true}} {
		if got := s.read(s.store.ReadAll(s.Context(), r)); len(got) != 0 {
			s.Fatalf("%+v: an empty log has %d events", r, len(got))
		}
	}
	if s.store.Head() != 0 {
		s.Fatalf("an empty log has head %d", s.store.Head())
	}
	s.wantStreams(storage.StreamsQuery{Limit: 5, Head: 0, WithServerStreams: true})
	if p, err := s.store.PositionAt(s.Context(), 0, 0); err != nil || p != 1 {
		s.Fatalf("position at a time in an empty log: got %d, %v, want 1", p, err)
	}
}

func readsStreamAsOfHead(s *subject) {
	s.fill("other-1", 1, 1)
	for range 3 {
		s.accept(One(1, Expect("a-1", storage.ExpectAny(), s.events(2)...), Expect("b-1", storage.ExpectAny(), s.event())))
	}
	var all []kept
	for _, k := range s.all() {
		if s.decode(k).Stream == "a-1" {
			all = append(all, k)
		}
	}
	for head := storage.Position(2); head <= s.store.Head(); head++ {
		visible := slices.DeleteFunc(slices.Clone(all), func(k kept) bool { return k.position > head })
		for _, r := range []storage.StreamRange{
			{}, {Backwards: true}, {From: 2}, {From: 2, Backwards: true}, {Until: 4}, {Until: 4, Backwards: true}, {From: 6},
		} {
			r.Stream, r.Head = "a-1", head
			got, want := s.readDescribed(r), wanted(visible, uint64(r.From), uint64(r.Until), r.Backwards)
			if !sameEvents(got, want) {
				s.Fatalf("%+v: got %s, want %s", r, describeEvents(got, nil), describeEvents(want, nil))
			}
		}
	}
}

func (s *subject) wantNotFound(err error, stream string) {
	s.Helper()
	var missing *storage.StreamNotFoundError
	if !errors.As(err, &missing) || missing.Stream != stream {
		s.Fatalf("stream %q: got %v, want that it was not found", stream, err)
	}
}

func tellsUnknownStream(s *subject) {
	s.fill("a-1", 1, 1)
	s.fill("a-3", 1, 1)
	for _, name := range []string{"a", "a-", "a-0", "a-2", "a-11", "$a", "zz"} {
		for _, backwards := range []bool{false, true} {
			events, err := collect(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: name, From: 5, Backwards: backwards}))
			s.wantNotFound(err, name)
			if len(events) != 0 {
				s.Fatalf("stream %q, never written to, has %d events", name, len(events))
			}
		}
		_, err := s.store.Stream(s.Context(), name, s.store.Head())
		s.wantNotFound(err, name)
		_, err = s.store.VersionAt(s.Context(), name, 1, s.store.Head())
		s.wantNotFound(err, name)
	}
	// A stream is not visible at a head below its first event.
	_, err := collect(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "a-3", Head: 1}))
	s.wantNotFound(err, "a-3")
	_, err = s.store.Stream(s.Context(), "a-3", 1)
	s.wantNotFound(err, "a-3")
	_, err = s.store.VersionAt(s.Context(), "a-3", 1, 1)
	s.wantNotFound(err, "a-3")
}

func stopsWhenReaderStops(s *subject) {
	s.fill("a-1", 1, 10)
	for _, backwards := range []bool{false, true} {
		for name, seq := range map[string]iter.Seq2[storage.Recorded, error]{
			"log":    s.store.ReadAll(s.Context(), storage.AllRange{Backwards: backwards}),
			"stream": s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "a-1", Backwards: backwards}),
		} {
			n := 0
			for range seq {
				if n++; n == 3 {
					break
				}
			}
			if n != 3 {
				s.Fatalf("%s: got %d events before the break, want 3", name, n)
			}
		}
	}
	s.fill("a-1", 100, 1) // an iterator left open would be found by Close
}

func endsWithContext(s *subject) {
	s.fill("a-1", 1, 50)
	for name, open := range map[string]func(context.Context) iter.Seq2[storage.Recorded, error]{
		"log": func(ctx context.Context) iter.Seq2[storage.Recorded, error] {
			return s.store.ReadAll(ctx, storage.AllRange{})
		},
		"stream": func(ctx context.Context) iter.Seq2[storage.Recorded, error] {
			return s.store.ReadStream(ctx, storage.StreamRange{Stream: "a-1"})
		},
	} {
		ctx, cancel := context.WithCancel(s.Context())
		var n int
		var failed error
		for _, err := range open(ctx) {
			if err != nil {
				failed = err
				continue
			}
			if n++; n == 10 {
				cancel()
			}
		}
		// Some events may be on their way already; not being told is what must
		// not happen, unless all were given.
		if n < 50 && !errors.Is(failed, context.Canceled) {
			s.Errorf("%s: cancelled after 10 of 50 events: got %d and error %v", name, n, failed)
		}
		events, err := collect(open(ctx))
		if len(events) != 50 && !errors.Is(err, context.Canceled) {
			s.Errorf("%s: cancelled before: got %d events and error %v", name, len(events), err)
		}
		cancel()
	}
	if _, err := s.store.Stream(s.Context(), "a-1", 50); err != nil {
		s.Errorf("after cancelled reads: %v", err)
	}
}

func readsTwice(s *subject) {
	s.fill("a-1", 1, 3)
	for name, seq := range map[string]iter.Seq2[storage.Recorded, error]{
		"log":    s.store.ReadAll(s.Context(), storage.AllRange{Until: 3}),
		"stream": s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "a-1", Until: 3}),
	} {
		if a, b := s.read(seq), s.read(seq); len(a) != 2 || !sameEvents(a, b) {
			s.Fatalf("%s: got %s, then %s", name, describeEvents(a, nil), describeEvents(b, nil))
		}
	}
}
