package storagetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/stet-db/stet/storage"
)

var lifeRules = []rule{
	{"holds everything after a restart", holdsEverything},
	{"keeps its identity after a restart", keepsIdentity},
	{"counts what it did", countsWhatItDid},
	{"answers what was submitted before it closes", answersBeforeClose},
	{"refuses appends once closed", refusesOnceClosed},
	{"wakes those who wait for the head when it closes", wakesWaitersAtClose},
}

func holdsEverything(s *subject) {
	for i := range 30 {
		s.accept(One(storage.Instant(i/3),
			Expect(fmt.Sprintf("s-%d", i%4), storage.ExpectAny(), s.events(1+i%3)...),
			Expect("all-1", storage.ExpectVersion(storage.Version(i)), s.event())))
	}
	before := s.all()
	for range 2 {
		s.reopen()
		if got := s.all(); !sameEvents(got, before) {
			s.Fatalf("after a restart: got %s, want %s", describeEvents(got, nil), describeEvents(before, nil))
		}
		if s.store.Head() != storage.Position(len(before)) {
			s.Fatalf("after a restart: head is %d, want %d", s.store.Head(), len(before))
		}
		s.wantStreams(storage.StreamsQuery{Limit: 9, Head: s.store.Head()}, "all-1", "s-0", "s-1", "s-2", "s-3")
	}
	got := s.accept(One(0, Expect("all-1", storage.ExpectVersion(30), s.event())))
	if got.First != storage.Position(len(before)+1) || got.RecordedAt != 9 {
		s.Fatalf("first append after a restart: got position %d at %d, want %d at 9", got.First, got.RecordedAt, len(before)+1)
	}
}

func keepsIdentity(s *subject) {
	info := s.store.Info()
	if info.History == (storage.HistoryID{}) || info.Durability == "" || info.Format == 0 {
		s.Fatalf("info is incomplete: %+v", info)
	}
	s.fill("a-1", 1, 1)
	s.reopen()
	if got := s.store.Info(); got != info {
		s.Fatalf("info after a restart: got %+v, want %+v", got, info)
	}
	other := newSubject(s.T, s.open)
	if other.store.Info().History == info.History {
		s.Fatal("two stores have one history")
	}
}

func countsWhatItDid(s *subject) {
	a := WithRequestID(One(1, Expect("a-1", storage.ExpectNoStream(), s.events(3)...)), "counted")
	first := s.accept(a)
	s.replay(a, first)
	s.conflict(One(1, Expect("a-1", storage.ExpectNoStream(), s.event())),
		storage.Conflict{Stream: "a-1", Expected: storage.ExpectNoStream(), Actual: 3})
	s.fill("a-1", 1, 1)
	got := s.store.Stats()
	want := storage.Stats{Head: 4, Accepted: 2, Refused: 1, Replayed: 1, Events: 4, RequestIDs: 1}
	counted := storage.Stats{Head: got.Head, Accepted: got.Accepted, Refused: got.Refused, Replayed: got.Replayed, Events: got.Events, RequestIDs: got.RequestIDs}
	if counted != want {
		s.Errorf("stats: got %+v, want %+v", counted, want)
	}
	if got.Queued != 0 || got.QueueLimit < 1 || got.Batches < 1 || got.RequestIDLimit < 1 {
		s.Errorf("stats: got %+v, want nothing queued, limits, and a batch", got)
	}
	s.reopen()
	if got := s.store.Stats(); got.Head != 4 || got.RequestIDs != 1 {
		s.Errorf("after a restart: head %d and %d request ids, want 4 and 1", got.Head, got.RequestIDs)
	}
}

// answersBeforeClose shows I11 for what was submitted.
func answersBeforeClose(s *subject) {
	var pending []*submitted
	for range 100 {
		pending = append(pending, s.submit(s.Context(), One(1, Expect("a-1", storage.ExpectAny(), s.event()))))
	}
	s.reopen()
	accepted := 0
	for i, p := range pending {
		select {
		case <-p.answered:
		default:
			s.Fatalf("append %d has no answer after Close", i)
		}
		switch {
		case p.err == nil:
			accepted++
		case !errors.Is(p.err, storage.ErrShuttingDown):
			s.Fatalf("append %d: %v", i, p.err)
		}
	}
	if n := len(s.all()); n != accepted {
		s.Fatalf("%d appends were accepted and %d events are there", accepted, n)
	}
}

func refusesOnceClosed(s *subject) {
	s.fill("a-1", 1, 1)
	closed := s.store
	s.reopen()
	a := One(1, Expect("a-1", storage.ExpectAny(), s.event()))
	if _, err := closed.Append(s.Context(), a); !errors.Is(err, storage.ErrShuttingDown) {
		s.Errorf("append to a closed store: got %v, want %v", err, storage.ErrShuttingDown)
	}
	err := closed.Submit(s.Context(), a, func(storage.Appended, error) { s.Error("a closed store took a submission") })
	if !errors.Is(err, storage.ErrShuttingDown) {
		s.Errorf("submit to a closed store: got %v, want %v", err, storage.ErrShuttingDown)
	}
	if n := len(s.all()); n != 1 {
		s.Errorf("the log has %d events, want 1", n)
	}
}

func wakesWaitersAtClose(s *subject) {
	s.fill("a-1", 1, 1)
	closing := s.store
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := closing.AwaitHead(s.Context(), 1); !errors.Is(err, storage.ErrShuttingDown) {
			s.Errorf("await head of a store that closes: got %v, want %v", err, storage.ErrShuttingDown)
		}
	})
	s.reopen()
	wg.Wait()
}
