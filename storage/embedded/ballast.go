package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"

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

// beforeOpening gives the ballast up when there is little other room for the
// engine to begin with. What is free then is still below the floor. It does not
// touch the directory otherwise.
func (b *ballast) beforeOpening(dir string) {
	usage, err := b.fs.GetDiskUsage(dir)
	if err == nil && usage.AvailBytes < 2*b.bytes && b.there() {
		b.giveUp(usage.AvailBytes)
	}
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

func (b *ballast) there() bool {
	_, err := b.fs.Stat(b.path)
	return err == nil
}

func (b *ballast) giveUp(free uint64) {
	err := b.fs.Remove(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return // somebody else did
	}
	if err != nil {
		b.logger.Error("the ballast could not be given up", "error", err)
		return
	}
	b.logger.Warn("the disk is full: the ballast was given up, so that the engine can go on", "free_bytes", free, "ballast_bytes", b.bytes)
}

// take allocates the blocks. Where others were faster it waits for the next
// look, and where the file system cannot there is none.
func (b *ballast) take() {
	err := b.allocate()
	if err == nil {
		return
	}
	_ = b.fs.Remove(b.path) // it may not even be there
	if !vfs.IsNoSpaceError(err) && !b.unable.Swap(true) {
		b.logger.Warn("there will be no ballast", "error", err)
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
