package sumfs

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Name is the file that holds the checksums, in the directory it speaks of. It
// has two slots of 4,096 bytes, written in turns, so that a write that is cut
// off leaves the other. Numbers are big endian:
//
//	+-----------+-------+--------+----------+---------+--------+
//	| stetsums  | form  | length | sequence | entries | CRC32C |
//	| 8 bytes   | 4     | 4      | 8        | length  | 4      |
//	+-----------+-------+--------+----------+---------+--------+
//
// The CRC32C (Castagnoli) is over all before it. The valid slot with the higher
// sequence number counts. An entry is one of
//
//	+-----------+-------------+------+---------+--------+
//	| 1: a file | name length | name | covered | CRC32C |
//	| 1 byte    | 1           |      | 8       | 4      |
//	+-----------+-------------+------+---------+--------+
//	+-----------+-------------+------+-----------+
//	| 2: marker | name length | name | iteration |
//	| 1 byte    | 1           |      | 8         |
//	+-----------+-------------+------+-----------+
//
// A file's first covered bytes have the given CRC32C. A marker is a file
// marker.<name>.<iteration>.<value>, of which that iteration or a later one is
// there. docs/format.md has the golden bytes.
const Name = "stet-checksums"

const (
	slotBytes = 4096
	slotForm  = 1
	slotMagic = "stetsums"
	slotHead  = len(slotMagic) + 4 + 4 + 8

	entryFile   = 1
	entryMarker = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// slot is what one slot says.
type slot struct {
	sequence uint64
	files    []fileEntry
	markers  []markerEntry
}

// fileEntry says that the first covered bytes of a file have a checksum.
type fileEntry struct {
	name    string
	covered int64
	sum     uint32
}

// markerEntry says which iteration of a marker is durable.
type markerEntry struct {
	name      string
	iteration uint64
}

// append encodes the slot. Files that do not fit are left out, the last ones
// first; how many is returned.
func (s *slot) append(dst []byte) ([]byte, int) {
	start := len(dst)
	dst = append(dst, slotMagic...)
	dst = binary.BigEndian.AppendUint32(dst, slotForm)
	dst = binary.BigEndian.AppendUint32(dst, 0) // the length, below
	dst = binary.BigEndian.AppendUint64(dst, s.sequence)
	for _, m := range s.markers {
		dst = append(dst, entryMarker, byte(len(m.name)))
		dst = append(dst, m.name...)
		dst = binary.BigEndian.AppendUint64(dst, m.iteration)
	}
	left := 0
	for i, f := range s.files {
		if len(dst)-start+2+len(f.name)+8+4+4 > slotBytes {
			left = len(s.files) - i
			break
		}
		dst = append(dst, entryFile, byte(len(f.name)))
		dst = append(dst, f.name...)
		dst = binary.BigEndian.AppendUint64(dst, uint64(f.covered))
		dst = binary.BigEndian.AppendUint32(dst, f.sum)
	}
	binary.BigEndian.PutUint32(dst[start+len(slotMagic)+4:], uint32(len(dst)-start-slotHead))
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli)), left
}

// errSlot: the slot was torn, damaged, never written, or is of another form.
var errSlot = errors.New("not a valid slot")

// parseSlot decodes a slot.
func parseSlot(b []byte) (slot, error) {
	if len(b) < slotHead+4 || string(b[:len(slotMagic)]) != slotMagic {
		return slot{}, errSlot
	}
	head := b[len(slotMagic):slotHead]
	length := int(binary.BigEndian.Uint32(head[4:]))
	if binary.BigEndian.Uint32(head) != slotForm || length > min(len(b), slotBytes)-slotHead-4 {
		return slot{}, errSlot
	}
	end := slotHead + length
	if crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return slot{}, errSlot
	}
	s := slot{sequence: binary.BigEndian.Uint64(head[8:])}
	for rest := b[slotHead:end]; len(rest) > 0; {
		var ok bool
		if rest, ok = s.parseEntry(rest); !ok {
			return slot{}, errSlot
		}
	}
	return s, nil
}

func (s *slot) parseEntry(b []byte) (rest []byte, ok bool) {
	if len(b) < 2 || len(b) < 2+int(b[1])+8 {
		return nil, false
	}
	name, rest := string(b[2:2+int(b[1])]), b[2+int(b[1]):]
	number := binary.BigEndian.Uint64(rest)
	rest = rest[8:]
	switch {
	case b[0] == entryMarker:
		s.markers = append(s.markers, markerEntry{name, number})
		return rest, true
	case b[0] == entryFile && len(rest) >= 4 && int64(number) >= 0:
		s.files = append(s.files, fileEntry{name, int64(number), binary.BigEndian.Uint32(rest)})
		return rest[4:], true
	default:
		return nil, false
	}
}
