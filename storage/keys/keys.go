package keys

import (
	"encoding/binary"
	"fmt"

	"github.com/stet-db/stet/storage"
)

// The prefixes of the spaces.
const (
	prefixEvent    = 'e'
	prefixIndex    = 's'
	prefixName     = 'n'
	prefixRequest  = 'q'
	prefixExpiry   = 'x'
	prefixSnapshot = 'c'
	prefixMeta     = 'm'
)

// Lengths of the parts of a key.
const (
	prefixBytes = 1
	numberBytes = 8
)

// AppendEvent appends the key of the event at a position:
//
//	'e'  position (8)
func AppendEvent(dst []byte, p storage.Position) []byte {
	return appendNumber(append(dst, prefixEvent), uint64(p))
}

// Event reads what [AppendEvent] wrote.
func Event(key []byte) (storage.Position, error) {
	if err := check(key, prefixEvent, numberBytes, exactly); err != nil {
		return 0, err
	}
	return storage.Position(number(key[prefixBytes:])), nil
}

// AppendIndex appends the key that leads from a stream's version to a position:
//
//	's'  stream number (8)  version (8)
//
// The stream number is the engine's own, given to a stream with its first event.
func AppendIndex(dst []byte, stream uint64, v storage.Version) []byte {
	return appendNumber(appendNumber(append(dst, prefixIndex), stream), uint64(v))
}

// Index reads what [AppendIndex] wrote.
func Index(key []byte) (stream uint64, v storage.Version, err error) {
	return streamVersion(key, prefixIndex)
}

// AppendSnapshot appends the key of a stream's derived state as of a version:
//
//	'c'  stream number (8)  version (8)
func AppendSnapshot(dst []byte, stream uint64, v storage.Version) []byte {
	return appendNumber(appendNumber(append(dst, prefixSnapshot), stream), uint64(v))
}

// Snapshot reads what [AppendSnapshot] wrote.
func Snapshot(key []byte) (stream uint64, v storage.Version, err error) {
	return streamVersion(key, prefixSnapshot)
}

func streamVersion(key []byte, prefix byte) (stream uint64, v storage.Version, err error) {
	if err := check(key, prefix, 2*numberBytes, exactly); err != nil {
		return 0, 0, err
	}
	return number(key[prefixBytes:]), storage.Version(number(key[prefixBytes+numberBytes:])), nil
}

// AppendName appends the key of a stream's name, which must not be empty:
//
//	'n'  name
func AppendName[T string | []byte](dst []byte, name T) []byte {
	return append(append(dst, prefixName), name...)
}

// Name reads what [AppendName] wrote. The name lies in key.
func Name(key []byte) ([]byte, error) {
	if err := check(key, prefixName, 1, orMore); err != nil {
		return nil, err
	}
	return key[prefixBytes:], nil
}

// AppendRequest appends the key of a request id, which must not be empty:
//
//	'q'  request id
func AppendRequest[T string | []byte](dst []byte, id T) []byte {
	return append(append(dst, prefixRequest), id...)
}

// Request reads what [AppendRequest] wrote. The id lies in key.
func Request(key []byte) ([]byte, error) {
	if err := check(key, prefixRequest, 1, orMore); err != nil {
		return nil, err
	}
	return key[prefixBytes:], nil
}

// AppendExpiry appends the key that finds a request id by its time of expiry:
//
//	'x'  expiry (8)  request id
//
// The expiry is in microseconds with the sign bit turned over, so that times
// before 1970 sort before those after.
func AppendExpiry[T string | []byte](dst []byte, at storage.Instant, id T) []byte {
	return append(appendInstant(append(dst, prefixExpiry), at), id...)
}

// Expiry reads what [AppendExpiry] wrote. The id lies in key.
func Expiry(key []byte) (at storage.Instant, id []byte, err error) {
	if err := check(key, prefixExpiry, numberBytes+1, orMore); err != nil {
		return 0, nil, err
	}
	return instant(key[prefixBytes:]), key[prefixBytes+numberBytes:], nil
}

// Meta is the key of a fact about the store; the name must not be empty:
//
//	'm'  name
func Meta(name string) []byte { return append([]byte{prefixMeta}, name...) }

// MetaName reads what [Meta] wrote. The name lies in key.
func MetaName(key []byte) ([]byte, error) {
	if err := check(key, prefixMeta, 1, orMore); err != nil {
		return nil, err
	}
	return key[prefixBytes:], nil
}

// How many bytes may follow a key's prefix.
const (
	exactly = false
	orMore  = true
)

// check reports a key that does not have the prefix and so many bytes, or more,
// behind it.
func check(key []byte, prefix byte, size int, more bool) error {
	switch {
	case len(key) == 0 || key[0] != prefix:
		return &storage.CorruptionError{Where: fmt.Sprintf("the key %x", key), Detail: fmt.Sprintf("it does not begin with %q", prefix)}
	case len(key) < prefixBytes+size || !more && len(key) > prefixBytes+size:
		return &storage.CorruptionError{Where: fmt.Sprintf("the key %x", key), Detail: fmt.Sprintf("%d bytes do not make a key of the space %q", len(key), prefix)}
	}
	return nil
}

func appendNumber(dst []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(dst, n) }

func number(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// signBit turned over makes the order of signed numbers that of unsigned ones.
const signBit = 1 << 63

func appendInstant(dst []byte, at storage.Instant) []byte {
	return appendNumber(dst, uint64(at)^signBit)
}

func instant(b []byte) storage.Instant { return storage.Instant(number(b) ^ signBit) }
