package machine

import "golang.org/x/sys/unix"

// InMemory tells whether the file system of a directory keeps its files in
// memory only, so that nothing there outlives the machine, synced or not.
// What cannot be asked is taken for a disk.
func InMemory(dir string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return false
	}
	return s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC
}
