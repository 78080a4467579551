package pebblestore

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// The groups for live readers hold the very bytes that the log holds.
func TestGroupsAreTheLogsBytes(t *testing.T) {
	db, w := opened(t, t.TempDir(), Options{})
	var groups []storage.Group
	for _, n := range []int{1, 3, 500, 2} {
		streams := make([]string, n)
		for i := range streams {
			streams[i] = "s"
		}
		groups = append(groups, w.commit(t, streams...).Groups()...)
	}
	next := storage.Position(1)
	for _, g := range groups {
		if g.First != next || len(g.Frames) > groupBytes {
			t.Fatalf("group from %d to %d with %d bytes; want it from %d", g.First, g.Last, len(g.Frames), next)
		}
		for wire := range record.Frames(g.Frames) {
			stored, err := db.event(next)
			if err != nil || !bytes.Equal(stored, wire) {
				t.Fatalf("position %d: group and log differ, %v", next, err)
			}
			next++
		}
		if next != g.Last+1 {
			t.Fatalf("group ends at %d, but its frames at %d", g.Last, next-1)
		}
	}
	if next != w.last+1 {
		t.Fatalf("the groups end at %d of %d", next-1, w.last)
	}
}

// I10: who keeps groups knows what they take in memory, also when others of the
// same batch are gone.
func TestAGroupHoldsHardlyMoreMemoryThanItsEvents(t *testing.T) {
	for name, sizes := range map[string][]int{
		"one":                     {300},
		"some":                    {300, 10, 2000},
		"many":                    slices.Repeat([]int{100}, 1000),
		"a small one at the end":  {40_000, 10},
		"after a very large one":  {900_000, 10, 300_000, 20_000, 20_000, 10},
		"small and large by turn": {10, 40_000, 10, 40_000, 17_000, 17_000, 5000, 30_000},
	} {
		t.Run(name, func(t *testing.T) {
			events := make([]storage.NewEvent, len(sizes))
			for i, size := range sizes {
				events[i] = sizedEvent(t, i, size)
			}
			const batches = 50
			kept := make([]storage.Group, 0, batches) // the last of each
			before := liveHeap()
			for range batches {
				groups := encoded(t, events)
				kept = append(kept, groups[len(groups)-1])
			}
			held, counted := liveHeap()-before, 0
			for _, g := range kept {
				counted += len(g.Frames)
			}
			if limit := int64(2*counted + 64<<10); held > limit {
				t.Errorf("groups of %d bytes hold %d", counted, held)
			}
		})
	}
}

// Whoever builds batches learns of a failed log later than the engine, which
// panics when it is given more then.
func TestNothingIsCommittedToALogThatFailed(t *testing.T) {
	var full atomic.Bool
	fsys := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") {
			return errorfs.ErrInjected
		}
		return nil
	}))
	db, err := Open("store", Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{db: db, streams: map[string]storage.StreamState{}}
	w.commit(t, "a")
	full.Store(true)
	for i := range 3 {
		b := db.Begin()
		for range 1000 {
			w.put(t, b, "a")
		}
		err := b.Apply()
		if err == nil {
			err = b.Sync()
		}
		if !errors.Is(err, errorfs.ErrInjected) {
			t.Errorf("batch %d on a full disk: %v", i, err)
		}
	}
	full.Store(false)
	_ = db.Close() // may fail, since its log did
}

// encoded are the groups of a batch, whose bytes are those of its events.
func encoded(t *testing.T, events []storage.NewEvent) []storage.Group {
	t.Helper()
	var b Batch
	for i := range events {
		b.encode(storage.Placed{Stream: "s", Version: storage.Version(i + 1), Position: storage.Position(i + 1), RecordedAt: 1, Event: &events[i]})
	}
	i := 0
	for _, g := range b.Groups() {
		if int(g.First) != i+1 || len(g.Frames) > groupBytes && g.First != g.Last {
			t.Fatalf("a group of %d bytes from %d to %d, want it from %d", len(g.Frames), g.First, g.Last, i+1)
		}
		for wire := range record.Frames(g.Frames) {
			i++
			want := record.AppendRecorded(nil, "s", storage.Version(i), storage.Position(i), 1, &events[i-1])
			if !bytes.Equal(wire, want) {
				t.Fatalf("event %d is not what was put", i)
			}
		}
		if int(g.Last) != i {
			t.Fatalf("a group ends at %d, but its frames at %d", g.Last, i)
		}
	}
	if i != len(events) {
		t.Fatalf("%d events, want %d", i, len(events))
	}
	return b.Groups()
}

func sizedEvent(t *testing.T, n, size int) storage.NewEvent {
	t.Helper()
	payload := bytes.Repeat([]byte{byte(n)}, size)
	e, violations := record.NewEventOf(&storage.Event{Type: "Sized", Kind: storage.PayloadBinary, Payload: payload}, storage.Limits{}.WithDefaults())
	if violations != nil {
		t.Fatal(violations)
	}
	e.ID = storage.EventID{2, byte(n >> 8), byte(n)}
	return e
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestABatchLargerThanAMemtableIsWhole(t *testing.T) {
	for _, blocking := range []bool{false, true} {
		dir := t.TempDir()
		o := Options{MemTableBytes: 256 << 10, BlockingCommit: blocking}
		db, w := opened(t, dir, o)
		streams := make([]string, 5000)
		for i := range streams {
			streams[i] = "big-1"
		}
		w.commit(t, streams...)
		w.commit(t, "big-1")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		report, err := Verify(t.Context(), dir, o, nil)
		if err != nil || report.Events != 5001 || len(report.Problems) != 0 {
			t.Errorf("blocking %v: %+v, %v", blocking, report, err)
		}
	}
}

func TestReadStreamAlternatesBetweenIndexAndEvents(t *testing.T) {
	db, w := opened(t, t.TempDir(), Options{})
	// Runs of neighbours and scattered events, more than one chunk of places.
	for i := range 300 {
		w.commit(t, "a", "a", "b")
		if i%7 == 0 {
			w.commit(t, "b", "c")
		}
	}
	total := w.streams["a"].Version
	whole, err := db.StreamInfo("a", w.last)
	if err != nil || whole.Version != total {
		t.Fatalf("got %+v, %v, want version %d", whole, err, total)
	}
	for _, c := range []struct{ from, until storage.Version }{{0, 0}, {1, 1}, {5, 6}, {1, total + 1}, {100, 400}, {total, 0}, {total + 1, 0}, {total + 5, total + 9}} {
		for _, backwards := range []bool{false, true} {
			var got []storage.Version
			var info storage.StreamInfo
			for r, err := range db.ReadStream(t.Context(), storage.StreamRange{Stream: "a", From: c.from, Until: c.until, Head: w.last, Backwards: backwards, Info: &info}) {
				if err != nil {
					t.Fatal(err)
				}
				stream, v, p, _, err := record.Place(r.Wire)
				if err != nil || string(stream) != "a" || p != r.Position {
					t.Fatalf("got %s/%d at %d, %v", stream, v, p, err)
				}
				got = append(got, v)
			}
			if info != whole {
				t.Fatalf("%d to %d backwards %v: described as %+v, want %+v", c.from, c.until, backwards, info, whole)
			}
			low, high := max(c.from, 1), total+1
			if c.until != 0 {
				high = min(high, c.until)
			}
			want := 0
			if low < high {
				want = int(high - low)
			}
			if len(got) != want {
				t.Fatalf("%d to %d backwards %v: %d events, want %d", c.from, c.until, backwards, len(got), want)
			}
			for i, v := range got {
				expect := low + storage.Version(i)
				if backwards {
					expect = high - 1 - storage.Version(i)
				}
				if v != expect {
					t.Fatalf("%d to %d backwards %v: event %d is version %d, want %d", c.from, c.until, backwards, i, v, expect)
				}
			}
		}
	}
}

// I7: what is applied but not durable lies above the head that the reader
// brings, and is not shown in any way.
func TestNothingAboveTheGivenHeadIsShown(t *testing.T) {
	db, w := opened(t, t.TempDir(), Options{})
	w.commit(t, "a", "a", "b")
	b := db.Begin()
	w.put(t, b, "a")
	w.put(t, b, "new")
	if err := b.Apply(); err != nil {
		t.Fatal(err)
	}
	const head = 3
	for r, err := range db.ReadAll(t.Context(), storage.AllRange{Until: 100}, head) {
		if err != nil || r.Position > head {
			t.Errorf("read all shows %d, %v", r.Position, err)
		}
	}
	for _, backwards := range []bool{false, true} {
		n, info := 0, storage.StreamInfo{}
		for r, err := range db.ReadStream(t.Context(), storage.StreamRange{Stream: "a", Head: head, Backwards: backwards, Info: &info}) {
			if n++; err != nil || r.Position > head {
				t.Errorf("read stream shows %d, %v", r.Position, err)
			}
		}
		if n != 2 || info.Version != 2 || info.Last != 2 {
			t.Errorf("read stream shows %d events of %+v, want 2", n, info)
		}
	}
	if info, err := db.StreamInfo("a", head); err != nil || info.Version != 2 || info.Last != 2 {
		t.Errorf("stream a: %+v, %v", info, err)
	}
	var notFound *storage.StreamNotFoundError
	if _, err := db.StreamInfo("new", head); !errors.As(err, &notFound) {
		t.Errorf("the new stream: %v", err)
	}
	if list, err := db.Streams(t.Context(), storage.StreamsQuery{Limit: 10, Head: head}); err != nil || len(list) != 2 {
		t.Errorf("streams: %v, %v", list, err)
	}
	if err := b.Sync(); err != nil {
		t.Fatal(err)
	}
}
