package rows

import (
	"encoding/binary"
	"fmt"

	"github.com/stet-db/stet/storage"
)

// Name is the value of a stream's name. It is written once, with the stream's
// first event, and hidden while First is above the head (I7):
//
//	stream number (8)  first position (8)
type Name struct {
	Number uint64
	First  storage.Position
}

const nameBytes = 16

// AppendName adds the value to dst.
func AppendName(dst []byte, r Name) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.Number)
	return binary.BigEndian.AppendUint64(dst, uint64(r.First))
}

// ParseName reads the value under a stream's name.
func ParseName(name string, value []byte) (Name, error) {
	if err := checkSize(value, nameBytes, "name of stream %q", name); err != nil {
		return Name{}, err
	}
	return Name{
		Number: binary.BigEndian.Uint64(value),
		First:  storage.Position(binary.BigEndian.Uint64(value[8:])),
	}, nil
}

// A request row is what the answer to a repeated request is rebuilt from (I5):
//
//	first position (8)  count (8)  expiry (8)  digest of the content (16)
const requestBytes = 40

// AppendRequest adds the value of a request row to dst.
func AppendRequest(dst []byte, r storage.RequestRow) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.First))
	dst = binary.BigEndian.AppendUint64(dst, r.Count)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Expiry))
	return append(dst, r.Content[:]...)
}

// ParseRequest reads the value under a request id.
func ParseRequest(id string, value []byte) (storage.RequestRow, error) {
	if err := checkSize(value, requestBytes, "request %q", id); err != nil {
		return storage.RequestRow{}, err
	}
	return storage.RequestRow{
		First:   storage.Position(binary.BigEndian.Uint64(value)),
		Count:   binary.BigEndian.Uint64(value[8:]),
		Expiry:  storage.Instant(binary.BigEndian.Uint64(value[16:])),
		Content: [16]byte(value[24:]),
	}, nil
}

// An index row leads from a stream's version to a position:
//
//	position (8)
const indexBytes = 8

// AppendIndex adds the value of an index row to dst.
func AppendIndex(dst []byte, p storage.Position) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(p))
}

// ParseIndex reads the value under a stream's number and a version.
func ParseIndex(value []byte, stream uint64, v storage.Version) (storage.Position, error) {
	if err := checkSize(value, indexBytes, "index of stream number %d, version %d", stream, v); err != nil {
		return 0, err
	}
	return storage.Position(binary.BigEndian.Uint64(value)), nil
}

// checkSize reports a value that has not the size its row must have.
func checkSize(value []byte, size int, where string, args ...any) error {
	if len(value) == size {
		return nil
	}
	return &storage.CorruptionError{Where: fmt.Sprintf(where, args...), Detail: fmt.Sprintf("has %d bytes, want %d", len(value), size)}
}
