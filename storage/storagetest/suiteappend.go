package storagetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

var appendRules = []rule{
	{"gives versions and positions densely from one", givesDensePlaces},
	{"stores the canonical bytes of each event", storesCanonicalBytes},
	{"judges every kind of expectation", judgesExpectations},
	{"lists every failed expectation", listsAllConflicts},
	{"writes an atomic append whole or not at all", writesWholeOrNot},
	{"checks a stream without writing to it", checksWithoutWriting},
	{"puts an atomic append at contiguous positions in its order", keepsRequestOrder},
	{"takes appends of every size", takesEverySize},
	{"never lets recorded times fall", neverLetsTimesFall},
	{"treats streams of the server like others", treatsServerStreams},
}

// givesDensePlaces shows I2, S1.2 and S1.4.
func givesDensePlaces(s *subject) {
	versions := map[string]storage.Version{}
	var head storage.Position
	for i, n := range []int{1, 3, 2, 1, 5, 1} {
		stream := fmt.Sprintf("cart-%d", i%2)
		got := s.accept(One(1000, Expect(stream, storage.ExpectVersion(versions[stream]), s.events(n)...)))
		want := storage.AppendedEntry{First: versions[stream] + 1, Last: versions[stream] + storage.Version(n)}
		if len(got.Entries) != 1 || got.Entries[0] != want {
			s.Fatalf("versions: got %v, want %v", got.Entries, want)
		}
		if got.First != head+1 || got.Last != head+storage.Position(n) {
			s.Fatalf("positions: got %d to %d, want %d to %d", got.First, got.Last, head+1, head+storage.Position(n))
		}
		versions[stream], head = want.Last, got.Last
		if s.store.Head() != head {
			s.Fatalf("head: got %d after an answer up to %d", s.store.Head(), head)
		}
	}
	seen := map[string]storage.Version{}
	for i, k := range s.all() {
		e := s.decode(k)
		seen[e.Stream]++
		if e.Position != storage.Position(i+1) || e.Version != seen[e.Stream] {
			s.Fatalf("event %d of the log has position %d and is version %d of %q, want version %d", i+1, e.Position, e.Version, e.Stream, seen[e.Stream])
		}
	}
}

// storesCanonicalBytes shows that what is stored is what package record makes
// of it (I1), whatever the event holds.
func storesCanonicalBytes(s *subject) {
	full := ProposeEvent(&storage.Event{
		ID: EventIDOf(9), SchemaVersion: 3, Type: "Übung", OccurredAt: storage.Instant(-5).Time(),
		Metadata: map[string]string{"b": "2", "a": "1", "empty": ""}, Tags: []string{"z", "a"},
		Kind: storage.PayloadBinary, Payload: []byte{0, 255, 1},
	})
	serverMade := Propose(10, "Plain", `{}`)
	serverMade.ServerMadeID = true
	events := []storage.NewEvent{full, serverMade, Propose(11, "Plain", `[1, 2]`)}
	got := s.accept(One(77, Expect("ünïcode-1", storage.ExpectNoStream(), events...)))
	if want := []storage.EventID{EventIDOf(9), EventIDOf(10), EventIDOf(11)}; !slices.Equal(got.IDs, want) {
		s.Fatalf("ids: got %v, want %v", got.IDs, want)
	}
	for i, k := range s.all() {
		want := record.AppendRecorded(nil, "ünïcode-1", storage.Version(i+1), storage.Position(i+1), 77, &events[i])
		if !bytes.Equal(k.wire, want) {
			s.Fatalf("event %d: got bytes %x, want %x", i+1, k.wire, want)
		}
	}
}

func judgesExpectations(s *subject) {
	// An expectation and the versions at which it holds, among 0, 1 and 3.
	for i, c := range []struct {
		expectation storage.Expectation
		holds       []storage.Version
	}{
		{storage.ExpectAny(), []storage.Version{0, 1, 3}},
		{storage.ExpectNoStream(), []storage.Version{0}},
		{storage.ExpectExists(), []storage.Version{1, 3}},
		{storage.ExpectVersion(0), []storage.Version{0}},
		{storage.ExpectVersion(1), []storage.Version{1}},
		{storage.ExpectVersion(2), nil},
		{storage.ExpectVersion(3), []storage.Version{3}},
		{storage.ExpectVersion(4), nil},
		{storage.ExpectVersion(1 << 63), nil},
	} {
		for _, actual := range []storage.Version{0, 1, 3} {
			stream := fmt.Sprintf("case-%d-%d", i, actual)
			if actual > 0 {
				s.accept(One(1, Expect(stream, storage.ExpectNoStream(), s.events(int(actual))...)))
			}
			a := One(1, Expect(stream, c.expectation, s.event()))
			if !slices.Contains(c.holds, actual) {
				s.conflict(a, storage.Conflict{Stream: stream, Expected: c.expectation, Actual: actual})
				continue
			}
			if got := s.accept(a); got.Entries[0].First != actual+1 {
				s.Fatalf("%v at version %d: got version %d", c.expectation, actual, got.Entries[0].First)
			}
		}
	}
}

// listsAllConflicts shows S1.5.
func listsAllConflicts(s *subject) {
	s.fill("a-1", 1, 2)
	s.fill("b-1", 1, 1)
	before := s.all()
	s.conflict(One(5,
		Expect("a-1", storage.ExpectVersion(1), s.event()),
		Expect("new-1", storage.ExpectExists()),
		Expect("b-1", storage.ExpectVersion(1), s.event()),
		Expect("b-2", storage.ExpectAny(), s.event()),
		Expect("c-1", storage.ExpectVersion(7), s.event()),
	),
		storage.Conflict{Stream: "a-1", Expected: storage.ExpectVersion(1), Actual: 2},
		storage.Conflict{Stream: "new-1", Expected: storage.ExpectExists(), Actual: 0},
		storage.Conflict{Stream: "c-1", Expected: storage.ExpectVersion(7), Actual: 0},
	)
	if got := s.all(); len(got) != len(before) {
		s.Fatalf("a refused append left %d events", len(got)-len(before))
	}
}

// writesWholeOrNot shows I3.
func writesWholeOrNot(s *subject) {
	s.fill("a-1", 1, 1)
	got := s.accept(One(5,
		Expect("a-1", storage.ExpectVersion(1), s.events(2)...),
		Expect("b-1", storage.ExpectNoStream(), s.events(3)...)))
	if want := []storage.AppendedEntry{{First: 2, Last: 3}, {First: 1, Last: 3}}; !slices.Equal(got.Entries, want) {
		s.Fatalf("entries: got %v, want %v", got.Entries, want)
	}
	s.conflict(One(6,
		Expect("a-1", storage.ExpectVersion(3), s.event()),
		Expect("b-1", storage.ExpectNoStream(), s.event())),
		storage.Conflict{Stream: "b-1", Expected: storage.ExpectNoStream(), Actual: 3})
	if n := len(s.read(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "a-1"}))); n != 3 {
		s.Fatalf("stream a-1 has %d events after a refused append, want 3", n)
	}
}

func checksWithoutWriting(s *subject) {
	s.fill("a-1", 1, 1)
	got := s.accept(One(5,
		Expect("none-1", storage.ExpectNoStream()),
		Expect("a-1", storage.ExpectVersion(1)),
		Expect("b-1", storage.ExpectAny(), s.event()),
		Expect("a-2", storage.ExpectAny())))
	if want := []storage.AppendedEntry{{}, {}, {First: 1, Last: 1}, {}}; !slices.Equal(got.Entries, want) {
		s.Fatalf("entries: got %v, want %v", got.Entries, want)
	}
	s.conflict(One(5, Expect("a-1", storage.ExpectNoStream()), Expect("b-1", storage.ExpectAny(), s.event())),
		storage.Conflict{Stream: "a-1", Expected: storage.ExpectNoStream(), Actual: 1})
	s.wantStreams(storage.StreamsQuery{Limit: 10, Head: s.store.Head()}, "a-1", "b-1")
}

func keepsRequestOrder(s *subject) {
	s.fill("z-1", 1, 1)
	got := s.accept(One(5,
		Expect("z-1", storage.ExpectAny(), s.events(2)...),
		Expect("m-1", storage.ExpectAny()),
		Expect("a-1", storage.ExpectAny(), s.event()),
		Expect("k-1", storage.ExpectAny(), s.events(3)...)))
	if got.First != 2 || got.Last != 7 || len(got.IDs) != 6 {
		s.Fatalf("got positions %d to %d and %d ids, want 2 to 7 and 6", got.First, got.Last, len(got.IDs))
	}
	want := []string{"z-1@2", "z-1@3", "a-1@1", "k-1@1", "k-1@2", "k-1@3"}
	for i, k := range s.all()[1:] {
		e := s.decode(k)
		if at := fmt.Sprintf("%s@%d", e.Stream, e.Version); at != want[i] || e.ID != got.IDs[i] {
			s.Fatalf("position %d: got %s with id %v, want %s with id %v", e.Position, at, e.ID, want[i], got.IDs[i])
		}
	}
}

func takesEverySize(s *subject) {
	total := 0
	for _, n := range []int{1, 2, 3, 10, 100, 499, 500} {
		a := One(1, Expect("many-1", storage.ExpectVersion(storage.Version(total)), s.events(n)...))
		if got := s.accept(a); got.Last-got.First+1 != storage.Position(n) {
			s.Fatalf("%d events got positions %d to %d", n, got.First, got.Last)
		}
		total += n
	}
	// More than 4 MiB in one append, and one event of nearly 3 MiB.
	text := `"` + strings.Repeat("x", 900<<10) + `"`
	var large []storage.NewEvent
	for range 6 {
		s.ids++
		large = append(large, Propose(s.ids, "Large", text))
	}
	s.accept(One(1, Expect("large-1", storage.ExpectNoStream(), large...)))
	s.ids++
	s.accept(One(1, Expect("large-1", storage.ExpectVersion(6),
		Propose(s.ids, "Large", `"`+strings.Repeat("y", 3<<20-500)+`"`))))
	for _, k := range s.read(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "large-1", Until: 7})) {
		if e := s.decode(k); string(e.Payload) != text {
			s.Fatalf("version %d of the large stream came back changed", e.Version)
		}
	}
	if n := len(s.all()); n != total+7 {
		s.Fatalf("the log has %d events, want %d", n, total+7)
	}
}

// neverLetsTimesFall shows I12, also across a restart. The time before the
// first event is 0.
func neverLetsTimesFall(s *subject) {
	var last storage.Instant
	for i, at := range []storage.Instant{-7, 500, 400, 500, 501, -7, 1e15, 3, 1e15 + 1} {
		if i == 7 {
			s.reopen()
		}
		last = max(last, at)
		got := s.accept(One(at, Expect("a-1", storage.ExpectAny(), s.event()), Expect("b-1", storage.ExpectAny(), s.event())))
		if got.RecordedAt != last {
			s.Fatalf("append %d at %d: recorded at %d, want %d", i, at, got.RecordedAt, last)
		}
		for p := got.First; p <= got.Last; p++ {
			if recorded, err := s.store.RecordedAt(s.Context(), p); err != nil || recorded != last {
				s.Fatalf("recorded time of position %d: got %d, %v, want %d", p, recorded, err, last)
			}
		}
	}
}

func treatsServerStreams(s *subject) {
	s.accept(One(1, Expect("$keys", storage.ExpectNoStream(), s.events(2)...)))
	s.fill("a-1", 2, 1)
	s.conflict(One(3, Expect("$keys", storage.ExpectNoStream(), s.event())),
		storage.Conflict{Stream: "$keys", Expected: storage.ExpectNoStream(), Actual: 2})
	if n := len(s.all()); n != 3 {
		s.Fatalf("the log has %d events, want 3", n)
	}
	if n := len(s.read(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: "$keys"}))); n != 2 {
		s.Fatalf("stream $keys has %d events, want 2", n)
	}
}
