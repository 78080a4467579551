package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/stet-db/stet/storage"
)

// These rules show I5.

var requestIDRules = []rule{
	{"gives a repeated request id the first answer", repeatsFirstAnswer},
	{"gives a repeat the first answer after a restart", repeatsAfterRestart},
	{"gives a repeat the ids made first", repeatsFirstIDs},
	{"gives a repeat of an atomic append the first answer", repeatsAtomic},
	{"refuses other content under a used request id", refusesOtherContent},
	{"answers a repeat while the first is in flight", repeatsInFlight},
	{"remembers no refused request", remembersNoRefused},
	{"forgets a request id at the end of its window", forgetsAtWindowEnd},
	{"judges the window by the time of the log", judgesWindowByLog},
	{"remembers a request id anew after its window", remembersAnew},
}

func repeatsFirstAnswer(s *subject) {
	a := WithRequestID(One(100, Expect("a-1", storage.ExpectNoStream(), s.events(3)...)), "first")
	first := s.accept(a)
	s.replay(a, first)
	s.fill("a-1", 200, 2) // now the expectation fails twice over
	s.replay(a, first)
	later := *a
	later.Time = 300
	s.replay(&later, first)
}

func repeatsAfterRestart(s *subject) {
	a := WithRequestID(One(100, Expect("a-1", storage.ExpectAny(), s.events(3)...)), "first")
	first := s.accept(a)
	s.fill("b-1", 200, 1)
	s.reopen()
	s.replay(a, first)
}

// repeatsFirstIDs repeats a request whose ids the server made: they differ the
// second time, and the content does not.
func repeatsFirstIDs(s *subject) {
	made := func() *storage.Append {
		events := s.events(2)
		for i := range events {
			events[i] = Propose(s.ids, "Same", `{}`)
			events[i].ID, events[i].ServerMadeID = EventIDOf(1000+s.ids+uint64(i)), true
		}
		return WithRequestID(One(100, Expect("a-1", storage.ExpectAny(), events...)), "made")
	}
	first := s.accept(made())
	s.replay(made(), first)
	s.reopen()
	s.replay(made(), first)
}

func repeatsAtomic(s *subject) {
	a := WithRequestID(One(100,
		Expect("b-1", storage.ExpectNoStream(), s.events(2)...),
		Expect("none-1", storage.ExpectNoStream()),
		Expect("a-1", storage.ExpectAny(), s.event())), "atomic")
	first := s.accept(a)
	s.fill("none-1", 100, 1)
	s.replay(a, first)
	s.reopen()
	s.replay(a, first)
}

func refusesOtherContent(s *subject) {
	event := s.event()
	first := WithRequestID(One(100, Expect("a-1", storage.ExpectAny(), event)), "used")
	s.accept(first)
	for name, other := range map[string]*storage.Append{
		"event":       One(100, Expect("a-1", storage.ExpectAny(), s.event())),
		"stream":      One(100, Expect("a-2", storage.ExpectAny(), event)),
		"expectation": One(100, Expect("a-1", storage.ExpectVersion(7), event)),
		"more":        One(100, Expect("a-1", storage.ExpectAny(), event, event)),
		"check":       One(100, Expect("a-1", storage.ExpectAny(), event), Expect("b-1", storage.ExpectAny())),
	} {
		_, err := s.store.Append(s.Context(), WithRequestID(other, "used"))
		var mismatch *storage.RequestMismatchError
		if !errors.As(err, &mismatch) || mismatch.RequestID != "used" {
			s.Fatalf("other %s: got %v, want a mismatch", name, err)
		}
	}
	if s.store.Head() != 1 {
		s.Fatalf("head is %d, want 1", s.store.Head())
	}
}

func repeatsInFlight(s *subject) {
	const n = 50
	var answers [][3]*submitted
	for i := range n {
		id := fmt.Sprintf("request-%d", i)
		a := WithRequestID(One(1, Expect("a-1", storage.ExpectVersion(storage.Version(i)), s.event())), id)
		other := WithRequestID(One(1, Expect("a-1", storage.ExpectAny(), s.event())), id)
		answers = append(answers, [3]*submitted{
			s.submit(s.Context(), a), s.submit(s.Context(), a), s.submit(s.Context(), other),
		})
	}
	for i, three := range answers {
		first, err := three[0].wait()
		if err != nil || first.Replayed || first.First != storage.Position(i+1) {
			s.Fatalf("request %d: got %v, %v", i, first, err)
		}
		again, err := three[1].wait()
		first.Replayed = true
		if got, want := describe(again, err), describe(first, nil); got != want {
			s.Fatalf("repeat %d: got %s, want %s", i, got, want)
		}
		var mismatch *storage.RequestMismatchError
		if _, err := three[2].wait(); !errors.As(err, &mismatch) {
			s.Fatalf("other content %d: got %v, want a mismatch", i, err)
		}
	}
}

func remembersNoRefused(s *subject) {
	a := WithRequestID(One(100, Expect("a-1", storage.ExpectVersion(1), s.event())), "later")
	s.conflict(a, storage.Conflict{Stream: "a-1", Expected: storage.ExpectVersion(1), Actual: 0})
	s.fill("a-1", 100, 1)
	other := WithRequestID(One(100, Expect("a-1", storage.ExpectAny(), s.event())), "later")
	first := s.accept(other)
	s.replay(other, first)
}

// windowed is an append with a request id and a window of ten seconds.
func (s *subject) windowed(at storage.Instant, event storage.NewEvent) *storage.Append {
	a := WithRequestID(One(at, Expect("w-1", storage.ExpectAny(), event)), "windowed")
	a.Window = 10 * time.Second
	return a
}

func forgetsAtWindowEnd(s *subject) {
	const at, window = storage.Instant(1e9), storage.Instant(10e6)
	event := s.event()
	first := s.accept(s.windowed(at, event))
	s.replay(s.windowed(at+window-1, event), first)
	s.reopen()
	s.replay(s.windowed(at+window-1, event), first)
	// The row counts as absent from the end of the window on, also for other
	// content.
	second := s.accept(s.windowed(at+window, s.event()))
	if second.First != 2 {
		s.Fatalf("after the window: got position %d, want 2", second.First)
	}
}

// judgesWindowByLog shows that the log's time counts when the request's own is
// earlier, so that a clock that steps back brings nothing back.
func judgesWindowByLog(s *subject) {
	const at, window = storage.Instant(1e9), storage.Instant(10e6)
	event := s.event()
	s.accept(s.windowed(at, event))
	s.accept(One(at+window, Expect("other-1", storage.ExpectAny(), s.event())))
	if got := s.accept(s.windowed(at, event)); got.First != 3 || got.RecordedAt != at+window {
		s.Fatalf("got position %d at %d, want 3 at %d", got.First, got.RecordedAt, at+window)
	}
}

func remembersAnew(s *subject) {
	const at, window = storage.Instant(1e9), storage.Instant(10e6)
	event := s.event()
	s.accept(s.windowed(at, event))
	second := s.accept(s.windowed(at+window, event))
	s.replay(s.windowed(at+window+1, event), second)
	s.reopen()
	s.replay(s.windowed(at+2*window-1, event), second)
	third := s.accept(s.windowed(at+2*window, event))
	if third.First != 3 {
		s.Fatalf("after the second window: got position %d, want 3", third.First)
	}
}

var exactReplayRules = []rule{
	{"gives a repeat with an exact expectation the first answer", repeatsExact},
	{"gives a repeat of an exact atomic append the first answer", repeatsExactAtomic},
	{"finds one answer in two appends that lie as one", findsJoinedAppends},
	{"takes nothing else for a repeat", takesNothingElseForRepeat},
}

func repeatsExact(s *subject) {
	created := One(100, Expect("a-1", storage.ExpectNoStream(), s.events(2)...))
	changed := One(101, Expect("a-1", storage.ExpectVersion(2), s.events(3)...))
	first, second := s.accept(created), s.accept(changed)
	s.replay(created, first)
	s.replay(changed, second)
	s.fill("a-1", 500, 2)
	s.reopen()
	s.replay(created, first)
	s.replay(changed, second)
	inFlight := One(600, Expect("b-1", storage.ExpectNoStream(), s.event()))
	one, two := s.submit(s.Context(), inFlight), s.submit(s.Context(), inFlight)
	if got, err := one.wait(); err != nil || got.Replayed {
		s.Fatalf("first in flight: got %v, %v", got, err)
	}
	if got, err := two.wait(); err != nil || !got.Replayed {
		s.Fatalf("repeat in flight: got %v, %v", got, err)
	}
}

func repeatsExactAtomic(s *subject) {
	s.fill("b-1", 50, 1)
	a := One(100,
		Expect("b-1", storage.ExpectVersion(1), s.events(2)...),
		Expect("none-1", storage.ExpectNoStream()),
		Expect("a-1", storage.ExpectNoStream(), s.event()))
	first := s.accept(a)
	s.fill("none-1", 100, 1) // a pure check has left nothing that could be found
	s.replay(a, first)
	s.reopen()
	s.replay(a, first)
}

// findsJoinedAppends pins the rule where it is generous: what lies there as one
// append would have left it counts as this append.
func findsJoinedAppends(s *subject) {
	events := s.events(3)
	s.accept(One(100, Expect("a-1", storage.ExpectNoStream(), events[0])))
	s.accept(One(100, Expect("a-1", storage.ExpectVersion(1), events[1:]...)))
	got, err := s.store.Append(s.Context(), One(100, Expect("a-1", storage.ExpectNoStream(), events...)))
	if err != nil || !got.Replayed || got.First != 1 || got.Last != 3 {
		s.Fatalf("got %s, want a replay of 1 to 3", describe(got, err))
	}
}

func takesNothingElseForRepeat(s *subject) {
	e := s.events(6)
	s.accept(One(100, Expect("a-1", storage.ExpectNoStream(), e[0], e[1])))
	s.accept(One(101, Expect("a-1", storage.ExpectVersion(2), e[2])))
	s.accept(One(101, Expect("b-1", storage.ExpectNoStream(), e[3])))
	s.accept(One(101, Expect("a-1", storage.ExpectVersion(3), e[4])))
	serverMade, otherText := e[0], e[0]
	serverMade.ServerMadeID = true
	otherText.Rest = Propose(1, "Happened", `{"n":0}`).Rest
	none := storage.ExpectNoStream()
	for name, entries := range map[string][]storage.Entry{
		"server-made id":           {Expect("a-1", none, serverMade, e[1])},
		"other content":            {Expect("a-1", none, otherText, e[1])},
		"other id":                 {Expect("a-1", none, e[5], e[1])},
		"other order":              {Expect("a-1", none, e[1], e[0])},
		"other version":            {Expect("a-1", storage.ExpectVersion(1), e[0], e[1])},
		"two recorded times":       {Expect("a-1", none, e[0], e[1], e[2])},
		"a gap between":            {Expect("a-1", storage.ExpectVersion(2), e[2], e[4])},
		"beyond the end":           {Expect("a-1", storage.ExpectVersion(3), e[4], e[5])},
		"entries in other order":   {Expect("b-1", none, e[3]), Expect("a-1", storage.ExpectVersion(2), e[2])},
		"an entry not there":       {Expect("a-1", storage.ExpectVersion(2), e[2]), Expect("c-1", none, e[3])},
		"an expectation not exact": {Expect("a-1", storage.ExpectVersion(2), e[2]), Expect("b-1", storage.ExpectAny(), e[3])},
		"only a check":             {Expect("a-1", none), Expect("c-1", none, e[3])},
	} {
		_, err := s.store.Append(s.Context(), One(100, entries...))
		var failed *storage.ConflictError
		if !errors.As(err, &failed) {
			s.Errorf("%s: got %v, want a conflict", name, err)
		}
	}
	// With a request id that is not known, the expectation is all that counts.
	s.conflict(WithRequestID(One(100, Expect("a-1", none, e[0], e[1])), "new"),
		storage.Conflict{Stream: "a-1", Expected: none, Actual: 4})
}
