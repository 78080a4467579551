package pages

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Decode decodes a message that carries events or tells where appended ones are,
// when it is of a known type and of the form that servers send: fields
// ascending, none unknown, all texts valid. False: into is as it was or partly
// set, and the general decoder has to reset it and decide what the bytes are.
// Nothing of wire is kept.
func Decode(wire []byte, into any) bool {
	switch m := into.(type) {
	case *stetv1.ReadAllResponse:
		m.Reset()
		return decodeReadAll(wire, m)
	case *stetv1.ReadStreamResponse:
		m.Reset()
		return decodeReadStream(wire, m)
	case *stetv1.SubscribeResponse:
		m.Reset()
		var rest []byte
		var ok bool
		m.Events, rest, ok = decodeEvents(wire)
		return ok && len(rest) == 0 // notices are rare
	case *stetv1.AppendResponse:
		m.Reset()
		return decodeAppended(wire, m, new(timestamppb.Timestamp))
	case *stetv1.AppendPipelineResponse:
		m.Reset()
		return decodePipelined(wire, m)
	default:
		return false
	}
}

func decodeReadAll(wire []byte, m *stetv1.ReadAllResponse) (ok bool) {
	if m.Events, wire, ok = decodeEvents(wire); !ok {
		return false
	}
	numbers := fields{rest: wire, last: fieldEvents}
	for numbers.next() {
		v := numbers.varint()
		switch numbers.last {
		case 2:
			m.ScannedTo = v
		case 3:
			m.Head = v
		case 4:
			m.Done = protowire.DecodeBool(v)
		default:
			return false
		}
	}
	return !numbers.odd
}

func decodeReadStream(wire []byte, m *stetv1.ReadStreamResponse) (ok bool) {
	if m.Events, wire, ok = decodeEvents(wire); !ok {
		return false
	}
	numbers := fields{rest: wire, last: fieldEvents}
	for numbers.next() {
		v := numbers.varint()
		switch numbers.last {
		case 2:
			m.ScannedTo = v
		case 3:
			m.Head = v
		case 4:
			m.StreamVersion = v
		case 5:
			m.Done = protowire.DecodeBool(v)
		default:
			return false
		}
	}
	return !numbers.odd
}

// All messages have their events in the first field.
const (
	fieldEvents = 1
	tagEvents   = fieldEvents<<3 | byte(protowire.BytesType)
)

// decodeEvents decodes the events that a message begins with.
func decodeEvents(wire []byte) (events []*stetv1.RecordedEvent, rest []byte, ok bool) {
	n, ok := countEvents(wire)
	if !ok || n == 0 {
		return nil, wire, ok
	}
	events = make([]*stetv1.RecordedEvent, n)
	for i := range events {
		body, size := protowire.ConsumeBytes(wire[1:]) // good, as it was counted
		if events[i] = decodeEvent(body); events[i] == nil {
			return nil, nil, false
		}
		wire = wire[1+size:]
	}
	return events, wire, true
}

func countEvents(wire []byte) (n int, ok bool) {
	for len(wire) > 0 && wire[0] == tagEvents {
		_, size := protowire.ConsumeBytes(wire[1:])
		if size < 0 {
			return 0, false
		}
		wire = wire[1+size:]
		n++
	}
	return n, true
}

// fields walks over the fields of one message.
type fields struct {
	rest []byte
	last protowire.Number // the field that next has found; they must not fall
	kind protowire.Type
	odd  bool // not of the form that this package decodes
}

// next goes to the next field. False: there is none, or the form is odd.
func (f *fields) next() bool {
	if f.odd || len(f.rest) == 0 {
		return false
	}
	tag, n := uint64(f.rest[0]), 1
	if tag >= 0x80 {
		if tag, n = protowire.ConsumeVarint(f.rest); n < 0 || tag > 1<<16 {
			f.odd = true
			return false
		}
	}
	number := protowire.Number(tag >> 3)
	if number <= f.last && (number < f.last || !repeated(number)) {
		f.odd = true
		return false
	}
	f.last, f.kind, f.rest = number, protowire.Type(tag&7), f.rest[n:]
	return true
}

// repeated tells whether an event, or the answer to an append, may have the
// field more than once. No other message here has fields of these numbers.
func repeated(n protowire.Number) bool {
	return n == fieldMetadata || n == fieldTags || n == fieldIDs
}

func (f *fields) varint() uint64 {
	if f.kind == protowire.VarintType {
		if v, n := protowire.ConsumeVarint(f.rest); n > 0 {
			f.rest = f.rest[n:]
			return v
		}
	}
	f.odd = true
	return 0
}

func (f *fields) bytes() []byte {
	if f.kind == protowire.BytesType {
		if v, n := protowire.ConsumeBytes(f.rest); n > 0 {
			f.rest = f.rest[n:]
			return v
		}
	}
	f.odd = true
	return nil
}

func (f *fields) timestamp(t *timestamppb.Timestamp) {
	numbers := fields{rest: f.bytes()}
	for numbers.next() {
		v := numbers.varint()
		switch numbers.last {
		case 1:
			t.Seconds = int64(v)
		case 2:
			t.Nanos = int32(v) // what is too large is cut off, by protobuf's rules
		default:
			f.odd = true
		}
	}
	f.odd = f.odd || numbers.odd
}
