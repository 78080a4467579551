package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/sumfs"
)

// withSums compares the directory with its checksums and gives options whose
// file system keeps them from now on; see package sumfs. They must be closed.
func (o Options) withSums(dir string) (Options, error) {
	if o.NoFileSums {
		return o, sumfs.Discard(o.FS, dir)
	}
	logger := o.Logger
	sums, err := sumfs.Open(o.FS, dir, func(err error) {
		logger.Error("the checksums of log files are not kept", "error", err)
	})
	if err != nil {
		return o, fmt.Errorf("open store in %s: %w", dir, err)
	}
	o.sums, o.FS = sums, sums
	return o, nil
}

func (o Options) closeSums() error {
	if o.sums == nil {
		return nil
	}
	return o.sums.Close()
}

// checkSums compares the directory with its checksums.
func (o Options) checkSums(ctx context.Context, dir string) error {
	if o.NoFileSums {
		return nil
	}
	if err := sumfs.Check(ctx, o.FS, dir); err != nil {
		return fmt.Errorf("open store in %s: %w", dir, err)
	}
	return nil
}

// refused explains why the engine did not open an existing store. It has no
// name for the damage of a table that is missing or has another size, so those
// are looked for without it; nothing is changed.
func refused(dir string, o Options, lock *pebble.Lock, err error) error {
	if pebble.IsCorruptionError(err) {
		return damaged(dir, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &storage.CorruptionError{Where: dir, Detail: "a file is missing: " + err.Error()}
	}
	opts := o.pebbleOptions()
	opts.Lock, opts.ReadOnly, opts.ErrorIfNotExists, opts.DisableConsistencyCheck = lock, true, true, true
	db, again := pebble.Open(dir, opts)
	if again != nil {
		return err
	}
	found := checkTables(dir, o, db)
	if closed := db.Close(); found != nil || closed != nil {
		return errors.Join(found, closed)
	}
	return err
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
