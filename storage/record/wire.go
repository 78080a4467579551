package record

import "google.golang.org/protobuf/encoding/protowire"

// The field numbers of stet.v1.NewEvent and stet.v1.RecordedEvent. Those up to
// 9 are the server's; those from 10 on are shared, except that NewEvent has the
// schema version at 15 and RecordedEvent at 5.
const (
	fieldStream           protowire.Number = 1
	fieldVersion          protowire.Number = 2
	fieldPosition         protowire.Number = 3
	fieldRecordedAt       protowire.Number = 4
	fieldSchemaVersion    protowire.Number = 5
	fieldID               protowire.Number = 10
	fieldType             protowire.Number = 11
	fieldOccurredAt       protowire.Number = 12
	fieldMetadata         protowire.Number = 13
	fieldTags             protowire.Number = 14
	fieldNewSchemaVersion protowire.Number = 15
	fieldJSON             protowire.Number = 100
	fieldBinary           protowire.Number = 101
)

// The numbers inside google.protobuf.Timestamp and inside a map's entry.
const (
	fieldSeconds protowire.Number = 1
	fieldNanos   protowire.Number = 2
	fieldKey     protowire.Number = 1
	fieldValue   protowire.Number = 2
)

// The fields' tags as they lie on the wire: number and wire type in a byte.
const (
	tagStream        = byte(fieldStream)<<3 | byte(protowire.BytesType)
	tagVersion       = byte(fieldVersion)<<3 | byte(protowire.VarintType)
	tagPosition      = byte(fieldPosition)<<3 | byte(protowire.VarintType)
	tagRecordedAt    = byte(fieldRecordedAt)<<3 | byte(protowire.BytesType)
	tagSchemaVersion = byte(fieldSchemaVersion)<<3 | byte(protowire.VarintType)
	tagID            = byte(fieldID)<<3 | byte(protowire.BytesType)
	tagType          = byte(fieldType)<<3 | byte(protowire.BytesType)
	tagOccurredAt    = byte(fieldOccurredAt)<<3 | byte(protowire.BytesType)
	tagMetadata      = byte(fieldMetadata)<<3 | byte(protowire.BytesType)
	tagTags          = byte(fieldTags)<<3 | byte(protowire.BytesType)
	tagSeconds       = byte(fieldSeconds)<<3 | byte(protowire.VarintType)
	tagNanos         = byte(fieldNanos)<<3 | byte(protowire.VarintType)
	tagKey           = byte(fieldKey)<<3 | byte(protowire.BytesType)
	tagValue         = byte(fieldValue)<<3 | byte(protowire.BytesType)
)

// field is one field as it lies on the wire.
type field struct {
	num protowire.Number
	typ protowire.Type
	// varint is the value of a field of VarintType.
	varint uint64
	// bytes is the value of a field of BytesType, inside the input.
	bytes []byte
	// minimal tells that every varint of the field has its shortest form.
	minimal bool
}

// problem says for people what is wrong with an input; empty: nothing is.
type problem string

const (
	problemCutShort  problem = "is cut short"
	problemMalformed problem = "is malformed"
)

// consumeField reads the first field of b, and the number of its bytes. The
// value of a field whose wire type no field of an event has is not read.
func consumeField(b []byte) (f field, n int, p problem) {
	tag, n, minimal, p := consumeVarint(b)
	if p != "" {
		return f, 0, p
	}
	f.minimal = minimal
	f.num, f.typ = protowire.DecodeTag(tag)
	if f.num < protowire.MinValidNumber || f.num > protowire.MaxValidNumber {
		return f, 0, problemMalformed
	}
	var m int
	switch f.typ {
	case protowire.VarintType:
		f.varint, m, minimal, p = consumeVarint(b[n:])
	case protowire.BytesType:
		f.bytes, m, minimal, p = consumeBytes(b[n:])
	}
	f.minimal = f.minimal && minimal
	return f, n + m, p
}

// consumeVarint reads the varint that b begins with.
func consumeVarint(b []byte) (v uint64, n int, minimal bool, p problem) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1, true, ""
	}
	v, n = protowire.ConsumeVarint(b)
	if n < 0 {
		if len(b) < maxVarint {
			return 0, 0, false, problemCutShort
		}
		return 0, 0, false, problemMalformed
	}
	return v, n, n == protowire.SizeVarint(v), ""
}

// maxVarint is the length of the longest varint.
const maxVarint = 10

// consumeBytes reads a length and as many bytes. They are inside b, with no
// room behind them.
func consumeBytes(b []byte) (v []byte, n int, minimal bool, p problem) {
	length, n, minimal, p := consumeVarint(b)
	if p != "" {
		return nil, 0, false, p
	}
	if length > uint64(len(b)-n) {
		return nil, 0, false, problemCutShort
	}
	end := n + int(length)
	return b[n:end:end], end, minimal, ""
}

// consumeTagged reads a length-delimited field with a tag of one byte, all
// varints minimal. ok is false when b does not begin with that.
func consumeTagged(b []byte, tag byte) (v, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != tag {
		return nil, b, false
	}
	v, n, minimal, p := consumeBytes(b[1:])
	if p != "" || !minimal {
		return nil, b, false
	}
	return v, b[1+n:], true
}

// consumeTaggedVarint does the same for a varint.
func consumeTaggedVarint(b []byte, tag byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != tag {
		return 0, b, false
	}
	v, n, minimal, p := consumeVarint(b[1:])
	if p != "" || !minimal {
		return 0, b, false
	}
	return v, b[1+n:], true
}

// appendTagged appends a length-delimited field with a tag of one byte.
func appendTagged[T string | []byte](dst []byte, tag byte, v T) []byte {
	dst = protowire.AppendVarint(append(dst, tag), uint64(len(v)))
	return append(dst, v...)
}

// sizeTagged is the number of bytes that appendTagged appends for a value of
// the given length.
func sizeTagged(length int) int { return 1 + protowire.SizeBytes(length) }
