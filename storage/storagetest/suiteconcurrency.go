package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/stet-db/stet/storage"
)

var concurrencyRules = []rule{
	{"lets exactly one of many writers win each version", letsOneWriterWin},
	{"loses no append of many writers", losesNoAppend},
	{"judges against what lies before in the same batch", judgesWithinBatch},
	{"leaves batch mates alone when a caller cancels", sparesBatchMates},
	{"shows what an answer was judged against", showsWhatWasJudged},
	{"shows nothing above the head while appends run", showsNothingAboveHead},
}

// parallel runs the functions at the same time and waits for all.
func parallel(fs ...func()) {
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(f)
	}
	wg.Wait()
}

// letsOneWriterWin shows I4, S0.27 and S1.2: eight writers race for the
// versions of one stream.
func letsOneWriterWin(s *subject) {
	const writers, each = 8, 12
	work := make([]func(), writers)
	for w := range work {
		work[w] = func() { s.race(uint64(w), each) }
	}
	parallel(work...)
	events := s.all()
	if len(events) != writers*each {
		s.Fatalf("the log has %d events, want %d", len(events), writers*each)
	}
	won := map[storage.EventID]bool{}
	for i, k := range events {
		e := s.decode(k)
		if e.Version != storage.Version(i+1) || won[e.ID] {
			s.Fatalf("event %d has version %d and id %v; known before: %v", i+1, e.Version, e.ID, won[e.ID])
		}
		won[e.ID] = true
	}
}

// race appends n events to one stream, each at the version that the last answer
// told.
func (s *subject) race(writer uint64, n int) {
	var at storage.Version
	for i := range n {
		event := Propose(writer<<32|uint64(i+1), "Raced", `{}`)
		for {
			got, err := s.store.Append(s.Context(), One(1, Expect("race-1", storage.ExpectVersion(at), event)))
			if err == nil {
				if got.Entries[0].First != at+1 {
					s.Errorf("writer %d expected version %d and wrote %d", writer, at, got.Entries[0].First)
					return
				}
				at++
				break
			}
			var lost *storage.ConflictError
			if !errors.As(err, &lost) || len(lost.Conflicts) != 1 || lost.Conflicts[0].Actual <= at {
				s.Errorf("writer %d at version %d: got %v, want a conflict with a higher version", writer, at, err)
				return
			}
			at = lost.Conflicts[0].Actual
		}
	}
}

func losesNoAppend(s *subject) {
	const writers, each = 6, 25
	work := make([]func(), writers)
	for w := range work {
		work[w] = func() {
			for i := range each {
				event := Propose(uint64(w)<<32|uint64(i+1), "Counted", `{}`)
				got, err := s.store.Append(s.Context(), One(storage.Instant(i),
					Expect(fmt.Sprintf("own-%d", w), storage.ExpectVersion(storage.Version(i)), event),
					Expect("shared-1", storage.ExpectAny(), Propose(uint64(w)<<32|uint64(i+1)|1<<31, "Counted", `{}`))))
				if err != nil || got.Last != got.First+1 {
					s.Errorf("writer %d, append %d: got %v, %v", w, i, got, err)
					return
				}
			}
		}
	}
	parallel(work...)
	info, err := s.store.Stream(s.Context(), "shared-1", s.store.Head())
	if err != nil || info.Version != writers*each {
		s.Fatalf("the shared stream: got %v, %v, want version %d", info, err, writers*each)
	}
	if n := len(s.all()); n != 2*writers*each {
		s.Fatalf("the log has %d events, want %d", n, 2*writers*each)
	}
}

// judgesWithinBatch shows I4 for appends submitted without waiting.
func judgesWithinBatch(s *subject) {
	const n = 200
	var good, stale []*submitted
	for i := range n {
		at := storage.ExpectVersion(storage.Version(i))
		good = append(good, s.submit(s.Context(), One(1, Expect("chain-1", at, s.event()))))
		stale = append(stale, s.submit(s.Context(), One(1, Expect("chain-1", at, s.event()))))
	}
	for i := range n {
		got, err := good[i].wait()
		if err != nil || got.Entries[0].First != storage.Version(i+1) || got.First != storage.Position(i+1) {
			s.Fatalf("append %d of the chain: got %v, %v", i, got, err)
		}
		_, err = stale[i].wait()
		var lost *storage.ConflictError
		if !errors.As(err, &lost) || lost.Conflicts[0].Actual != storage.Version(i+1) {
			s.Fatalf("stale append %d of the chain: got %v, want a conflict with version %d", i, err, i+1)
		}
	}
}

// sparesBatchMates shows that a caller who leaves hurts nobody else, and that
// its own append is whole or absent (I3).
func sparesBatchMates(s *subject) {
	const n = 100
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	left := make([]func(), n)
	for i := range left {
		a := One(1, Expect(fmt.Sprintf("left-%d", i), storage.ExpectNoStream(), s.events(2)...))
		left[i] = func() {
			if i == n/2 {
				cancel()
			}
			if _, err := s.store.Append(ctx, a); err != nil && !errors.Is(err, context.Canceled) {
				s.Errorf("append of a caller who leaves: %v", err)
			}
		}
	}
	var stayed []*submitted
	for i := range n {
		stayed = append(stayed, s.submit(s.Context(), One(1, Expect("stayed-1", storage.ExpectVersion(storage.Version(i)), s.event()))))
	}
	parallel(left...)
	for i, a := range stayed {
		if got, err := a.wait(); err != nil || got.Entries[0].First != storage.Version(i+1) {
			s.Fatalf("append %d of the caller who stayed: got %v, %v", i, got, err)
		}
	}
	s.accept(One(1, Expect("after-1", storage.ExpectNoStream(), s.event())))
	counts := map[string]int{}
	for _, k := range s.all() {
		counts[s.decode(k).Stream]++
	}
	for i := range n {
		if c := counts[fmt.Sprintf("left-%d", i)]; c != 0 && c != 2 {
			s.Fatalf("an append of two events left %d", c)
		}
	}
}

// showsWhatWasJudged shows I7: when an answer comes, accepted or refused, the
// store already shows everything that it speaks of.
func showsWhatWasJudged(s *subject) {
	seen := func(stream string, v storage.Version, p storage.Position) {
		head := s.store.Head()
		if p > head {
			s.Errorf("an answer speaks of position %d at head %d", p, head)
		}
		if info, err := s.store.Stream(context.Background(), stream, head); err != nil || info.Version < v {
			s.Errorf("an answer speaks of version %d of %q, the store shows %v, %v", v, stream, info, err)
		}
	}
	var answers []*submitted
	for i := range 200 {
		stream := fmt.Sprintf("judged-%d", i%3)
		a := One(1, Expect(stream, storage.ExpectAny(), s.event()))
		if i%2 == 1 {
			a = One(1, Expect(stream, storage.ExpectVersion(9999), s.event()))
		}
		answers = append(answers, s.submit(s.Context(), a))
	}
	for i, a := range answers {
		stream := fmt.Sprintf("judged-%d", i%3)
		got, err := a.wait()
		var failed *storage.ConflictError
		switch {
		case err == nil:
			seen(stream, got.Entries[0].Last, got.Last)
		case errors.As(err, &failed):
			if failed.Conflicts[0].Actual > 0 {
				seen(stream, failed.Conflicts[0].Actual, failed.Head)
			}
		default:
			s.Fatalf("append %d: %v", i, err)
		}
	}
}

// showsNothingAboveHead shows I7: readers beside a writer see each time a dense
// log up to a head that had been reached.
func showsNothingAboveHead(s *subject) {
	const n = 150
	read := func() {
		for last := storage.Position(0); last < n; {
			before := s.store.Head()
			if before < last {
				s.Errorf("head fell from %d to %d", last, before)
				return
			}
			events, err := collect(s.store.ReadAll(s.Context(), storage.AllRange{From: last + 1}))
			after := s.store.Head()
			if err != nil || storage.Position(len(events)) < before-last || last+storage.Position(len(events)) > after {
				s.Errorf("read of %d events after %d between heads %d and %d: %v", len(events), last, before, after, err)
				return
			}
			for i, k := range events {
				if k.position != last+storage.Position(i)+1 {
					s.Errorf("position %d follows %d", k.position, last+storage.Position(i))
					return
				}
			}
			last = s.awaitFrom(last, len(events))
		}
	}
	write := func() {
		for i := range n {
			if _, err := s.store.Append(s.Context(), One(1, Expect(fmt.Sprintf("s-%d", i%7), storage.ExpectAny(), Propose(uint64(i+1), "Written", `{}`)))); err != nil {
				s.Errorf("append: %v", err)
			}
		}
	}
	parallel(write, read, read)
}

// awaitFrom waits for more than was read, unless something was.
func (s *subject) awaitFrom(last storage.Position, read int) storage.Position {
	if read == 0 {
		if _, err := s.store.AwaitHead(s.Context(), last); err != nil {
			s.Errorf("await head above %d: %v", last, err)
		}
	}
	return last + storage.Position(read)
}
