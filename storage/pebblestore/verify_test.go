package pebblestore

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

func TestVerifyFindsNothingWrongWithAWholeStore(t *testing.T) {
	dir := t.TempDir()
	filled(t, nil, dir)
	progressed := false
	report, err := Verify(t.Context(), dir, Options{}, func(_, head storage.Position) { progressed = head == 100 })
	if err != nil || len(report.Problems) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if report.Events != 100 || report.Streams != 10 || report.Requests != 1 || report.Head != 100 || report.LastRecordedAt != 1000 || !progressed {
		t.Errorf("%+v, progress %v", report, progressed)
	}
}

// I9, I13: every kind of row, changed or lost, is found and named.
func TestVerifyFindsEveryKindOfDamage(t *testing.T) {
	set := func(key, value []byte) func(*pebble.Batch) error {
		return func(b *pebble.Batch) error { return b.Set(key, value, nil) }
	}
	remove := func(key []byte) func(*pebble.Batch) error {
		return func(b *pebble.Batch) error { return b.Delete(key, nil) }
	}
	for name, c := range map[string]struct {
		damage func(*pebble.Batch) error
		want   string
	}{
		"an event lost":              {remove(keys.AppendEvent(nil, 50)), "event at position 50 is missing"},
		"an event garbled":           {set(keys.AppendEvent(nil, 50), []byte("garbled bytes")), "position 50"},
		"an event too short":         {set(keys.AppendEvent(nil, 50), []byte{1}), "position 50"},
		"an event of a strange form": {set(keys.AppendEvent(nil, 50), []byte{9, 0, 0, 0, 0, 1}), "position 50"},
		"an index row lost":          {remove(keys.AppendIndex(nil, 3, 4)), "index"},
		"an index row wrong":         {set(keys.AppendIndex(nil, 3, 4), rows.AppendIndex(nil, 7)), "names position 7"},
		"an index row too much":      {set(keys.AppendIndex(nil, 3, 11), rows.AppendIndex(nil, 7)), "101 rows for 100 events"},
		"an index row too short":     {set(keys.AppendIndex(nil, 3, 4), []byte{1}), "has 1 bytes, want 8"},
		"a name lost":                {remove(keys.AppendName(nil, "s-3")), `name of stream "s-3" is missing`},
		"a name with another first":  {set(keys.AppendName(nil, "s-3"), rows.AppendName(nil, rows.Name{Number: 4, First: 9})), "says its first position is 9"},
		"a name too much":            {set(keys.AppendName(nil, "ghost"), rows.AppendName(nil, rows.Name{Number: 99, First: 9})), "are 11 for 10 streams"},
		"a request without expiry":   {remove(keys.AppendExpiry(nil, 1000, "r")), "has no expiry row"},
		"a request beyond the head":  {set(keys.AppendRequest(nil, "r"), rows.AppendRequest(nil, storage.RequestRow{First: 99, Count: 3, Expiry: 1000})), "names 3 events from position 99"},
		"a request not counted":      {set(keys.Meta(metaRequests), make([]byte, 8)), "is 0, but there are 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			filled(t, nil, dir)
			db, _ := opened(t, dir, Options{})
			b := db.pebble.NewBatch()
			if err := errors.Join(c.damage(b), b.Commit(pebble.Sync), db.Close()); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(t.Context(), dir, Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, p := range report.Problems {
				found = found || strings.Contains(p.Where+" "+p.Detail, c.want)
			}
			if !found {
				t.Errorf("no problem says %q: %v", c.want, report.Problems)
			}
		})
	}
}

// A store that the engine cannot even open because of what is in its directory
// is damaged, too: the report says so, not an error of the checking (I9).
func TestVerifyReportsAStoreThatCannotBeOpened(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"lost":      os.Remove,
		"too short": func(path string) error { return os.Truncate(path, 20) },
	} {
		for _, pattern := range []string{"*.sst", "MANIFEST-*", "marker.manifest.*"} {
			if name == "too short" && pattern == "marker.manifest.*" {
				continue // it is empty
			}
			t.Run(pattern+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				filled(t, nil, dir)
				db, _ := opened(t, dir, Options{}) // moves what is in the log into a table
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				files, err := filepath.Glob(filepath.Join(dir, pattern))
				if err != nil || len(files) == 0 {
					t.Fatalf("no %s: %v", pattern, err)
				}
				for _, file := range files {
					if err := damage(file); err != nil {
						t.Fatal(err)
					}
				}
				report, err := Verify(t.Context(), dir, Options{}, nil)
				if err != nil || len(report.Problems) == 0 {
					t.Errorf("error %v, problems %v", err, report.Problems)
				}
			})
		}
	}
}

// I9: a damaged event is an error of the read that meets it, not an end and
// not wrong bytes.
func TestReadingMeetsDamageAsAnError(t *testing.T) {
	dir := t.TempDir()
	filled(t, nil, dir)
	db, _ := opened(t, dir, Options{})
	if err := db.pebble.Delete(keys.AppendEvent(nil, 50), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	for _, backwards := range []bool{false, true} {
		var last storage.Position
		var failed error
		for r, err := range db.ReadAll(t.Context(), storage.AllRange{Backwards: backwards}, 100) {
			if err != nil {
				failed = err
				break
			}
			last = r.Position
		}
		var corrupt *storage.CorruptionError
		if !errors.As(failed, &corrupt) || (last != 49 && last != 51) {
			t.Errorf("backwards %v: ended after %d with %v", backwards, last, failed)
		}
	}
	var failed error
	for _, err := range db.ReadStream(t.Context(), storage.StreamRange{Stream: "s-9", Head: 100}) {
		failed = err
	}
	var corrupt *storage.CorruptionError
	if !errors.As(failed, &corrupt) {
		t.Errorf("reading the stream ended with %v", failed)
	}
}

func TestABackupIsWholeAndGetsAHistoryOfItsOwn(t *testing.T) {
	dir, dest := t.TempDir(), filepath.Join(t.TempDir(), "backups", "one")
	db, w := opened(t, dir, Options{})
	w.commit(t, "a", "b")
	if err := db.Backup(t.Context(), dest, 2); err != nil {
		t.Fatal(err)
	}
	w.commit(t, "a") // after the backup
	if err := db.Backup(t.Context(), dest, 3); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Fatalf("backup over another: %v", err)
	}
	report, err := Verify(t.Context(), dest, Options{}, nil)
	if err != nil || len(report.Problems) != 0 || report.Events != 2 || report.History != db.History() {
		t.Fatalf("verifying the backup: %+v, %v", report, err)
	}
	restored, _ := opened(t, dest, Options{})
	if restored.History() == db.History() {
		t.Error("the restored copy has the history of the original")
	}
	history := restored.History()
	if err := restored.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := opened(t, dest, Options{})
	if again.History() != history {
		t.Error("the second opening changed the history again")
	}
	if p, _, err := again.Last(); p != 2 || err != nil {
		t.Errorf("the restored copy ends at %d, %v", p, err)
	}
}

func TestADamagedBackupIsRefused(t *testing.T) {
	for _, damage := range []string{"flip", "lose"} {
		dest := filepath.Join(t.TempDir(), "b")
		db, w := opened(t, t.TempDir(), Options{})
		w.commit(t, "a", "b")
		if err := db.Backup(t.Context(), dest, 2); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dest, backupManifest))
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Files {
			if !strings.HasSuffix(f.Name, ".log") || f.Bytes == 0 {
				continue
			}
			path := filepath.Join(dest, f.Name)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)/2] ^= 1
			if damage == "lose" {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if db, err := Open(dest, Options{}); err == nil {
			t.Errorf("%s: the backup was opened", damage)
			_ = db.Close()
		}
		if _, err := os.Stat(filepath.Join(dest, backupManifest)); err != nil {
			t.Errorf("%s: the refusal changed the backup: %v", damage, err)
		}
	}
}

func TestARestoreGivesTheSamePlaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	history := storage.NewHistoryID()
	r, err := NewRestorer(dir, Options{}, history)
	if err != nil {
		t.Fatal(err)
	}
	for p := storage.Position(1); p <= 20; p++ {
		stream, v := "odd", storage.Version(p+1)/2
		if p%2 == 0 {
			stream, v = "even", storage.Version(p/2)
		}
		if err := r.Add(stream, v, p, storage.Instant(p/5), newEvent(t, int(p))); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"a gap in positions": r.Add("odd", 11, 22, 9, newEvent(t, 1)),
		"a gap in versions":  r.Add("odd", 12, 21, 9, newEvent(t, 1)),
		"a falling time":     r.Add("odd", 11, 21, 1, newEvent(t, 1)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), dir, Options{}, nil)
	if err != nil || len(report.Problems) != 0 || report.Events != 20 || report.History != history {
		t.Fatalf("%+v, %v", report, err)
	}
	if _, err := NewRestorer(dir, Options{}, history); err == nil {
		t.Error("a restore into a store was begun")
	}
}

func TestAnAbortedRestoreCannotBeServed(t *testing.T) {
	dir := t.TempDir()
	r, err := NewRestorer(dir, Options{}, storage.NewHistoryID())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Add("a", 1, 1, 1, newEvent(t, 1)), r.Abort()); err != nil {
		t.Fatal(err)
	}
	var no *storage.NotAStoreError
	if _, err := Open(dir, Options{}); !errors.As(err, &no) {
		t.Errorf("opening it: %v", err)
	}
}
