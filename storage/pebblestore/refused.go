package pebblestore

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/tables"
)

// refused explains why the engine did not open an existing store. It has no
// type for the damage of a table that is missing or has another size, nor for
// that of its own notes of its options, so those are looked for by opening the
// store without the one and the other, changing nothing.
func refused(dir string, o Options, lock *pebble.Lock, err error) error {
	if pebble.IsCorruptionError(err) {
		return damaged(dir, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &storage.CorruptionError{Where: dir, Detail: "a file is missing: " + err.Error()}
	}
	opts := o.pebbleOptions()
	opts.Lock, opts.ReadOnly, opts.ErrorIfNotExists, opts.DisableConsistencyCheck = lock, true, true, true
	if db, again := pebble.Open(dir, opts); again == nil {
		if found := errors.Join(o.tables(dir).CheckSizes(db), db.Close()); found != nil {
			return found
		}
		return unopened(dir, err)
	}
	opts.FS = withoutOptions{o.FS}
	db, again := pebble.Open(dir, opts)
	if again != nil {
		return unopened(dir, err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	return &storage.CorruptionError{
		Where:  o.FS.PathJoin(dir, optionsPrefix+"*"),
		Detail: err.Error() + "; the newest of these files is damaged and holds no data: move it away, and another one is written",
	}
}

const optionsPrefix = "OPTIONS-"

// withoutOptions hides the engine's notes of its options.
type withoutOptions struct{ vfs.FS }

func (w withoutOptions) List(dir string) ([]string, error) {
	names, err := w.FS.List(dir)
	kept := names[:0]
	for _, name := range names {
		if !strings.HasPrefix(name, optionsPrefix) {
			kept = append(kept, name)
		}
	}
	return kept, err
}

// tables looks at the tables of a store past the engine.
func (o Options) tables(dir string) tables.Reader {
	return tables.Reader{FS: o.FS, Dir: dir, Options: o.pebbleOptions()}
}
