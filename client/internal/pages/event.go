package pages

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// The fields of an event, as in proto/stet/v1/event.proto.
const (
	fieldStream        = 1
	fieldVersion       = 2
	fieldPosition      = 3
	fieldRecordedAt    = 4
	fieldSchemaVersion = 5
	fieldID            = 10
	fieldType          = 11
	fieldOccurredAt    = 12
	fieldMetadata      = 13
	fieldTags          = 14
	fieldJSON          = 100
	fieldBinary        = 101
)

// wholeBytes is the size up to which an event's texts and data share one
// string. In a larger one data has its own, so that whoever keeps an id keeps
// no large data with it.
const wholeBytes = 1 << 10

// memory is what nearly every event needs, allocated at once.
type memory struct {
	event      stetv1.RecordedEvent
	recordedAt timestamppb.Timestamp
	json       stetv1.RecordedEvent_Json
}

// eventDecoder decodes one event.
type eventDecoder struct {
	fields
	wire []byte
	// text is wire up to an offset, as a string that the event's own are parts of.
	text string
	*memory
}

// decodeEvent is nil when the bytes are not of the form that this package
// decodes.
func decodeEvent(wire []byte) *stetv1.RecordedEvent {
	d := eventDecoder{
		fields: fields{rest: wire},
		wire:   wire,
		text:   string(wire[:sharedBytes(wire)]),
		memory: new(memory),
	}
	for d.next() {
		d.field()
	}
	if d.odd {
		return nil
	}
	return &d.memory.event
}

// sharedBytes is up to where the event's strings share one: all of it, or when
// it is large up to its data.
func sharedBytes(wire []byte) int {
	if len(wire) <= wholeBytes {
		return len(wire)
	}
	rest := wire
	for len(rest) > 0 {
		number, kind, tag := protowire.ConsumeTag(rest)
		if tag < 0 || number >= fieldJSON {
			break
		}
		size := protowire.ConsumeFieldValue(number, kind, rest[tag:])
		if size < 0 {
			break // told by the decoder
		}
		rest = rest[tag+size:]
	}
	return len(wire) - len(rest)
}

func (d *eventDecoder) field() {
	e := &d.event
	switch d.last {
	case fieldStream:
		e.Stream = d.string()
	case fieldVersion:
		e.Version = d.varint()
	case fieldPosition:
		e.Position = d.varint()
	case fieldRecordedAt:
		e.RecordedAt = &d.recordedAt
		d.timestamp(e.RecordedAt)
	case fieldSchemaVersion:
		e.SchemaVersion = uint32(d.varint()) // what is too large is cut off, by protobuf's rules
	case fieldID:
		e.Id = d.string()
	case fieldType:
		e.Type = d.string()
	case fieldOccurredAt:
		e.OccurredAt = new(timestamppb.Timestamp)
		d.timestamp(e.OccurredAt)
	case fieldMetadata:
		d.entry()
	case fieldTags:
		e.Tags = append(e.Tags, d.string())
	case fieldJSON:
		d.json.Json = d.string()
		e.Payload = &d.json
	case fieldBinary:
		if e.Payload != nil {
			d.odd = true
			return
		}
		e.Payload = &stetv1.RecordedEvent_Binary{Binary: append([]byte{}, d.bytes()...)}
	default:
		d.odd = true
	}
}

// string is the text of a field that was found.
func (d *eventDecoder) string() string {
	part := d.bytes()
	return d.textOf(part, len(d.wire)-len(d.rest))
}

// textOf is a part of wire, which ends at an offset, as a string.
func (d *eventDecoder) textOf(part []byte, end int) string {
	if !utf8.Valid(part) {
		d.odd = true
		return ""
	}
	if end > len(d.text) {
		return string(part)
	}
	return d.text[end-len(part) : end]
}

// entry decodes an entry of the metadata.
func (d *eventDecoder) entry() {
	entry := fields{rest: d.bytes()}
	end := len(d.wire) - len(d.rest)
	var key, value string
	for entry.next() {
		part := entry.bytes()
		switch entry.last {
		case 1:
			key = d.textOf(part, end-len(entry.rest))
		case 2:
			value = d.textOf(part, end-len(entry.rest))
		default:
			d.odd = true
		}
	}
	d.odd = d.odd || entry.odd
	if d.event.Metadata == nil {
		d.event.Metadata = make(map[string]string)
	}
	d.event.Metadata[key] = value
}
