package storagetest

import (
	"testing"

	"github.com/stet-db/stet/storage"
)

// Models opens models, a new one for each directory and the same again when it
// was closed. Nothing is written to the directory. The variants differ in how
// much the tail keeps.
func Models() Opener {
	last := map[string]*Model{}
	return func(_ testing.TB, dir string, variant int) storage.Store {
		m := last[dir]
		if m == nil {
			m = NewModelWith(ModelOptions{TailGroups: []int{64, 1, 3}[variant]})
		} else {
			m = m.Reopen()
		}
		last[dir] = m
		return m
	}
}
