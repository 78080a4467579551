package record

import (
	"bytes"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/stet-db/stet/storage"
)

// AppendRecorded appends the canonical wire form of a stet.v1.RecordedEvent:
//
//	0a length  stream
//	10 varint  version
//	18 varint  position
//	22 length  recorded_at, a Timestamp of whole microseconds
//	28 varint  schema_version; left out when 0
//	52 24      id, 36 bytes of text in lower case
//	...        e.Rest:
//	  5a length    type
//	  62 length    occurred_at, a Timestamp; left out when not stated
//	  6a length    metadata, once for each key in ascending order:
//	    0a length    key
//	    12 length    value
//	  72 length    tags, once for each in the order given
//	  a2 06 length json, or
//	  aa 06 length binary
//
// Lengths and varints have their shortest form. Generated code with
// deterministic marshalling writes the very same bytes. The stream must not be
// empty, version, position and id not zero: the result could not be read back.
func AppendRecorded(dst []byte, stream string, v storage.Version, p storage.Position, at storage.Instant, e *storage.NewEvent) []byte {
	dst = appendTagged(dst, tagStream, stream)
	dst = protowire.AppendVarint(append(dst, tagVersion), uint64(v))
	dst = protowire.AppendVarint(append(dst, tagPosition), uint64(p))
	dst = appendTimestamp(dst, tagRecordedAt, instantTimestamp(at))
	if e.SchemaVersion != 0 {
		dst = protowire.AppendVarint(append(dst, tagSchemaVersion), uint64(e.SchemaVersion))
	}
	dst = e.ID.AppendText(append(dst, tagID, idBytes))
	return append(dst, e.Rest...)
}

// idBytes is the length of an id in text form.
const idBytes = 36

// RecordedSize is the number of bytes that [AppendRecorded] appends.
func RecordedSize(stream string, v storage.Version, p storage.Position, at storage.Instant, e *storage.NewEvent) int {
	return sizeTagged(len(stream)) +
		1 + protowire.SizeVarint(uint64(v)) +
		1 + protowire.SizeVarint(uint64(p)) +
		sizeTagged(instantTimestamp(at).size()) +
		contentSize(e)
}

// contentSize is the part of an event's size that does not depend on its place.
func contentSize(e *storage.NewEvent) int {
	n := sizeTagged(idBytes) + len(e.Rest)
	if e.SchemaVersion != 0 {
		n += 1 + protowire.SizeVarint(uint64(e.SchemaVersion))
	}
	return n
}

// SizeBound is the size of the event in the stream as it counts for the limit
// EventBytes: that of [RecordedSize] with version, position and recorded_at
// taken at their longest (10, 10 and 17 bytes). So an event that is accepted
// once is accepted at every place and time, and a client can know before. The
// true size is at most 35 bytes less.
func SizeBound(stream string, e *storage.NewEvent) int {
	longest := timestamp{seconds: -1, nanos: maxNanos} // a negative number takes ten bytes
	return sizeTagged(len(stream)) +
		2*(1+protowire.SizeVarint(math.MaxUint64)) +
		sizeTagged(longest.size()) +
		contentSize(e)
}

// header is the server's part of a stored event. Its slices lie in the wire.
type header struct {
	stream        []byte
	version       storage.Version
	position      storage.Position
	recordedAt    storage.Instant
	schemaVersion uint32
	id            []byte
	// rest is all that follows: the fields from 11 on.
	rest []byte
}

// parsePlace reads the fields up to recorded_at and gives what follows. Only
// the canonical form passes.
func (h *header) parsePlace(wire []byte) (rest []byte, p problem) {
	var ok bool
	if h.stream, wire, ok = consumeTagged(wire, tagStream); !ok || len(h.stream) == 0 {
		return nil, "has no canonical stream"
	}
	var number uint64
	if number, wire, ok = consumeTaggedVarint(wire, tagVersion); !ok || number == 0 {
		return nil, "has no canonical version"
	}
	h.version = storage.Version(number)
	if number, wire, ok = consumeTaggedVarint(wire, tagPosition); !ok || number == 0 {
		return nil, "has no canonical position"
	}
	h.position = storage.Position(number)
	at, wire, ok := consumeTagged(wire, tagRecordedAt)
	if !ok {
		return nil, "has no canonical recorded_at"
	}
	t, canonical, p := parseTimestamp(at)
	if p == "" && canonical {
		h.recordedAt, canonical = t.instant()
	}
	if p != "" || !canonical {
		return nil, "has no canonical recorded_at"
	}
	return wire, ""
}

// parse reads the whole header.
func (h *header) parse(wire []byte) (p problem) {
	wire, p = h.parsePlace(wire)
	if p != "" {
		return p
	}
	if len(wire) > 0 && wire[0] == tagSchemaVersion {
		number, rest, ok := consumeTaggedVarint(wire, tagSchemaVersion)
		if !ok || number == 0 || number > math.MaxUint32 {
			return "has no canonical schema_version"
		}
		h.schemaVersion, wire = uint32(number), rest
	}
	var ok bool
	if h.id, h.rest, ok = consumeTagged(wire, tagID); !ok || len(h.id) != idBytes {
		return "has no canonical id"
	}
	return ""
}

// Place reads where and when a stored event is. It looks at the first few
// fields only; that the rest is whole is for [Unseal] to know. stream lies in
// wire. The error is a [*storage.CorruptionError].
func Place(wire []byte) (stream []byte, v storage.Version, p storage.Position, at storage.Instant, err error) {
	var h header
	if _, p := h.parsePlace(wire); p != "" {
		return nil, 0, 0, 0, damaged(&h, p)
	}
	return h.stream, h.version, h.position, h.recordedAt, nil
}

// SameContent tells whether the stored event is what e would be stored as at
// the same place: id, schema version and all fields of the client are equal.
// False for what is no stored event.
func SameContent(wire []byte, e *storage.NewEvent) bool {
	var h header
	if h.parse(wire) != "" || h.schemaVersion != e.SchemaVersion {
		return false
	}
	var room [idBytes]byte
	return bytes.Equal(h.id, e.ID.AppendText(room[:0])) && bytes.Equal(h.rest, e.Rest)
}
