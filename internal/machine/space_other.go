//go:build !linux

package machine

// FreeBytes is not known here: 0.
func FreeBytes(string) (int64, error) { return 0, nil }

// DropFileCaches cannot be done here: false.
func DropFileCaches() bool { return false }
