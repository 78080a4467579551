package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
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
		if found := errors.Join(checkTables(dir, o, db), db.Close()); found != nil {
			return found
		}
		return err
	}
	opts.FS = withoutOptions{o.FS}
	db, again := pebble.Open(dir, opts)
	if again != nil {
		return err
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

// checkTables compares the sizes of the tables with what the MANIFEST says.
func checkTables(dir string, o Options, db *pebble.DB) error {
	levels, err := db.SSTables()
	if err != nil {
		return err
	}
	for _, level := range levels {
		for _, t := range level {
			path := o.FS.PathJoin(dir, tableName(t))
			info, err := o.FS.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				return &storage.CorruptionError{Where: path, Detail: "is missing"}
			}
			if err != nil {
				return err
			}
			if uint64(info.Size()) != t.Size && !t.Virtual {
				return &storage.CorruptionError{Where: path, Detail: fmt.Sprintf("has %d bytes, and %d were written", info.Size(), t.Size)}
			}
		}
	}
	return nil
}

// tableName is the file of a table.
func tableName(t pebble.SSTableInfo) string {
	return fmt.Sprintf("%06d.sst", uint64(t.BackingSSTNum))
}
