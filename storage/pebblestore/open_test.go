package pebblestore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record/recordtest"
)

func TestANewStoreKeepsItsHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "data")
	db, w := opened(t, dir, Options{})
	w.commit(t, "a-1", "a-2", "a-1")
	history := db.History()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, _ = opened(t, dir, Options{})
	if db.History() != history {
		t.Errorf("history changed from %v to %v", history, db.History())
	}
	if p, at, err := db.Last(); p != 3 || at != 30 || err != nil {
		t.Errorf("last is %d at %d, %v", p, at, err)
	}
	if n, err := db.LastStreamNumber(); n != 2 || err != nil {
		t.Errorf("last stream number is %d, %v", n, err)
	}
}

// The engine's first log file is in its oldest format, in which a flipped bit
// is not noticed; after creation no such file may be in use.
func TestTheFormatIsPinned(t *testing.T) {
	if pebbleFormat != 24 {
		t.Fatalf("the pinned format is %d: raising it is for an explicit upgrade only", pebbleFormat)
	}
	dir := t.TempDir()
	db, _ := opened(t, dir, Options{})
	if got := db.pebble.FormatMajorVersion(); got != pebbleFormat {
		t.Errorf("the store is in format %d", got)
	}
	value, err := db.get(keys.Meta(metaFormat))
	if err != nil || string(value) != "\x00\x00\x00\x01\x00\x00\x00\x18" {
		t.Errorf("format row %x, %v", value, err)
	}
}

func TestOpeningRefusesWhatIsNoStore(t *testing.T) {
	notAStore := func(err error) bool { var e *storage.NotAStoreError; return errors.As(err, &e) }
	newer := func(err error) bool {
		var e *storage.FormatError
		return errors.As(err, &e) && e.Found == 99 && e.Known == uint32(pebbleFormat)
	}
	for name, c := range map[string]struct {
		file string
		want func(error) bool
	}{
		"a directory with other files":  {"letter.txt", notAStore},
		"an unfinished restore":         {unfinishedRestore, notAStore},
		"a newer format":                {"marker.format-version.000001.099", newer},
		"a format marker without sense": {"marker.format-version.000001.abc", func(err error) bool { var e *storage.CorruptionError; return errors.As(err, &e) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := Open(dir, Options{})
			if err == nil {
				t.Fatal("it was opened", db.Close())
			}
			if !c.want(err) {
				t.Errorf("error %T: %v", err, err)
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
				t.Errorf("the directory was changed: %v, %v", names, err)
			}
		})
	}
}

func TestOpeningRefusesANewerLayout(t *testing.T) {
	dir := t.TempDir()
	db, _ := opened(t, dir, Options{})
	if err := db.pebble.Set(keys.Meta(metaFormat), []byte{0, 0, 0, 2, 0, 0, 0, 24}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	var format *storage.FormatError
	if !errors.As(err, &format) || format.Found != 2 || format.Known != Layout {
		t.Errorf("error: %v", err)
	}
}

func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	opened(t, dir, Options{})
	_, err := Open(dir, Options{})
	var locked *storage.LockedError
	if !errors.As(err, &locked) || locked.Dir != dir {
		t.Errorf("second opening: %v", err)
	}
	if _, err := Verify(t.Context(), dir, Options{}, nil); !errors.As(err, &locked) {
		t.Errorf("verifying an open store: %v", err)
	}
}

func TestOpeningADirectoryThatCannotBeReadOrIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("opening a file: %v", err)
	}
	if os.Geteuid() == 0 {
		t.Log("SKIP part: permissions mean nothing to root")
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("opening an unreadable directory: %v", err)
	}
}

func TestVerifyNeedsAStore(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		_, err := Verify(t.Context(), dir, Options{}, nil)
		var no *storage.NotAStoreError
		if !errors.As(err, &no) {
			t.Errorf("%v", err)
		}
	}
}

// A creation that was cut off before the store described itself is finished by
// the next opening; no event can have been in it.
func TestAnUnfinishedCreationIsMadeGood(t *testing.T) {
	dir := t.TempDir()
	o := Options{}.withDefaults()
	db, err := pebble.Open(dir, o.pebbleOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	store, w := opened(t, dir, Options{})
	w.commit(t, "a")
	if store.History() == (storage.HistoryID{}) {
		t.Error("the store has no history id")
	}
}

func TestTheFormatIsKeptAsDrawn(t *testing.T) {
	db, _ := opened(t, t.TempDir(), Options{})
	format, err := db.get(keys.Meta(metaFormat))
	if want := recordtest.Golden(t, "value-format"); err != nil || !bytes.Equal(format, want) {
		t.Errorf("value-format is %x, want %x, %v", format, want, err)
	}
}
