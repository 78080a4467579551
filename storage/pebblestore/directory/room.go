package directory

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// roomToOpen is what opening writes beside the tables, and some more, in
// bytes.
const roomToOpen = 1 << 20

// CheckRoom refuses to open a store where the disk is too full for it. Opening writes
// what is in the logs into tables, and where that fails for want of space the
// engine tries again without end and without a word. A file system that cannot
// tell what is free is believed to have room.
//
// makeRoom, unless nil, is told before that what is free and what opening needs.
// When it made some room it returns true, and what is free is looked at again.
func CheckRoom(fsys vfs.FS, dir string, makeRoom func(free, needed uint64) bool) error {
	usage, err := fsys.GetDiskUsage(dir)
	if err != nil {
		return nil //nolint:nilerr // believed to have room
	}
	needed, err := needed(fsys, dir)
	if err != nil {
		return err
	}
	if makeRoom != nil && makeRoom(usage.AvailBytes, needed) {
		if usage, err = fsys.GetDiskUsage(dir); err != nil {
			return nil //nolint:nilerr // as above
		}
	}
	if usage.AvailBytes < needed {
		return fmt.Errorf("open store in %s: %d bytes of disk space are free and opening needs %d; make room", dir, usage.AvailBytes, needed)
	}
	return nil
}

// needed is the room that opening takes, in bytes.
func needed(fsys vfs.FS, dir string) (uint64, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return 0, fmt.Errorf("look into %s: %w", dir, err)
	}
	sum := uint64(roomToOpen)
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		info, err := fsys.Stat(fsys.PathJoin(dir, name))
		if err != nil {
			return 0, fmt.Errorf("look at %s in %s: %w", name, dir, err)
		}
		sum += uint64(info.Size())
	}
	return sum, nil
}
