//go:build !linux

package machine

// FreeBytes is not known here: 0.
func FreeBytes(string) (int64, error) { return 0, nil }

// DiskOf is not known here.
func DiskOf(string) Disk { return Disk{} }

// WriteBack cannot be done here.
func WriteBack() {}

// DropFileCaches cannot be done here: false.
func DropFileCaches() bool { return false }
