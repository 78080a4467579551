package sequencer

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stet-db/stet/storage"
)

// atRest tells whether the sequencer is at rest, so that the next caller of Append
// leads.
func (r *running) atRest() bool { return r.queue.working.Load() == 0 }

func untilAtRest(r *running) {
	for !r.atRest() {
		runtime.Gosched()
	}
}

func TestACallerWhoFindsNothingUnderWayWritesForItself(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{})
	leader := make(chan error, 1)
	go func() {
		_, err := r.Append(context.Background(), one("a", storage.ExpectNoStream(), 1))
		leader <- err
	}()
	<-g.entered // the leader has applied
	results := make(chan result, 2)
	r.submit(t, "second", one("a", storage.ExpectVersion(1), 2), results)
	r.submit(t, "third", one("a", storage.ExpectNoStream(), 3), results)
	g.leave <- nil
	if err := <-leader; err != nil {
		t.Fatal(err)
	}
	<-g.entered
	g.leave <- nil
	if got := <-results; got.name != "second" || got.err != nil || got.at.First != 2 {
		t.Fatalf("second: %+v", got)
	}
	var conflict *storage.ConflictError
	if got := <-results; got.name != "third" || !errors.As(got.err, &conflict) || conflict.Conflicts[0].Actual != 2 {
		t.Fatalf("third: %+v", got)
	}
	untilAtRest(r)
}

// What the writer does after it has handed over a commit belongs to its turn:
// the commit may be answered before.
func TestNobodyLeadsWhileTheWriterIsNotDone(t *testing.T) {
	l := newFakeLog()
	entered, leave := make(chan struct{}), make(chan struct{})
	r := start(t, l, Options{})
	a := one("a", storage.ExpectAny(), 1)
	a.RequestID, a.Window, a.Time = "r", time.Hour, 2*purgeEvery
	l.purging = func() { entered <- struct{}{}; <-leave }
	results := make(chan result, 1)
	r.submit(t, "first", a, results)
	<-entered
	if got := <-results; got.err != nil {
		t.Fatal(got.err)
	}
	next := make(chan error, 1)
	go func() {
		_, err := r.Append(context.Background(), one("b", storage.ExpectAny(), 2))
		next <- err
	}()
	for r.queue.length() == 0 && len(next) == 0 {
		runtime.Gosched()
	}
	if len(next) > 0 {
		t.Error("the next caller wrote while the writer was not done")
	}
	l.purging = nil
	leave <- struct{}{}
	if err := <-next; err != nil {
		t.Error(err)
	}
	untilAtRest(r)
}
