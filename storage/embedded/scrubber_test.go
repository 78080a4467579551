package embedded

import (
	"bytes"
	"log/slog"
	"slices"
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
	changeNewestLog(t, disk)
	for range 2 {
		s.scrub.scrub(t.Context())
	}
	if stats := s.Stats(); stats.ScrubProblems != 1 || strings.Count(log.String(), "damaged data was found") != 1 {
		t.Errorf("one file was damaged: %+v\n%s", stats, &log)
	}
	if _, err := s.Append(t.Context(), testAppend(t, "a-2", storage.ExpectNoStream())); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// changeNewestLog changes the first byte of the log file in use. Older ones may be
// on their way out.
func changeNewestLog(t *testing.T, disk *vfs.MemFS) {
	t.Helper()
	names, err := disk.List("data")
	if err != nil {
		t.Fatal(err)
	}
	logs := slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".log") })
	f, err := disk.OpenReadWrite("data/"+slices.Max(logs), vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.WriteAt([]byte{0xee}, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
