package logspace

import (
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// chunk is how much a log grows at a time, in bytes: some thousand commits of
// one event.
const chunk = 4 << 20

// logs is the category under which the engine makes its logs. Copies of them,
// for a backup, have none.
const logs = "pebble-wal"

// FS is a file system over another one.
type FS struct {
	vfs.FS
}

// Create is [vfs.FS.Create].
func (f FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	if err != nil || category != logs {
		return file, err
	}
	return withSpace(file, 0), nil
}

// ReuseForWrite is [vfs.FS.ReuseForWrite]. The file keeps the length it has.
func (f FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	if err != nil || category != logs {
		return file, err
	}
	info, err := file.Stat()
	if err != nil {
		return file, nil //nolint:nilerr // the engine asks again, and is told
	}
	return withSpace(file, info.Size()), nil
}

// Unwrap is [vfs.FS.Unwrap].
func (f FS) Unwrap() vfs.FS { return f.FS }

func withSpace(file vfs.File, length int64) vfs.File {
	if file.Fd() == vfs.InvalidFd {
		return file
	}
	return &logFile{File: file, length: length}
}

// logFile is a log that is written from its beginning on, by one goroutine at a
// time.
type logFile struct {
	vfs.File
	written int64
	length  int64 // of the file; the largest number: it cannot be extended
}

// Write is [vfs.File.Write].
func (f *logFile) Write(p []byte) (int, error) {
	if end := f.written + int64(len(p)); end > f.length {
		f.extend(end)
	}
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, err
}

// extend gives the file the length of the whole chunks that hold end bytes.
func (f *logFile) extend(end int64) {
	length := (end + chunk - 1) / chunk * chunk
	if err := extend(f.Fd(), f.length, length-f.length); err != nil {
		f.length = math.MaxInt64
		return
	}
	f.length = length
}
