package sumfs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage/pebblestore/directory"
)

// create makes the file with what s says in both slots, durably.
func create(fsys vfs.FS, dir string, s *slot) error {
	b := make([]byte, 0, 2*slotBytes)
	for i := range 2 {
		s.sequence = uint64(2 + i)
		b, _ = s.append(b)
		b = append(b, make([]byte, (i+1)*slotBytes-len(b))...)
	}
	f, err := fsys.Create(fsys.PathJoin(dir, Name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create checksums of %s: %w", dir, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("create checksums of %s: %w", dir, err)
	}
	return directory.Sync(fsys, dir)
}

// cover notes that a file is durable up to there.
func (f *FS) cover(e *file, covered int64, sum uint32) {
	f.mu.Lock()
	current := f.mu.files[e.name] == e // else it was renamed or removed meanwhile
	if current && covered > e.covered {
		e.covered, e.sum = covered, sum
	}
	tell := current && e.named
	f.mu.Unlock()
	if tell {
		f.write()
	}
}

// unnamed are the files and markers whose names the next sync of the directory
// makes durable.
func (f *FS) unnamed() ([]*file, map[string]uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var files []*file
	for _, e := range f.mu.files {
		if !e.named {
			files = append(files, e)
		}
	}
	return files, maps.Clone(f.mu.moved)
}

// name notes that a sync of the directory has made names durable.
func (f *FS) name(files []*file, moved map[string]uint64) {
	if len(files) == 0 && len(moved) == 0 {
		return
	}
	f.mu.Lock()
	for _, e := range files {
		e.named = true
	}
	for name, iteration := range moved {
		f.mu.markers[name] = max(f.mu.markers[name], iteration)
		if f.mu.moved[name] == iteration {
			delete(f.mu.moved, name)
		}
	}
	f.mu.Unlock()
	f.write()
}

// write writes the state into the older slot, without a sync. It never waits
// for another who is at it, but leaves him the rest: a commit must not wait for
// the sync of a [FS.drop].
func (f *FS) write() {
	f.mu.Lock()
	if f.mu.busy {
		f.mu.again = true
		f.mu.Unlock()
		return
	}
	f.mu.busy, f.mu.again = true, true
	f.mu.Unlock()
	f.release()
}

// acquire waits until the sidecar is nobody's and takes it.
func (f *FS) acquire() {
	f.mu.Lock()
	for f.mu.busy {
		f.idle.Wait()
	}
	f.mu.busy = true
	f.mu.Unlock()
}

// release gives the sidecar back, after writing what changed meanwhile.
func (f *FS) release() {
	f.mu.Lock()
	for f.mu.again {
		f.mu.again = false
		f.mu.Unlock()
		err := f.writeSlot()
		if err != nil && !f.failing {
			// The other slot is whole: what is new is not covered, no more.
			f.report(fmt.Errorf("write checksums of %s: %w", f.dir, err))
		}
		f.failing = err != nil
		f.mu.Lock()
	}
	f.mu.busy = false
	f.idle.Broadcast()
	f.mu.Unlock()
}

// drop forgets files that are about to be removed, renamed or written anew, and
// returns when no slot has them any more, durably: a cut after it must not find
// them noted and changed.
func (f *FS) drop(bases ...string) error {
	if !slices.ContainsFunc(bases, isSummed) {
		return nil
	}
	f.mu.Lock()
	found := f.mu.stale
	for _, base := range bases {
		e := f.mu.files[base]
		found = found || e != nil && e.covered > 0
		delete(f.mu.files, base)
	}
	f.mu.Unlock()
	if !found {
		return nil
	}
	f.acquire()
	defer f.release()
	if f.sidecar == nil {
		return f.discard()
	}
	err := f.writeSlot()
	if err == nil {
		err = f.writeSlot() // the other one
	}
	if err == nil {
		err = f.sidecar.SyncData()
	}
	if err == nil {
		return nil
	}
	return f.abandon(err)
}

// abandon gives the checksums up: they cannot be brought up to date, and old
// ones would report damage where there is none. Deleting files has to go on, on
// a full disk above all.
func (f *FS) abandon(cause error) error {
	cause = errors.Join(cause, f.sidecar.Close())
	f.sidecar = nil
	f.mu.Lock()
	f.mu.stale = true
	f.mu.Unlock()
	if err := f.discard(); err != nil {
		return errors.Join(cause, err)
	}
	f.report(fmt.Errorf("checksums of %s were given up until it is opened again: %w", f.dir, cause))
	return nil
}

// discard deletes checksums that were given up, if they are still there. Until
// that has succeeded no file may go. The caller has the sidecar.
func (f *FS) discard() error {
	f.mu.Lock()
	stale := f.mu.stale
	f.mu.Unlock()
	if !stale {
		return nil
	}
	if err := Discard(f.FS, f.dir); err != nil {
		return err
	}
	f.mu.Lock()
	f.mu.stale = false
	f.mu.Unlock()
	return nil
}

// writeSlot writes the state into the older slot. The caller has the sidecar.
func (f *FS) writeSlot() error {
	if f.sidecar == nil {
		return nil
	}
	s := f.state()
	var left int
	f.buf, left = s.append(f.buf[:0])
	if _, err := f.sidecar.WriteAt(f.buf, int64(s.sequence%2)*slotBytes); err != nil {
		return err // the same slot is tried next time
	}
	f.mu.Lock()
	f.mu.sequence = s.sequence
	f.mu.Unlock()
	if left > 0 && !f.full {
		f.report(fmt.Errorf("checksums of %s: %d old files do not fit and are not covered", f.dir, left))
	}
	f.full = left > 0
	return nil
}

// state is what the next slot says, the newest files first. It is valid until
// the next call, and so on every commit's way that it allocates nothing. The
// caller has the sidecar.
func (f *FS) state() *slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.next
	s.sequence, s.markers, s.files = f.mu.sequence+1, s.markers[:0], s.files[:0]
	for name, iteration := range f.mu.markers {
		s.markers = append(s.markers, markerEntry{name, iteration})
	}
	slices.SortFunc(s.markers, func(a, b markerEntry) int { return cmp.Compare(a.name, b.name) })
	f.newest = f.newest[:0]
	for _, e := range f.mu.files {
		if e.named && e.covered > 0 {
			f.newest = append(f.newest, e)
		}
	}
	slices.SortFunc(f.newest, func(a, b *file) int { return cmp.Compare(b.order, a.order) })
	for _, e := range f.newest {
		s.files = append(s.files, fileEntry{e.name, e.covered, e.sum})
	}
	return s
}
