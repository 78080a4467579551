package failstop

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system over another one. It may be used by one store.
type FS struct {
	vfs.FS
	fatal func(error)
	// closing: what fails is told by the closing of the store.
	closing *atomic.Bool
	// writing: a log was made, so tables may be compacted from now on.
	writing *atomic.Bool
	// failed is the first failure of a log.
	failed *atomic.Pointer[error]
}

// LogFailed is the first failure of a log; nil while there is none. After it
// nothing may be committed: the engine panics when it is given some blocks more.
func (f FS) LogFailed() error {
	if err := f.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// New makes a file system over another one. fatal has to end the process;
// closing is set by the caller once the store is being closed.
func New(over vfs.FS, fatal func(error), closing *atomic.Bool) FS {
	return FS{over, fatal, closing, new(atomic.Bool), new(atomic.Pointer[error])}
}

func (f FS) stop(what string, err error) {
	if err != nil && !f.closing.Load() {
		f.fatal(fmt.Errorf("%s: %w", what, err))
	}
}

// OpenDir is [vfs.FS.OpenDir].
func (f FS) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return directory{dir, name, f}, nil
}

// Create is [vfs.FS.Create].
func (f FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	return f.log(name, file, err)
}

// ReuseForWrite is [vfs.FS.ReuseForWrite].
func (f FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	return f.log(newname, file, err)
}

func (f FS) log(name string, file vfs.File, err error) (vfs.File, error) {
	temporary := strings.HasSuffix(name, ".dbtmp")
	if !temporary && !strings.HasSuffix(name, ".log") {
		return file, err
	}
	if err != nil {
		f.stop("make "+name, err)
		return nil, err
	}
	f.writing.Store(true)
	return &logFile{File: file, name: name, fs: f, atOnce: temporary}, nil
}

// List is [vfs.FS.List].
func (f FS) List(dir string) ([]string, error) {
	names, err := f.FS.List(dir)
	if f.writing.Load() {
		f.stop("list "+dir, err)
	}
	return names, err
}

// Rename is [vfs.FS.Rename].
func (f FS) Rename(oldname, newname string) error {
	err := f.FS.Rename(oldname, newname)
	f.stop("make "+newname, err)
	return err
}

type directory struct {
	vfs.File
	name string
	fs   FS
}

// Sync is [vfs.File.Sync].
func (d directory) Sync() error {
	err := d.File.Sync()
	d.fs.stop("sync directory "+d.name, err)
	return err
}

// logFile is a log being written, by one goroutine at a time. Its first
// failure is the engine's to tell those who wait for the sync. After it the log
// is touched again only to be closed for another one.
type logFile struct {
	vfs.File
	name   string
	fs     FS
	atOnce bool // a failure is fatal at once: nobody waits to be told
	failed error
}

// again is called before what may fail, and note after it.
func (l *logFile) again() {
	if l.failed != nil { // a commit passes here twice: no text is made for nothing
		l.fs.stop("write "+l.name, l.failed)
	}
}

func (l *logFile) note(err error) error {
	if l.failed == nil && err != nil {
		l.failed = err
		first := err // a commit passes here: err itself must not move to the heap
		l.fs.failed.CompareAndSwap(nil, &first)
	}
	if l.atOnce {
		l.again()
	}
	return err
}

// Write is [vfs.File.Write].
func (l *logFile) Write(p []byte) (int, error) {
	l.again()
	n, err := l.File.Write(p)
	return n, l.note(err)
}

// Sync is [vfs.File.Sync].
func (l *logFile) Sync() error {
	l.again()
	return l.note(l.File.Sync())
}

// SyncData is [vfs.File.SyncData].
func (l *logFile) SyncData() error {
	l.again()
	return l.note(l.File.SyncData())
}

// SyncTo is [vfs.File.SyncTo].
func (l *logFile) SyncTo(length int64) (bool, error) {
	l.again()
	full, err := l.File.SyncTo(length)
	return full, l.note(err)
}

// Stat is [vfs.File.Stat]; it is asked for when a log begins where an old one
// lay.
func (l *logFile) Stat() (vfs.FileInfo, error) {
	info, err := l.File.Stat()
	l.fs.stop("look at "+l.name, err)
	return info, err
}

// Close is [vfs.File.Close].
func (l *logFile) Close() error {
	err := l.note(l.File.Close())
	l.again()
	return err
}
