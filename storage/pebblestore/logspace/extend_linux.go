package logspace

import "syscall"

// extend gives a file that ends at the offset so many more bytes, which read as
// zeros, and their blocks.
func extend(fd uintptr, offset, bytes int64) error {
	return syscall.Fallocate(int(fd), 0, offset, bytes)
}
