package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

// I9: a damaged snapshot is never served: it counts as forgotten.
func TestADamagedSnapshotIsAbsent(t *testing.T) {
	db, w := opened(t, "store", Options{FS: vfs.NewMem()})
	w.commit(t, "s", "s", "s")
	older := storage.Snapshot{Stream: "s", Version: 1, State: []byte("older")}
	newer := storage.Snapshot{Stream: "s", Version: 2, State: []byte("newer")}
	for _, s := range []storage.Snapshot{older, newer} {
		if err := db.PutSnapshot(s); err != nil {
			t.Fatal(err)
		}
	}
	find := func() string {
		got, _, err := db.FindSnapshot(storage.SnapshotQuery{Stream: "s", NotAfter: 9}, 3)
		if err != nil {
			t.Fatal(err)
		}
		return string(got.State)
	}
	if got := find(); got != "newer" {
		t.Fatalf("got %q", got)
	}
	key := keys.AppendSnapshot(nil, 1, 2)
	good, err := db.get(key)
	if err != nil {
		t.Fatal(err)
	}
	set := func(value []byte) {
		if err := db.pebble.Set(key, value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	for i := range good {
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			set(bad)
			// A flip in the form byte or the maker's key is damage like any other.
			if got := find(); got != "older" {
				t.Fatalf("bit %d of byte %d: got %q", bit, i, got)
			}
		}
		set(good[:i])
		if got := find(); got != "older" {
			t.Fatalf("cut off at %d: got %q", i, got)
		}
	}
	set(good)
	if got := find(); got != "newer" {
		t.Fatalf("put back: got %q", got)
	}
	// At another place it is not the same snapshot.
	if err := db.pebble.Set(keys.AppendSnapshot(nil, 1, 3), good, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if got, _, err := db.FindSnapshot(storage.SnapshotQuery{Stream: "s", NotAfter: 9}, 3); err != nil || got.Version != 2 {
		t.Fatalf("version %d, %v", got.Version, err)
	}
}

func TestASnapshotOfAStreamThatIsNotVisibleIsNotFound(t *testing.T) {
	db, w := opened(t, "store", Options{FS: vfs.NewMem()})
	w.commit(t, "a", "s", "s")
	if err := db.PutSnapshot(storage.Snapshot{Stream: "s", Version: 1, State: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := db.FindSnapshot(storage.SnapshotQuery{Stream: "s", NotAfter: 9}, 1); ok || err != nil {
		t.Fatalf("found above the head (I7): %v, %v", ok, err)
	}
}
