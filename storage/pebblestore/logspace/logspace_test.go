package logspace_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage/pebblestore/logspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	logs  = vfs.DiskWriteCategory("pebble-wal")
	chunk = 4 << 20
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// write writes to the file, syncs it, and returns its length then.
func write(t *testing.T, f vfs.File, p []byte) int64 {
	t.Helper()
	must[int](t)(f.Write(p))
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	return must[vfs.FileInfo](t)(f.Stat()).Size()
}

func closed(t *testing.T, f io.Closer) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestALogHasItsLengthBeforeItIsWritten(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere logs grow as they are written")
	}
	fs, dir := logspace.FS{FS: vfs.Default}, t.TempDir()
	name, reused := fs.PathJoin(dir, "000001.log"), fs.PathJoin(dir, "000002.log")
	f := must[vfs.File](t)(fs.Create(name, logs))
	if got := write(t, f, []byte("first")); got != chunk {
		t.Errorf("after the first write the file has %d bytes, want %d", got, chunk)
	}
	if got := write(t, f, make([]byte, chunk)); got != 2*chunk {
		t.Errorf("beyond the first chunk it has %d bytes, want %d", got, 2*chunk)
	}
	closed(t, f)

	f = must[vfs.File](t)(fs.ReuseForWrite(name, reused, logs))
	if got := write(t, f, []byte("again")); got != 2*chunk {
		t.Errorf("written anew it has %d bytes, want the %d it had", got, 2*chunk)
	}
	closed(t, f)
	f = must[vfs.File](t)(fs.Open(reused))
	defer closed(t, f)
	got := must[[]byte](t)(io.ReadAll(f))
	if want := append([]byte("again"), make([]byte, 2*chunk-5)...); !bytes.Equal(got, want) {
		t.Error("what is beyond the last write is not zeros")
	}
}

func TestOtherFilesAreAsTheyAreWritten(t *testing.T) {
	for name, c := range map[string]struct {
		fs       vfs.FS
		category vfs.DiskWriteCategory
	}{
		"a copy of a log":         {vfs.Default, vfs.WriteCategoryUnspecified},
		"a file system in memory": {vfs.NewMem(), logs},
	} {
		fs, dir := logspace.FS{FS: c.fs}, t.TempDir()
		if err := fs.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		f := must[vfs.File](t)(fs.Create(fs.PathJoin(dir, "000001.log"), c.category))
		if got := write(t, f, []byte("first")); got != 5 {
			t.Errorf("%s has %d bytes, want 5", name, got)
		}
		closed(t, f)
	}
}
