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

// What the writer or a leader does after it has handed over a commit belongs to
// its turn: the commit may be answered before.
func TestNobodyLeadsWhileWhoWritesIsNotDone(t *testing.T) {
	for _, led := range []bool{false, true} {
		l := newFakeLog()
		entered, leave := make(chan struct{}), make(chan struct{})
		r := start(t, l, Options{})
		a := one("a", storage.ExpectAny(), 1)
		a.RequestID, a.Window, a.Time = "r", time.Hour, 2*purgeEvery
		l.purging = func() { entered <- struct{}{}; <-leave }
		first := make(chan error, 1)
		it := &item{append: a, bytes: appendBytes(a), finish: func(o outcome) { first <- o.err }}
		if led && !r.queue.lead() {
			t.Fatal("somebody leads")
		}
		if led {
			go r.lead(it)
		} else if err := r.queue.push(it); err != nil {
			t.Fatal(err)
		}
		<-entered
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			runtime.Gosched() // the syncer may be about to say that it has answered
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
			t.Errorf("led %v: the next caller wrote while the first was not done", led)
		}
		l.purging = nil
		leave <- struct{}{}
		if err := <-next; err != nil {
			t.Error(err)
		}
		untilAtRest(r)
	}
}
