package pebblestore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

const fast = int64(1) << 40

// scrubbed looks at everything and gives what was found, and how far it came.
func scrubbed(t *testing.T, db *DB) (found []string, at storage.Position) {
	t.Helper()
	err := db.Scrub(t.Context(), Scrub{
		BytesPerSecond: fast,
		At:             func(p storage.Position) { at = p },
		Found:          func(e storage.CorruptionError) { found = append(found, e.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, at
}

// I9: damage that no reader has met is found while the store serves.
func TestScrubbingFindsDamageOfEachLayer(t *testing.T) {
	disk := vfs.NewMem()
	db, w := opened(t, imageDir, Options{FS: disk})
	w.commit(t, "a", "b", "a")
	if err := db.pebble.Flush(); err != nil {
		t.Fatal(err)
	}
	quiet(db)
	w.commit(t, "a", "b")
	if found, at := scrubbed(t, db); len(found) != 0 || at != 5 {
		t.Fatalf("a whole store: %q, read up to %d", found, at)
	}
	if err := db.pebble.Set(keys.AppendEvent(nil, 4), []byte("garbled"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.pebble.Delete(keys.AppendEvent(nil, 2), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	names, err := disk.List(imageDir)
	if err != nil {
		t.Fatal(err)
	}
	damagedFile := map[string]bool{}
	for _, name := range names {
		if k := kind(name); k == "sst" || k == "log" {
			damagedFile[name] = flipByte(t, disk, name)
		}
	}
	found, _ := scrubbed(t, db)
	all := strings.Join(found, "\n")
	for _, want := range []string{"event at position 2: is missing", "position 4"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not found: %s", want, all)
		}
	}
	for name, changed := range damagedFile {
		if changed && !strings.Contains(all, imageDir+"/"+name) {
			t.Errorf("damage of %s was not found: %s", name, all)
		}
	}
}

// flipByte changes the 10th byte of a file, if it has one.
func flipByte(t *testing.T, disk *vfs.MemFS, name string) bool {
	t.Helper()
	f, err := disk.OpenReadWrite(disk.PathJoin(imageDir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	n, _ := f.ReadAt(b, 10)
	if n == 1 {
		_, err = f.WriteAt([]byte{b[0] ^ 1}, 10)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func TestScrubbingEndsWithItsContext(t *testing.T) {
	db, w := opened(t, imageDir, Options{FS: vfs.NewMem()})
	w.commit(t, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Scrub(ctx, Scrub{BytesPerSecond: 1, Found: func(e storage.CorruptionError) { t.Error(e.Error()) }}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
