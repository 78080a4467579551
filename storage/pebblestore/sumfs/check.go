package sumfs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

// whatToDo ends each report of damage.
const whatToDo = `nothing was changed; restore a backup (docs/operations.md, "Damage")`

// Check compares a directory that no process has open with its checksums, and
// changes nothing. Damage is a [storage.CorruptionError]. A directory without
// usable checksums passes: there is nothing to compare with.
func Check(ctx context.Context, fsys vfs.FS, dir string) error {
	s, ok, err := load(fsys, dir)
	if err != nil || !ok {
		return err
	}
	return s.check(ctx, fsys, dir)
}

// load reads the newer valid slot; ok tells that there is one.
func load(fsys vfs.FS, dir string) (newest slot, ok bool, err error) {
	f, err := fsys.Open(fsys.PathJoin(dir, Name))
	if errors.Is(err, fs.ErrNotExist) {
		return slot{}, false, nil
	}
	if err != nil {
		return slot{}, false, fmt.Errorf("read checksums of %s: %w", dir, err)
	}
	buf := make([]byte, 2*slotBytes)
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // what is missing is not valid
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return slot{}, false, fmt.Errorf("read checksums of %s: %w", dir, err)
	}
	for at := 0; at < n; at += slotBytes {
		s, err := parseSlot(buf[at:min(at+slotBytes, n)])
		if err == nil && (!ok || s.sequence > newest.sequence) {
			newest, ok = s, true
		}
	}
	return newest, ok, nil
}

func (s *slot) check(ctx context.Context, fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return fmt.Errorf("check %s: %w", dir, err)
	}
	for _, m := range s.markers {
		if err := m.check(fsys, dir, names); err != nil {
			return err
		}
	}
	for _, e := range s.files {
		if err := e.check(ctx, fsys, dir, noPace); err != nil {
			return err
		}
	}
	return nil
}

// check finds that a marker went back or was lost: the engine would begin
// somewhere else, or anew.
func (m markerEntry) check(fsys vfs.FS, dir string, names []string) error {
	found := uint64(0)
	for _, name := range names {
		if other, ok := parseMarker(name); ok && other.name == m.name {
			found = max(found, other.iteration)
		}
	}
	if found >= m.iteration {
		return nil
	}
	detail := "is missing"
	if found > 0 {
		detail = fmt.Sprintf("is at iteration %d and was at %d", found, m.iteration)
	}
	return &storage.CorruptionError{Where: fsys.PathJoin(dir, markerPrefix+m.name), Detail: detail + "; " + whatToDo}
}

const markerPrefix = "marker."

// parseMarker reads the name of a marker's file: marker.<name>.<iteration>.<value>.
func parseMarker(file string) (markerEntry, bool) {
	parts := strings.SplitN(file, ".", 4)
	if len(parts) != 4 || parts[0]+"." != markerPrefix {
		return markerEntry{}, false
	}
	iteration, err := strconv.ParseUint(parts[2], 10, 64)
	return markerEntry{parts[1], iteration}, err == nil
}

// Pace is called before the given number of bytes is read, and may wait.
type Pace func(ctx context.Context, bytes int) error

func noPace(ctx context.Context, _ int) error { return ctx.Err() }

// check compares a file with its entry.
func (e fileEntry) check(ctx context.Context, fsys vfs.FS, dir string, pace Pace) error {
	path := fsys.PathJoin(dir, e.name)
	damage := func(format string, args ...any) error {
		return &storage.CorruptionError{Where: path, Detail: fmt.Sprintf(format, args...) + "; " + whatToDo}
	}
	f, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damage("is missing; bytes 0 to %d of it were durable", e.covered)
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	sum, n, err := sumOf(ctx, f, e.covered, pace)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	switch {
	case n < e.covered:
		return damage("has %d bytes; bytes 0 to %d of it were durable", n, e.covered)
	case sum != e.sum:
		return damage("bytes 0 to %d have checksum %08x, and it was %08x when they were written", e.covered, sum, e.sum)
	}
	return nil
}

// checkChunk is how much is read at a time.
const checkChunk = 256 << 10

// sumOf sums the first bytes of a file; n is how many there are, at most limit.
func sumOf(ctx context.Context, f io.ReaderAt, limit int64, pace Pace) (sum uint32, n int64, err error) {
	buf := make([]byte, min(limit, checkChunk))
	for n < limit {
		want := buf[:min(limit-n, checkChunk)]
		if err := pace(ctx, len(want)); err != nil {
			return 0, n, err
		}
		got, err := f.ReadAt(want, n)
		sum = crc32.Update(sum, castagnoli, want[:got])
		n += int64(got)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, n, err
		}
	}
	return sum, n, nil
}
