package storagetest

import "github.com/stet-db/stet/storage"

// These rules are what S1.9 and S3.9 stand on: reading by time.

var timeRules = []rule{
	{"finds the first position at a time", findsPositionAtTime},
	{"finds the first version at a time", findsVersionAtTime},
	{"tells the time of each position", tellsTimeOfPosition},
}

// timed appends events to a-1 and b-1 by turns, at these times.
func (s *subject) timed() []storage.Instant {
	times := []storage.Instant{0, 0, 5, 10, 10, 10, 10, 20, 20, 1000, 1000, 1001}
	for i, at := range times {
		stream := "a-1"
		if i%3 == 2 {
			stream = "b-1"
		}
		s.accept(One(at, Expect(stream, storage.ExpectAny(), s.event())))
	}
	return times
}

// someTimes are times before, between, at and after those of timed.
var someTimes = []storage.Instant{-1 << 62, -1, 0, 1, 4, 5, 6, 9, 10, 11, 20, 21, 999, 1000, 1001, 1002, 1 << 62}

func findsPositionAtTime(s *subject) {
	times := s.timed()
	for head := storage.Position(0); head <= s.store.Head(); head++ {
		for _, t := range someTimes {
			want := storage.Position(1)
			for want <= head && times[want-1] < t {
				want++
			}
			if got, err := s.store.PositionAt(s.Context(), t, head); err != nil || got != want {
				s.Fatalf("position at time %d up to head %d: got %d, %v, want %d", t, head, got, err, want)
			}
		}
	}
}

func findsVersionAtTime(s *subject) {
	s.timed()
	var events []storage.Event
	for _, k := range s.read(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "a-1"})) {
		events = append(events, s.decode(k))
	}
	for head := storage.Position(1); head <= s.store.Head(); head++ {
		for _, t := range someTimes {
			want := storage.Version(1)
			for _, e := range events {
				if e.Position <= head && e.RecordedAt < t {
					want++
				}
			}
			if got, err := s.store.VersionAt(s.Context(), "a-1", t, head); err != nil || got != want {
				s.Fatalf("version at time %d up to head %d: got %d, %v, want %d", t, head, got, err, want)
			}
		}
	}
}

func tellsTimeOfPosition(s *subject) {
	times := s.timed()
	s.reopen()
	for i, want := range times {
		if got, err := s.store.RecordedAt(s.Context(), storage.Position(i+1)); err != nil || got != want {
			s.Fatalf("recorded time of position %d: got %d, %v, want %d", i+1, got, err, want)
		}
	}
	for _, k := range s.all() {
		if e := s.decode(k); e.RecordedAt != times[e.Position-1] {
			s.Fatalf("event at position %d says %d, want %d", e.Position, e.RecordedAt, times[e.Position-1])
		}
	}
	for _, p := range []storage.Position{0, storage.Position(len(times) + 1), 1 << 62} {
		if got, err := s.store.RecordedAt(s.Context(), p); err == nil {
			s.Fatalf("recorded time of position %d, which is not there: got %d", p, got)
		}
	}
}
