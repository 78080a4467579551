package server_test

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// probed is a store whose reads are watched and slowed.
type probed struct {
	*storagetest.Model
	// open counts the iterators that are open, opened those that ever were,
	// given the events they gave.
	open, opened, given atomic.Int64
	// before is called before each event that ReadAll yields; an error ends the
	// read.
	before func(storage.Position) error
}

func newProbed() *probed {
	return &probed{Model: storagetest.NewModel(), before: func(storage.Position) error { return nil }}
}

func (p *probed) ReadAll(ctx context.Context, r storage.AllRange) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		p.opened.Add(1)
		p.open.Add(1)
		defer p.open.Add(-1)
		for e, err := range p.Model.ReadAll(ctx, r) {
			p.given.Add(1)
			if problem := p.before(e.Position); problem != nil {
				e, err = storage.Recorded{}, problem
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// fill appends thousands of small events to a-1.
func (p *probed) fill(t *testing.T, thousands int) {
	t.Helper()
	events := slices.Repeat([]storage.NewEvent{storagetest.Propose(1, "Kept", "{}")}, 1000)
	for range thousands {
		if _, err := p.Append(t.Context(), storagetest.One(1, storagetest.Expect("a-1", storage.ExpectAny(), events...))); err != nil {
			t.Fatal(err)
		}
	}
}

// clockEvery is how many events a scan may look at between two looks at the
// clock and the context, and one more.
const clockEvery = 65

// takeFor lets time go by in a bubble, where it is not the machine's.
func takeFor(d time.Duration) error {
	<-time.After(d)
	return nil
}

func TestAFilteredScanSaysHowFarItIs(t *testing.T) {
	store := newProbed()
	store.fill(t, 120)
	r := startReading(t, store, server.ServiceOptions{})
	got, err := r.all(&stetv1.ReadAllRequest{Filter: typeFilter("Never")})
	if err != nil || len(got.events) != 0 || got.progress < 2 || got.scannedTo != 120_000 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if passes := store.opened.Load(); passes > int64(got.messages) {
		t.Fatalf("%d passes for %d messages", passes, got.messages)
	}
}

func TestASlowScanSaysHowFarItIsByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newProbed()
		store.fill(t, 1)
		store.before = func(storage.Position) error { return takeFor(time.Millisecond) }
		r := startReading(t, store, server.ServiceOptions{})
		got, err := r.all(&stetv1.ReadAllRequest{Filter: typeFilter("Never")})
		if err != nil || got.scannedTo != 1000 || got.progress < 6 || got.progress > 9 {
			t.Fatalf("%d progress messages in a second, %v: %+v", got.progress, err, got)
		}
	})
}

// TestACallThatIsCancelledEndsItsScan has a scan that would take days.
func TestACallThatIsCancelledEndsItsScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newProbed()
		store.fill(t, 100)
		store.before = func(storage.Position) error { return takeFor(time.Second) }
		r := startReading(t, store, server.ServiceOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := r.client.ReadAll(ctx, &stetv1.ReadAllRequest{Filter: typeFilter("Never")})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); err != nil || m.GetScannedTo() == 0 || m.GetDone() {
			t.Fatalf("%v, %v", m, err)
		}
		cancel()
		err = takeFor(clockEvery * time.Second) // between two looks at the clock
		if n := store.open.Load(); n != 0 || err != nil {
			t.Fatal("the scan goes on")
		}
		_, err = stream.Recv()
		refused(t, err, codes.Canceled, "")
	})
}

// TestAReaderThatDoesNotReadHoldsNothingOfTheStore shows I10 for reads.
func TestAReaderThatDoesNotReadHoldsNothingOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newProbed()
		r := startReading(t, store, server.ServiceOptions{})
		for range 600 {
			r.put(1, "Kept", 5_000, "a-1", "b-1")
		}
		stream, err := r.client.ReadAll(t.Context(), &stetv1.ReadAllRequest{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the server waits for the reader now
		if open, given := store.open.Load(), store.given.Load(); open != 0 || given == 0 || given > 200 {
			t.Fatalf("%d iterators are open; %d of 1,200 events are in memory", open, given)
		}
		got, err := collect(t, false, stream.Recv)
		if err != nil || len(got.events) != 1200 {
			t.Fatalf("%d events, %v", len(got.events), err)
		}
	})
}

// TestDamageEndsAReadWithAnErrorAfterTheGoodEvents shows that no answer ends
// short in silence (I9).
func TestDamageEndsAReadWithAnErrorAfterTheGoodEvents(t *testing.T) {
	store := newProbed()
	store.fill(t, 3)
	store.before = func(p storage.Position) error {
		if p == 2500 {
			return &storage.CorruptionError{Where: "position 2500", Detail: "checksum"}
		}
		return nil
	}
	r := startReading(t, store, server.ServiceOptions{})
	got, err := r.all(&stetv1.ReadAllRequest{})
	refused(t, err, codes.DataLoss, server.ReasonDataDamaged)
	if len(got.events) != 2499 || got.scannedTo != 2499 {
		t.Fatalf("%d events, scanned to %d", len(got.events), got.scannedTo)
	}
	if got, err := r.all(&stetv1.ReadAllRequest{FromPosition: 2501}); err != nil || len(got.events) != 500 {
		t.Fatalf("after the damage: %d events, %v", len(got.events), err)
	}
}

// TestAReadShowsNothingAppendedAfterItBegan shows the pinned head (I7).
func TestAReadShowsNothingAppendedAfterItBegan(t *testing.T) {
	store := newProbed()
	store.fill(t, 2)
	store.before = func(p storage.Position) error {
		if p%500 == 1 {
			store.fill(t, 1)
		}
		return nil
	}
	r := startReading(t, store, server.ServiceOptions{})
	got, err := r.all(&stetv1.ReadAllRequest{})
	if err != nil || len(got.events) != 2000 || got.head != 2000 || got.scannedTo != 2000 {
		t.Fatalf("%d events, head %d, %v", len(got.events), got.head, err)
	}
}
