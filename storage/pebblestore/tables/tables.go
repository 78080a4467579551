package tables

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

// Lister is an open store.
type Lister interface {
	// SSTables is [pebble.DB.SSTables].
	SSTables(opts ...pebble.SSTablesOption) ([][]pebble.SSTableInfo, error)
}

// Reader looks at the tables of one directory.
type Reader struct {
	FS  vfs.FS
	Dir string
	// Options are the engine's, from which it is known how tables are read.
	Options *pebble.Options
}

// CheckSizes compares the files with what the engine says it has written. What
// differs is a [storage.CorruptionError].
func (r Reader) CheckSizes(of Lister) error {
	return each(of, func(t pebble.SSTableInfo) error {
		path := r.path(t)
		info, err := r.FS.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &storage.CorruptionError{Where: path, Detail: "is missing"}
		case err != nil:
			return err
		case uint64(info.Size()) != t.Size && !t.Virtual:
			return &storage.CorruptionError{Where: path, Detail: fmt.Sprintf("has %d bytes, and %d were written", info.Size(), t.Size)}
		}
		return nil
	})
}

// CheckBlocks reads every block of every table, with its checksum, past the
// engine's cache. found is told the path and what is wrong, and gives back what
// ends the check.
func (r Reader) CheckBlocks(ctx context.Context, of Lister, p *Pace, found func(path string, err error) error) error {
	opts := *r.Options
	opts.FS = vfs.NewMem() // none is needed, and the engine wraps what it is given
	opts.EnsureDefaults()
	reading := opts.MakeReaderOptions()
	return each(of, func(t pebble.SSTableInfo) error {
		err := r.checkBlocks(ctx, r.path(t), reading, p)
		if err == nil || errors.Is(err, fs.ErrNotExist) && !uses(of, t) {
			return nil // or compacted meanwhile
		}
		return found(r.path(t), err)
	})
}

func (r Reader) checkBlocks(ctx context.Context, path string, o sstable.ReaderOptions, p *Pace) error {
	f, err := r.FS.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(&pacedFile{File: f, ctx: ctx, pace: p})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	table, err := sstable.NewReader(ctx, readable, o)
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(table.ValidateBlockChecksums(), table.Close())
}

func (r Reader) path(t pebble.SSTableInfo) string {
	return r.FS.PathJoin(r.Dir, fmt.Sprintf("%06d.sst", uint64(t.BackingSSTNum)))
}

func each(of Lister, do func(pebble.SSTableInfo) error) error {
	levels, err := of.SSTables()
	if err != nil {
		return err
	}
	for _, level := range levels {
		for _, t := range level {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// uses tells whether the store still has a table.
func uses(of Lister, t pebble.SSTableInfo) bool {
	found := false
	err := each(of, func(other pebble.SSTableInfo) error {
		found = found || other.BackingSSTNum == t.BackingSSTNum
		return nil
	})
	return found || err != nil
}

// pacedFile is read at a pace.
type pacedFile struct {
	vfs.File
	ctx  context.Context //nolint:containedctx // lives as long as one call
	pace *Pace
}

func (f *pacedFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.pace.Wait(f.ctx, len(b)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}
