package pebblestore

import (
	"encoding/binary"
	"fmt"

	"github.com/stet-db/stet/storage"
)

// The values of the rows that are no events. docs/format.md draws them.

// nameRow is the value of a stream's name. It is written once, with the
// stream's first event, and hidden while First is above the head (I7):
//
//	stream number (8)  first position (8)
type nameRow struct {
	Number uint64
	First  storage.Position
}

const nameRowBytes = 16

func appendNameRow(dst []byte, r nameRow) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.Number)
	return binary.BigEndian.AppendUint64(dst, uint64(r.First))
}

func parseNameRow(name string, value []byte) (nameRow, error) {
	if err := checkSize(value, nameRowBytes, "name of stream %q", name); err != nil {
		return nameRow{}, err
	}
	return nameRow{
		Number: binary.BigEndian.Uint64(value),
		First:  storage.Position(binary.BigEndian.Uint64(value[8:])),
	}, nil
}

// A request row is what the answer to a repeated request is rebuilt from (I5):
//
//	first position (8)  count (8)  expiry (8)  digest of the content (16)
const requestRowBytes = 40

func encodeRequestRow(r storage.RequestRow) []byte {
	dst := make([]byte, 0, requestRowBytes)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.First))
	dst = binary.BigEndian.AppendUint64(dst, r.Count)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Expiry))
	return append(dst, r.Content[:]...)
}

func parseRequestRow(id string, value []byte) (storage.RequestRow, error) {
	if err := checkSize(value, requestRowBytes, "request %q", id); err != nil {
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
const indexRowBytes = 8

func appendIndexRow(dst []byte, p storage.Position) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(p))
}

func parseIndexRow(value []byte, stream uint64, v storage.Version) (storage.Position, error) {
	if err := checkSize(value, indexRowBytes, "index of stream number %d, version %d", stream, v); err != nil {
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
