package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field as it lies on the wire.
type field struct {
	num protowire.Number
	typ protowire.Type
	// varint is the value of a field of VarintType.
	varint uint64
	// bytes is the value of a field of BytesType, inside the input.
	bytes []byte
}

// next takes the first field off b. ok is false when b does not begin with a
// valid one.
func next(b []byte) (f field, rest []byte, ok bool) {
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return field{}, nil, false
	}
	f.num, f.typ, b = num, typ, b[n:]
	switch typ {
	case protowire.VarintType:
		f.varint, n = protowire.ConsumeVarint(b)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	default: // no field of ours has it
		n = protowire.ConsumeFieldValue(num, typ, b)
	}
	if n < 0 {
		return field{}, nil, false
	}
	return f, b[n:], true
}

// is tells whether the field has this number and type.
func (f field) is(num protowire.Number, typ protowire.Type) bool { return f.num == num && f.typ == typ }

// unknown says what is wrong with a field that the message does not have, when
// its own are numbered up to last.
func (f field) unknown(last protowire.Number) string {
	if f.num <= last {
		return fmt.Sprintf("has field %d with wire type %d, which is not that field's", f.num, f.typ)
	}
	return fmt.Sprintf("has the unknown field %d; leave it out", f.num)
}

const (
	problemRepeated  = "is given twice; give it once"
	problemMalformed = "is not a valid protobuf message"
)

// seen notes singular fields by number.
type seen uint32

// again notes the field and tells whether it was there before.
func (s *seen) again(num protowire.Number) bool {
	bit := seen(1) << num
	was := *s&bit != 0
	*s |= bit
	return was
}

func appendUint[N ~uint64](b []byte, num protowire.Number, v N) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendBool(b []byte, num protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return appendUint(b, num, uint64(1))
}

func appendBytes[T string | []byte](b []byte, num protowire.Number, v T) []byte {
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}
