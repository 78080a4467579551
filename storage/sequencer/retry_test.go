package sequencer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stet-db/stet/storage"
)

func withRequest(a *storage.Append, id string, clock storage.Instant, window time.Duration) *storage.Append {
	a.RequestID, a.Time, a.Window, a.Content = id, clock, window, [16]byte{7}
	return a
}

// I5: a row lives until its expiry and not longer, whether or not it has been
// purged, and a clock that steps back does not bring it back.
func TestARequestIDIsRememberedForItsWindow(t *testing.T) {
	for _, c := range []struct {
		clock    storage.Instant
		replayed bool
	}{
		{100, true}, {1099, true}, {1100, false}, {1101, false},
	} {
		r := start(t, newFakeLog(), Options{})
		first := mustAppend(t, r, withRequest(one("a", storage.ExpectAny(), 1), "r", 100, time.Millisecond))
		again := mustAppend(t, r, withRequest(one("a", storage.ExpectAny(), 2), "r", c.clock, time.Millisecond))
		if again.Replayed != c.replayed {
			t.Errorf("repeated at %d: replayed %v, want %v", c.clock, again.Replayed, c.replayed)
		}
		if c.replayed && (again.First != first.First || again.IDs[0] != first.IDs[0] || again.RecordedAt != first.RecordedAt) {
			t.Errorf("repeated at %d: got %+v, first was %+v", c.clock, again, first)
		}
	}
}

func TestAStepBackOfTheClockDoesNotReviveARequestID(t *testing.T) {
	r := start(t, newFakeLog(), Options{})
	mustAppend(t, r, withRequest(one("a", storage.ExpectAny(), 1), "r", 100, time.Millisecond))
	other := one("b", storage.ExpectAny(), 2)
	other.Time = 5000
	mustAppend(t, r, other)
	if again := mustAppend(t, r, withRequest(one("a", storage.ExpectAny(), 3), "r", 200, time.Millisecond)); again.Replayed {
		t.Error("the id was remembered although the log's time is past its expiry")
	}
}

// The bound on request ids refuses by what has not expired, never by when the
// rest was purged, and also in the middle of a batch.
func TestTheBoundOnRequestIDs(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{RequestIDLimit: 3})
	results := make(chan result, 16)
	for i := range 4 {
		r.submit(t, fmt.Sprint(i), withRequest(one("a", storage.ExpectAny(), 1), fmt.Sprint("r", i), 100, time.Millisecond), results)
	}
	r.submit(t, "repeated", withRequest(one("a", storage.ExpectAny(), 1), "r0", 100, time.Millisecond), results)
	r.submit(t, "without", one("a", storage.ExpectAny(), 1), results)
	for i := range 4 {
		// Two take the place of their own expired rows, the others of others'.
		r.submit(t, fmt.Sprint("later ", i), withRequest(one("a", storage.ExpectAny(), 1), fmt.Sprint("r", i+1), 1100, time.Millisecond), results)
	}
	go func() {
		for range g.entered {
			g.leave <- nil
		}
	}()
	want := map[string]bool{"3": true, "later 3": true}
	for range 10 {
		got := <-results
		var full *storage.RequestsFullError
		if isFull := errors.As(got.err, &full); isFull != want[got.name] || (got.err != nil && !isFull) {
			t.Errorf("%s: %v", got.name, got.err)
		}
		if got.name == "repeated" != got.at.Replayed {
			t.Errorf("%s: replayed %v", got.name, got.at.Replayed)
		}
	}
	close(g.entered)
	if stats := (storage.Stats{}); true {
		r.Stats(&stats)
		if stats.RequestIDs != 3 {
			t.Errorf("%d request ids are counted, want 3", stats.RequestIDs)
		}
	}
}

func TestADuplicateOfARequestInFlightWaitsForTheSameSync(t *testing.T) {
	l, g := newFakeLog(), newGate()
	l.sync = g.sync
	r := start(t, l, Options{})
	results := make(chan result, 2)
	r.submit(t, "first", withRequest(one("a", storage.ExpectAny(), 1), "r", 1, time.Hour), results)
	<-g.entered
	r.submit(t, "duplicate", withRequest(one("a", storage.ExpectAny(), 2), "r", 1, time.Hour), results)
	g.leave <- nil
	first, second := <-results, <-results
	if first.at.Replayed || !second.at.Replayed || second.at.First != first.at.First || second.at.IDs[0] != first.at.IDs[0] {
		t.Errorf("first %+v, duplicate %+v", first, second)
	}
}
