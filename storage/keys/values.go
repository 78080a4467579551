package keys

import (
	"encoding/binary"
	"fmt"

	"github.com/stet-db/stet/storage"
)

// AppendPosition appends the value of an index key:
//
//	position (8)
func AppendPosition(dst []byte, p storage.Position) []byte { return appendNumber(dst, uint64(p)) }

// Position reads what [AppendPosition] wrote.
func Position(value []byte) (storage.Position, error) {
	if err := checkValue(value, numberBytes, "an index entry"); err != nil {
		return 0, err
	}
	return storage.Position(number(value)), nil
}

// StreamEntry is the value of a stream's name. It is written once, with the
// stream's first event, and is hidden while First is above the head
// (invariant I7).
type StreamEntry struct {
	// Number stands for the stream in the keys of its versions.
	Number uint64
	// First is the position of the first event.
	First storage.Position
}

// AppendStreamEntry appends the value of a name key:
//
//	stream number (8)  first position (8)
func AppendStreamEntry(dst []byte, e StreamEntry) []byte {
	return appendNumber(appendNumber(dst, e.Number), uint64(e.First))
}

// ParseStreamEntry reads what [AppendStreamEntry] wrote.
func ParseStreamEntry(value []byte) (StreamEntry, error) {
	if err := checkValue(value, 2*numberBytes, "a stream's entry"); err != nil {
		return StreamEntry{}, err
	}
	return StreamEntry{Number: number(value), First: storage.Position(number(value[numberBytes:]))}, nil
}

// RequestEntry is the value of a request id: what its answer is rebuilt from
// (invariant I5).
type RequestEntry struct {
	// First is the position of the append's first event.
	First storage.Position
	// Count is the number of its events.
	Count uint32
	// Content is the digest of what was asked for.
	Content [16]byte
	// Expiry is the time at which the id is forgotten.
	Expiry storage.Instant
}

// requestEntryBytes is the length of an encoded [RequestEntry].
const requestEntryBytes = 8 + 4 + 16 + 8

// AppendRequestEntry appends the value of a request key:
//
//	first position (8)  count (4)  digest (16)  expiry (8)
func AppendRequestEntry(dst []byte, e RequestEntry) []byte {
	dst = appendNumber(dst, uint64(e.First))
	dst = binary.BigEndian.AppendUint32(dst, e.Count)
	return appendInstant(append(dst, e.Content[:]...), e.Expiry)
}

// ParseRequestEntry reads what [AppendRequestEntry] wrote.
func ParseRequestEntry(value []byte) (RequestEntry, error) {
	if err := checkValue(value, requestEntryBytes, "a request id's entry"); err != nil {
		return RequestEntry{}, err
	}
	return RequestEntry{
		First:   storage.Position(number(value)),
		Count:   binary.BigEndian.Uint32(value[8:]),
		Content: [16]byte(value[12:28]),
		Expiry:  instant(value[28:]),
	}, nil
}

func checkValue(value []byte, size int, what string) error {
	if len(value) != size {
		return &storage.CorruptionError{Where: what, Detail: fmt.Sprintf("it has %d bytes instead of %d", len(value), size)}
	}
	return nil
}
