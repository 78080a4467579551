package pebblestore

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newEvent is an event with the given number in id and payload.
func newEvent(t testing.TB, n int) storage.NewEvent {
	t.Helper()
	e, violations := record.NewEventOf(&storage.Event{
		Type:    "Counted",
		Kind:    storage.PayloadJSON,
		Payload: fmt.Appendf(nil, `{"n":%d}`, n),
	}, storage.Limits{}.WithDefaults())
	if violations != nil {
		t.Fatal(violations)
	}
	e.ID = storage.EventID{1, byte(n >> 16), byte(n >> 8), byte(n)}
	return e
}

// writer gives events their places, as the sequencer does.
type writer struct {
	db      *DB
	streams map[string]storage.StreamState
	last    storage.Position
}

func (w *writer) put(t testing.TB, b *Batch, stream string) {
	t.Helper()
	s := w.streams[stream]
	if s.Number == 0 {
		s.Number = uint64(len(w.streams)) + 1
	}
	s.Version++
	w.last++
	w.streams[stream] = s
	e := newEvent(t, int(w.last))
	b.Put(storage.Placed{Stream: stream, Number: s.Number, Version: s.Version, Position: w.last, RecordedAt: storage.Instant(w.last) * 10, Event: &e}, s.Version == 1)
}

func (w *writer) commit(t testing.TB, streams ...string) *Batch {
	t.Helper()
	b := w.db.Begin()
	for _, s := range streams {
		w.put(t, b, s)
	}
	if err := b.Apply(); err != nil {
		t.Fatal(err)
	}
	if err := b.Sync(); err != nil {
		t.Fatal(err)
	}
	return b
}

// opened opens a store that is closed when the test ends.
func opened(t testing.TB, dir string, o Options) (*DB, *writer) {
	t.Helper()
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, &writer{db: db, streams: map[string]storage.StreamState{}}
}

// filled makes a store with 100 events in 10 streams, a remembered request,
// and closes it.
func filled(t testing.TB, fsys vfs.FS, dir string) {
	t.Helper()
	db, w := opened(t, dir, Options{FS: fsys})
	for i := range 10 {
		b := db.Begin()
		for s := range 10 {
			w.put(t, b, fmt.Sprintf("s-%d", s))
		}
		if i == 0 {
			b.Remember("r", storage.RequestRow{First: 1, Count: 10, Expiry: 1000}, 1)
		}
		if err := b.Apply(); err != nil {
			t.Fatal(err)
		}
		if err := b.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
