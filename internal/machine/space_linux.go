package machine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// FreeBytes is the space that the file system of a directory has left for this
// user; 0: it is not known.
func FreeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look for free space at %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// DiskOf is the device that a directory lies on. File systems without one, in
// memory or above others, have none that is known.
func DiskOf(dir string) Disk {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return Disk{}
	}
	return diskAt(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(s.Dev), unix.Minor(s.Dev)))
}

// WriteBack has the machine write what is still to be written, so that it does
// not count for what comes next.
func WriteBack() { unix.Sync() }

// DropFileCaches has the machine forget what it read of files, after it has
// written what is still to be written, so that the next reading is a cold one.
// False: only root can.
func DropFileCaches() bool {
	WriteBack() // what is not on the disk yet cannot be forgotten
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0o200) == nil
}
