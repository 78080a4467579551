package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

// replays counts the keys that the engine says it has replayed from logs.
type replays struct {
	slog.Handler
	keys int
}

func (r *replays) Enabled(context.Context, slog.Level) bool { return true }

func (r *replays) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		_, told, found := strings.Cut(a.Value.String(), "; replayed ")
		keys := 0
		if n, err := fmt.Sscanf(told, "%d keys", &keys); found && n == 1 && err == nil {
			r.keys += keys
		}
		return true
	})
	return nil
}

// openedWith opens the store on the disk; counter may be nil.
func openedWith(t *testing.T, disk vfs.FS, counter *replays) *Store {
	t.Helper()
	o := Options{FS: disk, DiskFloorBytes: -1, ScrubBytesPerSecond: -1}
	if counter != nil {
		o.Logger = slog.New(counter)
	}
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// appendedTo opens a new store and appends one event.
func appendedTo(t *testing.T, disk vfs.FS) *Store {
	t.Helper()
	s := openedWith(t, disk, nil)
	if _, err := s.Append(t.Context(), testAppend(t, "a-1", storage.ExpectAny())); err != nil {
		t.Fatal(err)
	}
	return s
}

// What is in the logs only is replayed by the next opening; after a clean stop
// that must be nothing.
func TestAfterACleanStopNothingIsReplayed(t *testing.T) {
	disk := vfs.NewMem()
	s := appendedTo(t, disk)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	replayed := &replays{}
	s = openedWith(t, disk, replayed)
	if got := s.Head(); got != 1 {
		t.Errorf("the head is %d; want 1", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if replayed.keys != 0 {
		t.Errorf("%d keys were replayed; want none", replayed.keys)
	}
}

// Below the disk floor the little room that is left is not used up by a stop.
func TestAStopBelowTheDiskFloorWritesNoTables(t *testing.T) {
	disk := vfs.NewMem()
	s := appendedTo(t, disk)
	s.floor.below.Store(true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	replayed := &replays{}
	s = openedWith(t, disk, replayed)
	if got := s.Head(); got != 1 || replayed.keys == 0 {
		t.Errorf("the head is %d, %d keys were replayed; want 1 and some", got, replayed.keys)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
