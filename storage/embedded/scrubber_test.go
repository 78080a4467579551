package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

// I9: damage in a file in use is logged and counted once, and the store goes on.
func TestScrubbingReportsDamageAndTheStoreGoesOn(t *testing.T) {
	disk := vfs.NewMem()
	var log bytes.Buffer
	s, err := Open("data", Options{FS: disk, DiskFloorBytes: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), testAppend(t, "a-1", storage.ExpectNoStream())); err != nil {
		t.Fatal(err)
	}
	s.scrub.scrub(t.Context())
	if stats := s.Stats(); stats.ScrubbedPosition != 1 || stats.ScrubProblems != 0 {
		t.Errorf("a whole store: %+v\n%s", stats, &log)
	}
	changed := changeLogs(t, disk)
	for range 2 {
		s.scrub.scrub(t.Context())
	}
	if stats := s.Stats(); changed == 0 || stats.ScrubProblems != changed || uint64(strings.Count(log.String(), "damaged data was found")) != changed {
		t.Errorf("%d files were damaged: %+v\n%s", changed, stats, &log)
	}
	if _, err := s.Append(t.Context(), testAppend(t, "a-2", storage.ExpectNoStream())); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// changeLogs changes the first byte of each log file that has any, and counts
// them.
func changeLogs(t *testing.T, disk *vfs.MemFS) (changed uint64) {
	t.Helper()
	names, err := disk.List("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		info, err := disk.Stat("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, ".log") || info.Size() == 0 {
			continue
		}
		f, err := disk.OpenReadWrite("data/"+name, vfs.WriteCategoryUnspecified)
		if err == nil {
			_, err = f.WriteAt([]byte{0xee}, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		changed++
	}
	return changed
}
