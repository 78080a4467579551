package pebblestore

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

// manyStreams makes a store with one event in each of so many streams.
func manyStreams(t *testing.T, fsys vfs.FS, count int) *writer {
	t.Helper()
	db, w := opened(t, "data", Options{FS: fsys})
	var streams []string
	for i := range count {
		streams = append(streams, fmt.Sprintf("old-%d", i))
	}
	for batch := range slices.Chunk(streams, 1000) {
		w.commit(t, batch...)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// wantStream wants a stream to have a version, by the look-up of the writer; 0:
// never written.
func wantStream(t *testing.T, db *DB, name string, version storage.Version) {
	t.Helper()
	if got, err := db.Stream(name); err != nil || got.Version != version {
		t.Fatalf("%s: got %+v, %v, want version %d", name, got, err, version)
	}
}

// known tells whether the name's absence needs no search.
func known(db *DB, name string) bool {
	_, found, known := db.names.Get(name)
	return known && !found
}

// Whatever was written before, between or after the passes of learning is found.
func TestLearningNamesHidesNoStream(t *testing.T) {
	fsys := vfs.NewMem()
	const count = 45_000 // three passes
	before := manyStreams(t, fsys, count)
	db, w := opened(t, "data", Options{FS: fsys})
	w.streams, w.last = before.streams, before.last
	for pass := range 3 {
		if known(db, "new") {
			t.Fatalf("after %d passes of 3 the filter says what it cannot know", pass)
		}
		// One that sorts before what was learned, and one behind it.
		w.commit(t, fmt.Sprintf("a-%d", pass), fmt.Sprintf("z-%d", pass))
		if done, err := db.LearnNames(); err != nil || done != (pass == 2) {
			t.Fatalf("pass %d: got %v, %v", pass, done, err)
		}
		w.commit(t, fmt.Sprintf("b-%d", pass), fmt.Sprintf("y-%d", pass))
	}
	if !known(db, "new") {
		t.Error("a new stream still needs a search")
	}
	wantStream(t, db, "new", 0)
	w.commit(t, "new")
	for name, s := range w.streams {
		wantStream(t, db, name, s.Version)
	}
}

// A filter that lacks a name would begin its stream a second time, so it is not
// used when a name is missing.
func TestAMissingNameIsNoticedByLearning(t *testing.T) {
	fsys := vfs.NewMem()
	manyStreams(t, fsys, 100)
	db, _ := opened(t, "data", Options{FS: fsys})
	if err := db.pebble.Delete(keys.AppendName(nil, "old-7"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	done, err := db.LearnNames()
	var corrupt *storage.CorruptionError
	if !done || !errors.As(err, &corrupt) {
		t.Errorf("got %v, %v, want damage", done, err)
	}
	if known(db, "new") {
		t.Error("the filter is used")
	}
}

func TestLearningNamesOfAnEmptyStoreIsDoneAtOnce(t *testing.T) {
	db, w := opened(t, "data", Options{FS: vfs.NewMem()})
	if done, err := db.LearnNames(); err != nil || !done {
		t.Fatalf("got %v, %v", done, err)
	}
	wantStream(t, db, "s", 0)
	w.commit(t, "s")
	wantStream(t, db, "s", 1)
}
