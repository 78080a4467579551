package sequencer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stet-db/stet/storage"
)

// I7: a refusal tells that another append was there first, so it may leave only
// when that append is durable.
func TestARefusalWaitsForTheSyncOfWhatItWasJudgedAgainst(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{})
	results := make(chan result, 2)
	r.submit(t, "first", one("a", storage.ExpectNoStream(), 1), results)
	<-g.entered // it is being synced
	r.submit(t, "second", one("a", storage.ExpectNoStream(), 2), results)
	for r.queue.length() > 0 { // until the writer has judged it
		runtime.Gosched()
	}
	select {
	case got := <-results:
		t.Fatalf("%s was answered before the sync ended: %v", got.name, got.err)
	default:
	}
	g.leave <- nil
	if got := <-results; got.name != "first" || got.err != nil {
		t.Fatalf("first answer: %+v", got)
	}
	var conflict *storage.ConflictError
	if got := <-results; !errors.As(got.err, &conflict) || conflict.Conflicts[0].Actual != 1 || conflict.Head != 1 {
		t.Fatalf("second answer: %+v", got)
	}
}

// S8 of the issue, at the writer: nobody is told anything that a failed sync
// makes doubtful, and nothing is published.
func TestAFailedSyncAnswersEverybodyOutcomeUnknown(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{})
	results := make(chan result, 8)
	r.submit(t, "durable", one("a", storage.ExpectAny(), 1), results)
	<-g.entered
	g.leave <- nil
	if got := <-results; got.err != nil {
		t.Fatal(got.err)
	}
	r.submit(t, "failing", one("a", storage.ExpectAny(), 2), results)
	<-g.entered
	r.submit(t, "next", one("a", storage.ExpectAny(), 3), results)
	r.submit(t, "conflicting", one("a", storage.ExpectNoStream(), 4), results)
	g.leave <- errDisk
	for range 3 {
		got := <-results
		var unknown *storage.OutcomeUnknownError
		if !errors.As(got.err, &unknown) || !errors.Is(got.err, errDisk) {
			t.Errorf("%s: %v, want outcome unknown", got.name, got.err)
		}
	}
	if err := <-r.fatal; !errors.Is(err, errDisk) {
		t.Errorf("fatal: %v", err)
	}
	if r.head() != 1 {
		t.Errorf("head %d was published, want 1", r.head())
	}
	if _, err := r.Append(context.Background(), one("b", storage.ExpectAny(), 5)); !errors.Is(err, errDisk) {
		t.Errorf("append after the failure: %v", err)
	}
}

func TestTheNextBatchGrowsDuringASync(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{})
	const n = 50
	results := make(chan result, n)
	for i, name := range names(n) {
		r.submit(t, name, one(name, storage.ExpectNoStream(), byte(i)), results)
	}
	go func() {
		for range g.entered {
			g.leave <- nil
		}
	}()
	for range n {
		if got := <-results; got.err != nil {
			t.Error(got.err)
		}
	}
	close(g.entered)
	if l.batches > 10 {
		t.Errorf("%d appends took %d syncs: they were not gathered", n, l.batches)
	}
}

// Where a batch ends changes no answer: the same requests give the same
// answers one by one and all at once.
func TestBatchBoundariesChangeNoAnswer(t *testing.T) {
	requests := func() []*storage.Append {
		out := []*storage.Append{
			one("a", storage.ExpectNoStream(), 1),
			one("a", storage.ExpectNoStream(), 1), // a repetition
			one("a", storage.ExpectNoStream(), 2), // a conflict
			one("a", storage.ExpectVersion(1), 3),
			one("b", storage.ExpectExists(), 4),
			one("a", storage.ExpectVersion(1), 3), // a repetition
			one("b", storage.ExpectNoStream(), 5),
			one("b", storage.ExpectExists(), 6),
		}
		for i, id := range []string{"r", "r", "q", "r"} {
			a := one("c", storage.ExpectAny(), byte(10+i))
			a.RequestID, a.Window, a.Content = id, time.Hour, [16]byte{1}
			if i == 3 {
				a.Content = [16]byte{2} // other content
			}
			out = append(out, a)
		}
		return out
	}
	run := func(o Options) []string {
		l := newFakeLog()
		g := newGate()
		l.sync = g.sync
		r := start(t, l, o)
		results := make(chan result, 64)
		reqs := requests()
		for i, a := range reqs {
			r.submit(t, fmt.Sprint(i), a, results)
		}
		go func() {
			for range g.entered {
				g.leave <- nil
			}
		}()
		var out []string
		for range reqs {
			got := <-results
			out = append(out, fmt.Sprintf("%s: %+v %v", got.name, got.at, got.err))
		}
		close(g.entered)
		return out
	}
	together, single := run(Options{}), run(Options{BatchAppends: 1})
	for i := range single {
		if together[i] != single[i] {
			t.Errorf("answers differ:\n together %s\n one each %s", together[i], single[i])
		}
	}
}

func TestAFullQueueRefusesAppendAndHoldsSubmitBack(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{QueueLimit: 2, BatchAppends: 1})
	freed := sync.OnceFunc(func() {
		go func() {
			for range g.entered {
				g.leave <- nil
			}
		}()
	})
	defer freed() // a failure ends, too
	results := make(chan result, 16)
	// One in its sync, one applied, one held by the writer: then the queue.
	for i := range 3 {
		r.submit(t, fmt.Sprint(i), one("a", storage.ExpectAny(), 1), results)
		for r.queue.length() > 0 {
			runtime.Gosched()
		}
	}
	r.submit(t, "3", one("a", storage.ExpectAny(), 1), results)
	r.submit(t, "4", one("a", storage.ExpectAny(), 1), results)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // which nobody waits for
	defer cancel()
	if _, err := r.Append(ctx, one("a", storage.ExpectAny(), 1)); !errors.Is(err, storage.ErrQueueFull) {
		t.Fatalf("append to a full queue: %v", err)
	}
	cancel()
	err := r.Submit(ctx, one("a", storage.ExpectAny(), 1), func(storage.Appended, error) { t.Error("answered") })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("submit to a full queue: %v", err)
	}
	freed()
	for i := range 5 {
		if got := <-results; got.err != nil || got.name != fmt.Sprint(i) {
			t.Errorf("answer %d: %+v", i, got)
		}
	}
	close(g.entered)
}

func TestACallerWhoLeavesHurtsNobody(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := r.Append(ctx, one("a", storage.ExpectNoStream(), 1))
		left <- err
	}()
	<-g.entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("the caller who left got %v", err)
	}
	results := make(chan result, 1)
	r.submit(t, "mate", one("a", storage.ExpectVersion(1), 2), results)
	g.leave <- nil
	<-g.entered
	g.leave <- nil
	if got := <-results; got.err != nil || got.at.First != 2 {
		t.Fatalf("the next caller got %+v", got)
	}
}

func TestALaneHaltsAfterItsFirstRefusal(t *testing.T) {
	r := start(t, newFakeLog(), Options{})
	results := make(chan result, 8)
	lane := &storage.Lane{HaltOnError: true}
	inLane := func(a *storage.Append) *storage.Append { a.Lane = lane; return a }
	r.submit(t, "accepted", inLane(one("a", storage.ExpectNoStream(), 1)), results)
	r.submit(t, "invalid", inLane(&storage.Append{Refused: storage.Invalid(storage.Violation{Field: "stream", Problem: "is empty"})}), results)
	r.submit(t, "halted", inLane(one("a", storage.ExpectAny(), 2)), results)
	r.submit(t, "other", one("a", storage.ExpectVersion(1), 3), results)
	if got := <-results; got.err != nil {
		t.Error(got)
	}
	var invalid *storage.InvalidError
	if got := <-results; !errors.As(got.err, &invalid) {
		t.Error(got)
	}
	if got := <-results; !errors.Is(got.err, storage.ErrPipelineHalted) {
		t.Error(got)
	}
	if got := <-results; got.err != nil {
		t.Errorf("an append outside the lane: %+v", got)
	}
}

// I12.
func TestRecordedTimeNeverFalls(t *testing.T) {
	r := start(t, newFakeLog(), Options{})
	var last storage.Instant
	for _, clock := range []storage.Instant{100, 50, 100, 200, 10} {
		a := one("a", storage.ExpectAny(), 1)
		a.Time = clock
		at := mustAppend(t, r, a)
		if at.RecordedAt < last || at.RecordedAt < clock {
			t.Errorf("recorded at %d with the clock at %d, after %d", at.RecordedAt, clock, last)
		}
		last = at.RecordedAt
	}
}
