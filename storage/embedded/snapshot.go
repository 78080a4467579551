package embedded

import (
	"context"
	"fmt"

	"github.com/stet-db/stet/storage"
)

var _ storage.SnapshotCache = (*Store)(nil)

// PutSnapshot is [storage.SnapshotCache.PutSnapshot]. Nothing is cached while
// the disk has too little room, nor after a failed commit: writing more could
// make durable what callers were told is unknown.
func (s *Store) PutSnapshot(ctx context.Context, snapshot storage.Snapshot) error {
	if err := s.writable(ctx); err != nil {
		return fmt.Errorf("keep snapshot of %q: %w", snapshot.Stream, err)
	}
	info, err := s.db.StreamInfo(snapshot.Stream, s.Head())
	if err != nil {
		return fmt.Errorf("keep snapshot: %w", err)
	}
	if snapshot.Version == 0 || snapshot.Version > info.Version {
		return fmt.Errorf("keep snapshot of %q: it is of version %d, and the stream is at %d", snapshot.Stream, snapshot.Version, info.Version)
	}
	return s.db.PutSnapshot(snapshot)
}

// FindSnapshot is [storage.SnapshotCache.FindSnapshot].
func (s *Store) FindSnapshot(ctx context.Context, q storage.SnapshotQuery) (storage.Snapshot, bool, error) {
	if err := ctx.Err(); err != nil {
		return storage.Snapshot{}, false, err
	}
	return s.db.FindSnapshot(q, s.Head())
}

// DropSnapshots is [storage.SnapshotCache.DropSnapshots].
func (s *Store) DropSnapshots(ctx context.Context) error {
	if err := s.seq.Failure(); err != nil {
		return fmt.Errorf("drop snapshots: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.db.DropSnapshots()
}

func (s *Store) writable(ctx context.Context) error {
	if err := s.seq.Failure(); err != nil {
		return err
	}
	if err := s.floor.check(); err != nil {
		return err
	}
	return ctx.Err()
}
