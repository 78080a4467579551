package disktest

import "github.com/cockroachdb/pebble/v2/vfs"

// Clonable is a file system in memory, as [vfs.NewCrashableMem] makes it, that
// may be cloned while others use it. It recycles files in two steps: the file
// system itself takes a lock twice when it does it in one, and a clone between
// the two stops it for ever.
type Clonable struct{ *vfs.MemFS }

// ReuseForWrite is [vfs.FS.ReuseForWrite].
func (c Clonable) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := c.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return c.OpenReadWrite(newname, category)
}
