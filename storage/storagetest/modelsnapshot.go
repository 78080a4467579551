package storagetest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stet-db/stet/storage"
)

var _ storage.SnapshotCache = (*Model)(nil)

// PutSnapshot fulfils [storage.SnapshotCache].
func (m *Model) PutSnapshot(ctx context.Context, s storage.Snapshot) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch has := m.versionLocked(s.Stream); {
	case has == 0:
		return &storage.StreamNotFoundError{Stream: s.Stream}
	case s.Version == 0 || s.Version > has:
		return fmt.Errorf("keep snapshot of %q: it is of version %d, and the stream is at %d", s.Stream, s.Version, has)
	}
	if m.snapshots[s.Stream] == nil {
		m.snapshots[s.Stream] = map[storage.Version]storage.Snapshot{}
	}
	s.State = slices.Clone(s.State)
	kept := m.snapshots[s.Stream]
	kept[s.Version] = s
	if len(kept) > storage.SnapshotsPerStream {
		delete(kept, slices.Min(slices.Collect(maps.Keys(kept))))
	}
	return nil
}

// FindSnapshot fulfils [storage.SnapshotCache].
func (m *Model) FindSnapshot(ctx context.Context, q storage.SnapshotQuery) (storage.Snapshot, bool, error) {
	if err := ctx.Err(); err != nil {
		return storage.Snapshot{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var best storage.Snapshot
	for v, s := range m.snapshots[q.Stream] {
		if v <= q.NotAfter && v > best.Version && s.Key == q.Key {
			best = s
		}
	}
	best.State = slices.Clone(best.State)
	return best, best.Version > 0, nil
}

// DropSnapshots fulfils [storage.SnapshotCache].
func (m *Model) DropSnapshots(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.snapshots)
	return nil
}
