package rows

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/stet-db/stet/storage"
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

// AppendSnapshot adds the row of a state to dst. The checksum also covers the key.
func AppendSnapshot(dst, key []byte, s *storage.Snapshot) []byte {
	start := len(dst)
	dst = append(dst, snapshotForm, 0, 0, 0, 0)
	dst = append(dst, s.Key[:]...)
	dst = append(dst, s.State...)
	row := dst[start:]
	binary.BigEndian.PutUint32(row[snapshotChecksum:], snapshotSum(key, row))
	return dst
}

// ParseSnapshot gives the key of the rules and the state, inside value.
func ParseSnapshot(key, value []byte) (storage.SnapshotKey, []byte, error) {
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
