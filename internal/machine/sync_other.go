//go:build !linux

package machine

import "os"

// syncData makes a file's data durable.
func syncData(file *os.File) error { return file.Sync() }
