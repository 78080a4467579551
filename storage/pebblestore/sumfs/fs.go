package sumfs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage/pebblestore/directory"
)

// FS is the file system of one open directory. It is safe for concurrent use;
// each file is written by one goroutine at a time, as [vfs.File] demands.
//
// Names outside the directory, and files that are neither log nor MANIFEST,
// pass through.
type FS struct {
	vfs.FS
	dir    string
	report func(error)

	// sidecar and what follows up to full belong to whoever has set mu.busy.
	sidecar vfs.File // nil: given up, see [FS.abandon]
	buf     []byte
	next    slot // reused by [FS.state], with newest
	newest  []*file
	failing bool   // the last write failed, which was reported
	full    bool   // not all files fit, which was reported
	opened  uint64 // the sequence number found; immutable

	idle sync.Cond // with mu: busy is false
	mu   struct {
		sync.Mutex
		files    map[string]*file
		made     int               // files made so far: their order
		markers  map[string]uint64 // durable iterations
		moved    map[string]uint64 // iterations whose names are not durable yet
		sequence uint64            // of the slot written last
		busy     bool              // somebody writes the sidecar
		again    bool              // the state changed meanwhile
		stale    bool              // given up, and perhaps still on the disk
	}
}

// file is what is known of one file; guarded by [FS.mu].
type file struct {
	name    string
	order   int
	named   bool // its name is durable
	covered int64
	sum     uint32
}

// Open begins to keep a directory's checksums, in a new file when there is none
// that is usable. The directory must be there, and locked since [Check] found no
// damage: that reads every log, which is not done twice. report gets what goes
// wrong with the checksums themselves; it must not block.
func Open(fsys vfs.FS, dir string, report func(error)) (*FS, error) {
	s, ok, err := load(fsys, dir)
	if err == nil && !ok {
		err = create(fsys, dir, &s)
	}
	if err != nil {
		return nil, err
	}
	f := &FS{FS: fsys, dir: fsys.PathDir(fsys.PathJoin(dir, Name)), report: report}
	f.sidecar, err = fsys.OpenReadWrite(fsys.PathJoin(dir, Name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("open checksums of %s: %w", dir, err)
	}
	f.idle.L = &f.mu
	f.opened, f.mu.sequence = s.sequence, s.sequence
	f.mu.markers, f.mu.moved = make(map[string]uint64), make(map[string]uint64)
	for _, m := range s.markers {
		f.mu.markers[m.name] = m.iteration
	}
	f.mu.files = make(map[string]*file)
	for i, e := range s.files {
		f.mu.files[e.name] = &file{name: e.name, order: -i, named: true, covered: e.covered, sum: e.sum}
	}
	return f, nil
}

// Discard removes a directory's checksums. It is for those who are about to
// write without keeping them.
func Discard(fsys vfs.FS, dir string) error {
	err := fsys.Remove(fsys.PathJoin(dir, Name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("discard checksums of %s: %w", dir, err)
	}
	return directory.Sync(fsys, dir)
}

// Close makes what was written durable; where nothing was, the directory stays
// as it is. All files must be closed.
func (f *FS) Close() error {
	f.acquire()
	defer f.release()
	if f.sidecar == nil {
		return nil
	}
	var err error
	if f.failing {
		err = f.writeSlot()
	}
	if f.mu.sequence != f.opened {
		err = errors.Join(err, f.sidecar.Sync())
	}
	err = errors.Join(err, f.sidecar.Close())
	f.sidecar = nil
	if err != nil {
		return fmt.Errorf("close checksums of %s: %w", f.dir, err)
	}
	return nil
}

// ForgetAllLogsButNewest takes the checksums of all logs but the one made last
// out of both slots, durably. It is for those who know that no other log is
// needed any more, also after a cut of the power. The files stay.
func (f *FS) ForgetAllLogsButNewest() error {
	f.mu.Lock()
	var logs []*file
	for _, e := range f.mu.files {
		if strings.HasSuffix(e.name, ".log") {
			logs = append(logs, e)
		}
	}
	f.mu.Unlock()
	slices.SortFunc(logs, func(a, b *file) int { return cmp.Compare(a.order, b.order) })
	var names []string
	for i := range len(logs) - 1 {
		names = append(names, logs[i].name)
	}
	return f.drop(names...)
}

// Create is [vfs.FS.Create].
func (f *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	base, ours := f.ours(name)
	if !ours {
		return f.FS.Create(name, category)
	}
	if marker, ok := parseMarker(base); ok {
		return f.createMarker(name, category, marker)
	}
	if !isSummed(base) {
		return f.FS.Create(name, category)
	}
	if err := f.drop(base); err != nil {
		return nil, err
	}
	created, err := f.FS.Create(name, category)
	return f.summed(base, created, err)
}

// createMarker makes what the marker names durable before it: the engine syncs
// the directory only after both, and nothing says which of two new names a cut
// leaves.
func (f *FS) createMarker(name string, category vfs.DiskWriteCategory, marker markerEntry) (vfs.File, error) {
	if err := f.syncNames(); err != nil {
		return nil, err
	}
	created, err := f.FS.Create(name, category)
	if err == nil {
		f.mu.Lock()
		f.mu.moved[marker.name] = max(f.mu.moved[marker.name], marker.iteration)
		f.mu.Unlock()
	}
	return created, err
}

func (f *FS) syncNames() error {
	dir, err := f.OpenDir(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ReuseForWrite is [vfs.FS.ReuseForWrite]: the new file begins where the old
// one lies, and is covered as far as it is written over.
func (f *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.drop(f.base(oldname), f.base(newname)); err != nil {
		return nil, err
	}
	reused, err := f.FS.ReuseForWrite(oldname, newname, category)
	base, ours := f.ours(newname)
	if !ours || !isSummed(base) {
		return reused, err
	}
	return f.summed(base, reused, err)
}

// OpenReadWrite is [vfs.FS.OpenReadWrite]; it refuses files that are summed,
// which are written from their beginning on.
func (f *FS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if base, ours := f.ours(name); ours && isSummed(base) {
		return nil, fmt.Errorf("open %s: %w", name, errNotInSequence)
	}
	return f.FS.OpenReadWrite(name, category, opts...)
}

// OpenDir is [vfs.FS.OpenDir]; a sync makes the names of new files durable.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil || f.PathJoin(name, Name) != f.PathJoin(f.dir, Name) {
		return dir, err
	}
	return &summedDir{File: dir, fs: f}, nil
}

// Remove is [vfs.FS.Remove]. A marker goes only when what replaces it is durable.
func (f *FS) Remove(name string) error {
	base := f.base(name)
	if _, ok := parseMarker(base); ok {
		if err := f.syncNames(); err != nil {
			return err
		}
	}
	if err := f.drop(base); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// Rename is [vfs.FS.Rename].
func (f *FS) Rename(oldname, newname string) error {
	if err := f.drop(f.base(oldname), f.base(newname)); err != nil {
		return err
	}
	return f.FS.Rename(oldname, newname)
}

// Unwrap is [vfs.FS.Unwrap].
func (f *FS) Unwrap() vfs.FS { return f.FS }

// ours splits the name of a file in the directory.
func (f *FS) ours(name string) (base string, ours bool) {
	return f.PathBase(name), f.PathDir(name) == f.dir
}

// base is the name of a file in the directory; empty for one elsewhere.
func (f *FS) base(name string) string {
	if base, ours := f.ours(name); ours {
		return base
	}
	return ""
}

// isSummed tells which files are kept checksums of.
func isSummed(base string) bool {
	return len(base) <= 255 && (strings.HasSuffix(base, ".log") || strings.HasPrefix(base, "MANIFEST-"))
}

// summed begins to sum a file that was just made and is written from its
// beginning on.
func (f *FS) summed(base string, made vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.made++
	e := &file{name: base, order: f.mu.made}
	f.mu.files[base] = e
	return &summedFile{File: made, fs: f, file: e}, nil
}
