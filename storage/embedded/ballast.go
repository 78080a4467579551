package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ballastName is the file of the ballast, beside the engine's. It holds no
// data: whoever removes it loses nothing.
const ballastName = "stet-ballast"

// ballast is a file that takes up room on the disk, so that there is some to
// give to the engine when others have filled the disk: to finish what it is at,
// and to open a store after the process ended. What is true of it is on the
// disk alone, so each operation may be repeated, and come late.
type ballast struct {
	fs     vfs.FS
	path   string
	bytes  uint64 // 0: none
	floor  uint64 // free bytes that taking it must leave
	logger *slog.Logger
	unable atomic.Bool // the file system cannot allocate it

	// What fails is told once, until it succeeds.
	notTaken, notGiven atomic.Bool
}

// newBallast is a quarter of the floor: of the default one that is room for a
// new log and a table.
func newBallast(dir string, o Options) *ballast {
	fsys := o.FS
	if fsys == nil {
		fsys = vfs.Default
	}
	floor := uint64(max(o.DiskFloorBytes, 0))
	return &ballast{fs: fsys, path: fsys.PathJoin(dir, ballastName), bytes: floor / 4, floor: floor, logger: o.Logger}
}

// beforeOpening gives the ballast up when opening needs it, or would leave less
// than with which it is given up anyway, and tells whether it did. It may only
// be called behind the directory's lock: else the ballast is that of another
// process, which goes on.
func (b *ballast) beforeOpening(free, needed uint64) bool {
	return b.bytes > 0 && free < needed+b.bytes && b.there() && b.giveUp(free)
}

// opened makes sure that a ballast that is there has its blocks: a crash may
// have left its name only.
func (b *ballast) opened() {
	if b.bytes > 0 && b.there() {
		b.take()
	}
}

// adjust gives the ballast up when the disk is full but for less than it, and
// takes it again when that leaves appends their room.
func (b *ballast) adjust(free uint64) {
	switch {
	case b.bytes == 0 || b.unable.Load():
	case free < b.bytes && b.there():
		b.giveUp(free)
	case free >= b.floor+b.bytes && !b.there():
		b.take()
	}
}

// there tells whether the ballast may take up room: only a file that is known to
// be missing does not.
func (b *ballast) there() bool {
	_, err := b.fs.Stat(b.path)
	return !errors.Is(err, fs.ErrNotExist)
}

// giveUp tells whether there is more room now.
func (b *ballast) giveUp(free uint64) bool {
	err := b.fs.Remove(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false // somebody else did
	}
	if err != nil {
		if !b.notGiven.Swap(true) {
			b.logger.Error("the ballast could not be given up; it is tried again", "error", err)
		}
		return false
	}
	b.notGiven.Store(false)
	b.logger.Warn("the disk is full: the ballast was given up, so that the engine can go on", "free_bytes", free, "ballast_bytes", b.bytes)
	return true
}

// take allocates the blocks. Where others were faster, or the disk fails, it
// waits for the next look, and where the file system cannot there is none.
func (b *ballast) take() {
	err := b.allocate()
	if err == nil {
		b.notTaken.Store(false)
		return
	}
	_ = b.fs.Remove(b.path) // it may not even be there
	switch {
	case vfs.IsNoSpaceError(err):
	case errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL):
		b.unable.Store(true)
		b.logger.Warn("there will be no ballast", "error", err)
	case !b.notTaken.Swap(true):
		b.logger.Warn("the ballast could not be taken; it is tried again", "error", err)
	}
}

func (b *ballast) allocate() error {
	f, err := b.fs.Create(b.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("make %s: %w", b.path, err)
	}
	if err := errors.Join(f.Preallocate(0, int64(b.bytes)), f.Close()); err != nil {
		return fmt.Errorf("allocate %s: %w", b.path, err)
	}
	return nil
}
