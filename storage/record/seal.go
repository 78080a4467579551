package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
)

// formPlain is the form of an event stored as it is. Other numbers are kept for
// events that were removed, encrypted or archived.
const formPlain = 1

// Where the parts of a sealed value are.
const (
	sealChecksum = 1
	sealBody     = 5
)

// SealedSize is the number of bytes that [AppendSealed] appends for the event.
func SealedSize(wire []byte) int { return sealBody + len(wire) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendSealed appends the value under which a stored event lies at its key:
//
//	byte 0       form: 01 = plain
//	bytes 1..4   CRC32C (Castagnoli) over key, form and body, big endian
//	bytes 5..    body: the event, as [AppendRecorded] made it
//
// The key is in the checksum, so that an event found under another key is
// noticed. Every form keeps its checksum at the same place.
func AppendSealed(dst, key, wire []byte) []byte {
	start := len(dst)
	dst = append(dst, formPlain, 0, 0, 0, 0)
	dst = append(dst, wire...)
	value := dst[start:]
	binary.BigEndian.PutUint32(value[sealChecksum:], checksum(key, value))
	return dst
}

// Unseal gives the event of a sealed value, inside it. Any change of key or
// value by a bit or a cut is a [*storage.CorruptionError] (invariant I9); a form
// of a newer release, whose checksum is right, a [*storage.UnknownFormError].
func Unseal(key, value []byte) (wire []byte, err error) {
	if len(value) <= sealBody {
		return nil, &storage.CorruptionError{Where: where(key), Detail: fmt.Sprintf("%d bytes are too few for an event", len(value))}
	}
	stated, actual := binary.BigEndian.Uint32(value[sealChecksum:]), checksum(key, value)
	if stated != actual && !mutant.On(mutant.ChecksumUnchecked) {
		return nil, &storage.CorruptionError{Where: where(key), Detail: fmt.Sprintf("the checksum is %08x, but that of the bytes is %08x", stated, actual)}
	}
	if form := value[0]; form != formPlain {
		return nil, &storage.UnknownFormError{Position: positionIn(key), Form: form}
	}
	return value[sealBody:], nil
}

// checksum reads the form from the value, not from a byte of its own, which
// would have to be allocated.
func checksum(key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, value[:sealChecksum])
	return crc32.Update(sum, castagnoli, value[sealBody:])
}

// where names the event that belongs under the key.
func where(key []byte) string {
	if p := positionIn(key); p != 0 {
		return fmt.Sprintf("the event at position %d", p)
	}
	return fmt.Sprintf("the event under key %x", key)
}

// positionIn is the position that an event's key ends with; 0 for another key.
func positionIn(key []byte) storage.Position {
	const prefix, size = 1, 9
	if len(key) != size {
		return 0
	}
	return storage.Position(binary.BigEndian.Uint64(key[prefix:]))
}
