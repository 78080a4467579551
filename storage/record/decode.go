package record

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/stet-db/stet/storage"
)

// Decode takes a stored event apart. It accepts nothing but the canonical form:
// what it accepts, [NewEventOf] and [AppendRecorded] make again byte for byte.
// Limits are not applied, for they may have been others when it was written.
// The event keeps nothing of wire. The error is a [*storage.CorruptionError].
func Decode(wire []byte) (storage.Event, error) {
	var s stored
	if p := s.parse(wire); p != "" {
		return storage.Event{}, damaged(&s.header, p)
	}
	e := storage.Event{
		Stream:        string(s.stream),
		Version:       s.version,
		Position:      s.position,
		RecordedAt:    s.recordedAt,
		SchemaVersion: s.header.schemaVersion,
		ID:            s.id,
		Type:          string(s.typ),
		Kind:          s.kind,
		Payload:       bytes.Clone(s.payload),
	}
	if s.hasOccurred {
		e.OccurredAt = s.occurred.time()
	}
	if entries := s.metadata.all(); len(entries) > 0 {
		e.Metadata = make(map[string]string, len(entries))
		for _, m := range entries {
			e.Metadata[string(m.key)] = string(m.value)
		}
	}
	for _, tag := range s.tags.all() {
		e.Tags = append(e.Tags, string(tag))
	}
	return e, nil
}

// Split gives the proposed event that a stored one was made of, for writing it
// again elsewhere. It accepts what [Decode] accepts. Whether the server made
// the id is not known any more: ServerMadeID is false. Rest lies in wire.
func Split(wire []byte) (storage.NewEvent, error) {
	var s stored
	if p := s.parse(wire); p != "" {
		return storage.NewEvent{}, damaged(&s.header, p)
	}
	return storage.NewEvent{ID: s.id, SchemaVersion: s.header.schemaVersion, Rest: s.header.rest}, nil
}

// stored is a stored event taken apart and found canonical.
type stored struct {
	header
	draft
	id storage.EventID
}

func (s *stored) parse(wire []byte) problem {
	if p := s.header.parse(wire); p != "" {
		return p
	}
	var err error
	if s.id, err = storage.ParseEventID(s.header.id); err != nil {
		return problem("has an id that is " + err.Error())
	}
	var room [idBytes]byte
	if !bytes.Equal(s.header.id, s.id.AppendText(room[:0])) {
		return "has an id that is not in lower case"
	}
	if path, p := s.draft.parse(s.header.rest); p != "" {
		if path == "" {
			return p
		}
		return problem(fmt.Sprintf("has a field %s that %s", path, p))
	}
	return s.content()
}

// content judges the fields from 11 on: canonical, and such that an append
// could have been accepted under some limits.
func (s *stored) content() problem {
	d := &s.draft
	switch {
	case !d.form.begun || d.form.broken || d.form.to-d.form.from != len(s.header.rest):
		return "is not in canonical form"
	case len(d.typ) == 0:
		return "has no type"
	case d.hasOccurred && d.occurred.problem() != "":
		return "has an occurred_at that " + d.occurred.problem()
	case d.metadataCount > ceilingMetadata:
		return "has too much metadata"
	case d.tagCount > ceilingTags:
		return "has too many tags"
	case d.kind == storage.PayloadNone || len(d.payload) == 0:
		return "has no payload"
	}
	return s.text()
}

// text judges the strings: valid UTF-8, without which generated code would not
// read the event, no tag twice.
func (s *stored) text() problem {
	valid := utf8.Valid(s.stream) && utf8.Valid(s.typ) && (s.kind != storage.PayloadJSON || utf8.Valid(s.payload))
	for _, e := range s.metadata.all() {
		valid = valid && utf8.Valid(e.key) && utf8.Valid(e.value)
	}
	tags := s.tags.all()
	for i, tag := range tags {
		valid = valid && utf8.Valid(tag)
		if indexOf(tags[:i], tag) >= 0 {
			return "has a tag twice"
		}
	}
	if !valid {
		return "has a string that is not valid UTF-8"
	}
	return ""
}

// damaged makes the error of what was read up to the fault.
func damaged(h *header, p problem) error {
	where := "a stored event"
	if h.position != 0 {
		where = fmt.Sprintf("the event at position %d", h.position)
	}
	return &storage.CorruptionError{Where: where, Detail: string(p)}
}
