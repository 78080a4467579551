package pebblestore

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// PutSnapshot keeps a snapshot without waiting for the disk, and forgets those
// of the lowest versions where the stream has too many. The stream must be
// durable up to the snapshot's version: numbers of streams that a power cut
// takes back are given anew, and a snapshot must not be taken for theirs.
func (d *DB) PutSnapshot(s storage.Snapshot) (err error) {
	row, ok, err := d.name(s.Stream)
	if err != nil {
		return err
	}
	if !ok {
		return &storage.StreamNotFoundError{Stream: s.Stream}
	}
	b := d.pebble.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	key := keys.AppendSnapshot(nil, row.Number, s.Version)
	if err := b.Set(key, rows.AppendSnapshot(nil, key, &s), nil); err != nil {
		return err
	}
	if err := d.thinSnapshots(b, row.Number, key); err != nil {
		return err
	}
	if err := d.disk.LogFailed(); err != nil {
		return err
	}
	return b.Commit(pebble.NoSync)
}

// thinSnapshots makes room for one more snapshot of the stream.
func (d *DB) thinSnapshots(b *pebble.Batch, stream uint64, added []byte) error {
	it, err := d.iter(keys.StreamSnapshotBounds(stream))
	if err != nil {
		return err
	}
	var others [][]byte // lowest version first; few more than allowed at most
	for ok := it.First(); ok; ok = it.Next() {
		if !bytes.Equal(it.Key(), added) { // takes its own place
			others = append(others, slices.Clone(it.Key()))
		}
	}
	for i := range len(others) + 1 - storage.SnapshotsPerStream {
		if err := b.Delete(others[i], nil); err != nil {
			return d.closeIter(it, err)
		}
	}
	return d.closeIter(it, nil)
}

// FindSnapshot gives the newest snapshot that the query allows. The stream must
// be visible at the head.
func (d *DB) FindSnapshot(q storage.SnapshotQuery, head storage.Position) (storage.Snapshot, bool, error) {
	row, ok, err := d.name(q.Stream)
	if err != nil || !ok || row.First > head {
		return storage.Snapshot{}, false, err
	}
	lower, _ := keys.StreamSnapshotBounds(row.Number)
	upper := append(keys.AppendSnapshot(nil, row.Number, q.NotAfter), 0) // behind NotAfter's own
	it, err := d.iter(lower, upper)
	if err != nil {
		return storage.Snapshot{}, false, err
	}
	for ok := it.Last(); ok; ok = it.Prev() {
		found, state, err := rows.ParseSnapshot(it.Key(), it.Value())
		if err != nil {
			// A cache that is damaged is a cache that has forgotten.
			d.opts.Logger.Warn("a damaged snapshot is ignored", slog.String("stream", q.Stream), slog.Any("error", err))
			continue
		}
		if found != q.Key {
			continue
		}
		_, v, err := keys.Snapshot(it.Key())
		if err != nil {
			return storage.Snapshot{}, false, d.closeIter(it, err)
		}
		out := storage.Snapshot{Stream: q.Stream, Version: v, Key: found, State: slices.Clone(state)}
		return out, true, d.closeIter(it, nil)
	}
	return storage.Snapshot{}, false, d.closeIter(it, nil)
}

// DropSnapshots forgets all snapshots. It does not wait for the disk: after a
// power cut some may be there again, which changes no answer.
func (d *DB) DropSnapshots() error {
	lower, upper := keys.SnapshotBounds()
	if err := d.disk.LogFailed(); err != nil {
		return err
	}
	return d.pebble.DeleteRange(lower, upper, pebble.NoSync)
}
