package embedded

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/alloctest"
	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// costEvents are in costStreams streams, in turn.
const (
	costEvents  = 2000
	costStreams = 100
)

// hotPaths are what a server asks of a store and of a cursor over it. The disk
// is in memory: its time is not what is measured.
func hotPaths(tb testing.TB) []alloctest.Path {
	s := openAs(tb, "store", Options{FS: vfs.NewMem(), DiskFloorBytes: -1, ScrubBytesPerSecond: -1})
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	ctx := tb.Context()
	event := storagetest.Propose(1, "Counted", `{"n":1}`)
	for i := range costEvents {
		stream := fmt.Sprintf("s-%d", i%costStreams)
		if _, err := s.Append(ctx, storagetest.One(1, storagetest.Expect(stream, storage.ExpectAny(), event))); err != nil {
			tb.Fatal(err)
		}
	}
	a := storagetest.One(1, storagetest.Expect("appended-1", storage.ExpectAny(), event))
	follow := func(steps int) func() {
		return func() {
			c, err := cursor.Open(ctx, s, cursor.Selection{}, cursor.Start{})
			if err != nil {
				tb.Fatal(err)
			}
			n := 0
			for n < steps {
				step, err := c.Next(ctx)
				if err != nil {
					tb.Fatal(err)
				}
				n += step.Count
			}
		}
	}
	readStream := func(what func() storage.StreamRange) func() {
		return func() {
			n := 0
			for _, err := range s.ReadStream(ctx, what()) {
				if err != nil {
					tb.Fatal(err)
				}
				n++
			}
			if n != costEvents/costStreams {
				tb.Errorf("%d events", n)
			}
		}
	}
	return []alloctest.Path{
		{Name: "append an event", Ceiling: 15, Run: func() {
			if _, err := s.Append(ctx, a); err != nil {
				tb.Error(err)
			}
		}},
		{Name: "read 2000 events of the log", Ceiling: 9, Run: func() {
			n := 0
			for _, err := range s.ReadAll(ctx, storage.AllRange{Until: costEvents + 1}) {
				if err != nil {
					tb.Fatal(err)
				}
				n++
			}
			if n != costEvents {
				tb.Errorf("%d events", n)
			}
		}},
		{Name: "read a stream of 20", Ceiling: 16, Run: readStream(func() storage.StreamRange { return storage.StreamRange{Stream: "s-7"} })},
		{Name: "read and describe a stream of 20", Ceiling: 14, Run: readStream(func() storage.StreamRange {
			return storage.StreamRange{Stream: "s-7", Info: &storage.StreamInfo{}}
		})},
		{Name: "follow 2000 events", Ceiling: 8, Run: follow(costEvents)},
	}
}

func TestAllocationsOfTheStoreStayBelowTheirCeilings(t *testing.T) {
	alloctest.Check(t, hotPaths(t)...)
}

func BenchmarkHotPaths(b *testing.B) { alloctest.Benchmark(b, hotPaths(b)...) }
