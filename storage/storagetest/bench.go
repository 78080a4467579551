package storagetest

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stet-db/stet/storage"
)

// Benchmarks measures the stores that open opens: appends one at a time and in
// flight together, and reads of the log and of one stream.
func Benchmarks(b *testing.B, open Opener) {
	fresh := func(b *testing.B) storage.Store {
		store := open(b, filepath.Join(b.TempDir(), "store"), 0)
		b.Cleanup(func() {
			if err := store.Close(); err != nil {
				b.Errorf("close: %v", err)
			}
		})
		return store
	}
	b.Run("append one at a time", func(b *testing.B) { benchmarkAppend(b, fresh(b), 1) })
	b.Run("append in flight together", func(b *testing.B) { benchmarkAppend(b, fresh(b), 256) })

	filled := fresh(b)
	fillForReads(b, filled)
	b.Run("read all", func(b *testing.B) {
		var events int
		for b.Loop() {
			events = 0
			for _, err := range filled.ReadAll(b.Context(), storage.AllRange{}) {
				if err != nil {
					b.Fatal(err)
				}
				events++
			}
		}
		b.ReportAllocs()
		b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("read a stream of 20", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			events := 0
			for _, err := range filled.ReadStream(b.Context(), storage.StreamRange{Stream: benchmarkStream(n)}) {
				if err != nil {
					b.Fatal(err)
				}
				events++
			}
			if events != 20 {
				b.Fatalf("got %d events, want 20", events)
			}
		}
	})
}

const benchmarkStreams = 250

func benchmarkStream(i int) string { return fmt.Sprintf("cart-%d", i%benchmarkStreams) }

// benchmarkEvent has about 300 bytes as stored.
func benchmarkEvent() storage.NewEvent {
	return Propose(1, "LineSold", fmt.Sprintf(`{"Description":"%0200d","Quantity":6,"UnitPrice":2.55}`, 0), "customer:17850")
}

// benchmarkAppend appends single events, this many at most without an answer.
func benchmarkAppend(b *testing.B, store storage.Store, inFlight int) {
	b.ReportAllocs()
	event := benchmarkEvent()
	room := make(chan struct{}, inFlight)
	failed := make(chan error, 1)
	n := 0
	for b.Loop() {
		n++
		room <- struct{}{}
		a := One(storage.Instant(n), Expect(benchmarkStream(n), storage.ExpectAny(), event))
		err := store.Submit(b.Context(), a, func(_ storage.Appended, err error) {
			if err != nil {
				select {
				case failed <- err:
				default: // one is enough to fail
				}
			}
			<-room
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for range inFlight {
		room <- struct{}{} // all are answered
	}
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
}

// fillForReads writes 20 events to each of the streams, one of each in turn.
func fillForReads(b *testing.B, store storage.Store) {
	event := benchmarkEvent()
	for range 20 {
		a := One(1)
		for i := range benchmarkStreams {
			a.Entries = append(a.Entries, Expect(benchmarkStream(i), storage.ExpectAny(), event))
		}
		if _, err := store.Append(b.Context(), a); err != nil {
			b.Fatal(err)
		}
	}
}
