package pebblestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

// A snapshot row is a cached state; docs/format.md draws it:
//
//	byte 0        form: 01
//	bytes 1..4    CRC32C (Castagnoli) over key, form and what follows, big endian
//	bytes 5..20   the key that says how the state was derived
//	bytes 21..    the state
const (
	snapshotForm     = 1
	snapshotChecksum = 1
	snapshotKeyAt    = 5
	snapshotState    = 21
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendSnapshotRow(dst, key []byte, s *storage.Snapshot) []byte {
	start := len(dst)
	dst = append(dst, snapshotForm, 0, 0, 0, 0)
	dst = append(dst, s.Key[:]...)
	dst = append(dst, s.State...)
	row := dst[start:]
	binary.BigEndian.PutUint32(row[snapshotChecksum:], snapshotSum(key, row))
	return dst
}

// parseSnapshotRow gives key and state, inside value.
func parseSnapshotRow(key, value []byte) (storage.SnapshotKey, []byte, error) {
	where := func() string { return fmt.Sprintf("the snapshot under key %x", key) }
	if len(value) < snapshotState {
		return storage.SnapshotKey{}, nil, &storage.CorruptionError{Where: where(), Detail: fmt.Sprintf("%d bytes are too few", len(value))}
	}
	if stated, actual := binary.BigEndian.Uint32(value[snapshotChecksum:]), snapshotSum(key, value); stated != actual {
		return storage.SnapshotKey{}, nil, &storage.CorruptionError{Where: where(), Detail: fmt.Sprintf("the checksum is %08x, but that of the bytes is %08x", stated, actual)}
	}
	if value[0] != snapshotForm {
		return storage.SnapshotKey{}, nil, &storage.CorruptionError{Where: where(), Detail: fmt.Sprintf("has the unknown form %d", value[0])}
	}
	return storage.SnapshotKey(value[snapshotKeyAt:snapshotState]), value[snapshotState:], nil
}

func snapshotSum(key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, value[:snapshotChecksum])
	return crc32.Update(sum, castagnoli, value[snapshotKeyAt:])
}

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
	if err := b.Set(key, appendSnapshotRow(nil, key, &s), nil); err != nil {
		return err
	}
	if err := d.thinSnapshots(b, row.Number, key); err != nil {
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
		found, state, err := parseSnapshotRow(it.Key(), it.Value())
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
	return d.pebble.DeleteRange(lower, upper, pebble.NoSync)
}
