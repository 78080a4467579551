package sumfs

import (
	"errors"
	"hash/crc32"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errNotInSequence: the engine writes these files in sequence only; a checksum
// could not follow anything else.
var errNotInSequence = errors.New("a log or MANIFEST is written from its beginning on, in sequence")

// summedFile sums what is written to one file.
type summedFile struct {
	vfs.File
	fs   *FS
	file *file

	mu struct {
		sync.Mutex
		written int64
		sum     uint32
		broken  bool // a write or sync failed: what is on the disk is not known
	}
}

// Write is [vfs.File.Write].
func (f *summedFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	sum := f.mu.sum
	f.mu.Unlock()
	sum = crc32.Update(sum, castagnoli, p) // before the write, which may change p
	n, err := f.File.Write(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil || n != len(p) {
		f.mu.broken = true
		return n, err
	}
	f.mu.written += int64(n)
	f.mu.sum = sum
	return n, nil
}

// WriteAt is refused.
func (f *summedFile) WriteAt([]byte, int64) (int, error) { return 0, errNotInSequence }

// Sync is [vfs.File.Sync].
func (f *summedFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData is [vfs.File.SyncData].
func (f *summedFile) SyncData() error { return f.sync(f.File.SyncData) }

// SyncTo is [vfs.File.SyncTo]; only a full sync promises anything.
func (f *summedFile) SyncTo(length int64) (full bool, err error) {
	err = f.sync(func() error {
		full, err = f.File.SyncTo(length)
		if err == nil && !full {
			return errNotFull
		}
		return err
	})
	if errors.Is(err, errNotFull) {
		return false, nil
	}
	return full, err
}

// errNotFull: a sync that promises nothing, and is no failure.
var errNotFull = errors.New("not a full sync")

// sync notes what was written before it began, once it has succeeded.
func (f *summedFile) sync(run func() error) error {
	f.mu.Lock()
	written, sum := f.mu.written, f.mu.sum
	f.mu.Unlock()
	err := run()
	f.mu.Lock()
	if err != nil && !errors.Is(err, errNotFull) {
		f.mu.broken = true
	}
	broken := f.mu.broken
	f.mu.Unlock()
	if err != nil || broken {
		return err
	}
	f.fs.cover(f.file, written, sum)
	return nil
}

// summedDir notes which names are durable.
type summedDir struct {
	vfs.File
	fs *FS
}

// Sync is [vfs.File.Sync].
func (d *summedDir) Sync() error { return d.sync(d.File.Sync) }

// SyncData is [vfs.File.SyncData].
func (d *summedDir) SyncData() error { return d.sync(d.File.SyncData) }

func (d *summedDir) sync(run func() error) error {
	files, moved := d.fs.unnamed()
	if err := run(); err != nil {
		return err
	}
	d.fs.name(files, moved)
	return nil
}
