package machine

import (
	"io/fs"
	"path/filepath"
)

// Tree is what a directory holds, with those below it.
type Tree struct {
	// Bytes are the sizes of the files, Files their number.
	Bytes int64
	Files int
}

// Size adds up the files of a directory whose names the function takes; nil:
// all. Files that come and go meanwhile are counted or not.
func Size(dir string, takes func(name string) bool) Tree {
	var t Tree
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // files come and go; the size is about right
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() && (takes == nil || takes(d.Name())) {
			t.Bytes += info.Size()
			t.Files++
		}
		return nil
	})
	return t
}
