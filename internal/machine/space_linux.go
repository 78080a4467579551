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

// DropFileCaches has the machine forget what it read of files, after it has
// written what is still to be written, so that the next reading is a cold one.
// False: only root can.
func DropFileCaches() bool {
	unix.Sync() // what is not on the disk yet cannot be forgotten
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0o200) == nil
}
