package sumfs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

// Seal writes the checksums of a directory that is complete and at rest, as a
// backup is: all of each file is covered. Everything in it must be durable.
func Seal(ctx context.Context, fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return fmt.Errorf("seal %s: %w", dir, err)
	}
	slices.Sort(names)
	var s slot
	for _, name := range names {
		if m, ok := parseMarker(name); ok {
			s.markers = append(s.markers, m)
		}
		if !isSummed(name) {
			continue
		}
		e, err := wholeFile(ctx, fsys, dir, name)
		if err != nil {
			return fmt.Errorf("seal %s: %w", dir, err)
		}
		if e.covered > 0 {
			s.files = append(s.files, e)
		}
	}
	return create(fsys, dir, &s)
}

func wholeFile(ctx context.Context, fsys vfs.FS, dir, name string) (fileEntry, error) {
	f, err := fsys.Open(fsys.PathJoin(dir, name))
	if err != nil {
		return fileEntry{}, err
	}
	sum, n, err := sumOf(ctx, f, math.MaxInt64, noPace)
	return fileEntry{name, n, sum}, errors.Join(err, f.Close())
}

// Scrub reads what is covered of the present files, at the given pace, and
// reports what differs from what was written. An error means that it could not
// be done.
func (f *FS) Scrub(ctx context.Context, pace Pace, damaged func(storage.CorruptionError)) error {
	f.mu.Lock()
	entries := make(map[*file]fileEntry, len(f.mu.files))
	for name, e := range f.mu.files {
		if e.covered > 0 {
			entries[e] = fileEntry{name, e.covered, e.sum}
		}
	}
	f.mu.Unlock()
	for e, entry := range entries {
		err := entry.check(ctx, f.FS, f.dir, pace)
		f.mu.Lock()
		current := f.mu.files[entry.name] == e
		f.mu.Unlock()
		var corrupt *storage.CorruptionError
		switch {
		case err == nil || !current && ctx.Err() == nil: // removed or reused meanwhile
		case errors.As(err, &corrupt):
			damaged(*corrupt)
		default:
			return err
		}
	}
	return nil
}
