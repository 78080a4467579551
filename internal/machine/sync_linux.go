package machine

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes a file's data durable, as the store's log does.
func syncData(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }
