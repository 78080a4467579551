package pebblestore

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// readCounter counts the bytes that are read, by the kinds of files.
type readCounter struct {
	vfs.FS
	mu    sync.Mutex
	bytes map[string]int64 // guarded by mu
}

func counted(next vfs.FS) *readCounter { return &readCounter{FS: next, bytes: map[string]int64{}} }

// fileKind is the ending of a name, or what stands before its first dash.
func fileKind(name string) string {
	name = name[strings.LastIndex(name, "/")+1:]
	if at := strings.LastIndex(name, "."); at >= 0 {
		return name[at:]
	}
	before, _, _ := strings.Cut(name, "-")
	return before
}

func (c *readCounter) read(kind string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes[kind] += int64(n)
}

func (c *readCounter) of(kinds ...string) (sum int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range c.bytes {
		for _, want := range kinds {
			if k == want {
				sum += n
			}
		}
	}
	return sum
}

// Open is [vfs.FS.Open].
func (c *readCounter) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.Open(name, o...)
	if err != nil {
		return nil, err
	}
	return &countedFile{f, c, fileKind(name)}, nil
}

type countedFile struct {
	vfs.File
	counter *readCounter
	kind    string
}

func (f *countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.counter.read(f.kind, n)
	return n, err
}

func (f *countedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	f.counter.read(f.kind, n)
	return n, err
}

// smallTables make many files of few events.
func smallTables(fsys vfs.FS) Options { return Options{FS: fsys, MemTableBytes: 128 << 10} }

// grown makes a store of so many events in 1,000 streams and leaves it open.
func grown(t *testing.T, fsys vfs.FS, events int) *DB {
	t.Helper()
	db, w := opened(t, "store", smallTables(fsys))
	for w.last < 1 || int(w.last) < events {
		b := db.Begin()
		for range 100 {
			w.put(t, b, fmt.Sprintf("stream-%d", w.last%1000))
		}
		if err := b.Apply(); err != nil {
			t.Fatal(err)
		}
		if err := b.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// reopened opens a store and tells what that read.
func reopened(t *testing.T, fsys vfs.FS, events int) *readCounter {
	t.Helper()
	counter := counted(fsys)
	db, _ := opened(t, "store", smallTables(counter))
	read := &readCounter{bytes: map[string]int64{}}
	counter.mu.Lock()
	for k, n := range counter.bytes {
		read.bytes[k] = n
	}
	counter.mu.Unlock()
	if last, _, err := db.Last(); int(last) != events || err != nil {
		t.Fatalf("the log ends at %d, %v; want %d", last, err, events)
	}
	return read
}

// compacted moves everything into one level.
func compacted(t *testing.T, db *DB) {
	t.Helper()
	if err := db.pebble.Compact(t.Context(), []byte{0}, []byte{255}, false); err != nil {
		t.Fatal(err)
	}
}

func tablesOf(t *testing.T, fsys vfs.FS) (files int, bytes int64) {
	t.Helper()
	names, err := fsys.List("store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if info, err := fsys.Stat(fsys.PathJoin("store", name)); err == nil && fileKind(name) == ".sst" {
			files, bytes = files+1, bytes+info.Size()
		}
	}
	return files, bytes
}

// What opening reads of the tables is a few blocks and, in the background, the
// properties of each table; it does not depend on how much is in them.
func TestOpeningReadsAFewBlocksOfALogOfAnySize(t *testing.T) {
	const perTable, once = 8 << 10, 256 << 10
	for _, events := range []int{2_000, 40_000} {
		disk := vfs.NewMem()
		db := grown(t, disk, events)
		if err := db.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		compacted(t, db) // else the next opening goes on with it
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		files, bytes := tablesOf(t, disk)
		read := reopened(t, disk, events)
		if got, most := read.of(".sst"), int64(files*perTable+once); got > most {
			t.Errorf("%d events in %d tables of %d bytes: opening read %d bytes of them; want at most %d", events, files, bytes, got, most)
		}
		// Logs that the engine keeps to write over are neither replayed nor compared
		// with their sums. The first block of the empty newest one, which may lie
		// over an old one, is looked at to rehearse the opening, and to open.
		if got := read.of(".log"); got > 2*32<<10+4<<10 {
			t.Errorf("%d events: opening read %d bytes of logs after everything was flushed", events, got)
		}
		t.Logf("%d events, %d tables, %d bytes: %v", events, files, bytes, read.bytes)
	}
}

// What a crash leaves to replay is bounded by the tables in memory.
func TestRecoveryReadsNoMoreThanTheTablesInMemoryHold(t *testing.T) {
	// Each log is read to compare it with its sum, to rehearse the opening, and to
	// open.
	const times = 3
	for _, events := range []int{10_000, 40_000} {
		disk := vfs.NewCrashableMem()
		db := grown(t, disk, events)
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		read := reopened(t, crashed, events)
		o := smallTables(nil)
		// Four tables may wait to be flushed while one is written to.
		if got, most := read.of(".log"), int64(times*5*o.MemTableBytes); got > most || got == 0 {
			t.Errorf("%d events: recovery read %d bytes of logs; want 1 to %d", events, got, most)
		}
		if got, most := read.of("MANIFEST"), int64(1<<20); got > most {
			t.Errorf("%d events: recovery read %d bytes of lists of tables; want at most %d", events, got, most)
		}
		t.Logf("%d events: %v", events, read.bytes)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlushingWhatIsFlushedDoesNothing(t *testing.T) {
	disk := vfs.NewMem()
	db, w := opened(t, "store", Options{FS: disk})
	before := db.pebble.Metrics().Flush.Count // opening flushed what creating wrote
	if err := db.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := db.pebble.Metrics().Flush.Count - before; n != 0 {
		t.Errorf("%d flushes of a store without writes; want none", n)
	}
	w.commit(t, "a-1")
	if err := db.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := db.pebble.Metrics().Flush.Count - before; n != 1 {
		t.Errorf("%d flushes; want 1", n)
	}
}
