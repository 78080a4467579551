package storage

import (
	"encoding/hex"
	"fmt"
	"time"
)

// EventID is the UUID of an event. The zero value means none.
type EventID [16]byte

// eventIDDashes are the places of the dashes in a UUID's 36 characters.
var eventIDDashes = [...]int{8, 13, 18, 23}

// IsZero tells whether there is no id.
func (id EventID) IsZero() bool { return id == EventID{} }

// String is the id in the 36 character text form, in lower case.
func (id EventID) String() string { return string(id.AppendText(make([]byte, 0, 36))) }

// AppendText appends the 36 character text form, in lower case, to dst.
func (id EventID) AppendText(dst []byte) []byte {
	dst = hex.AppendEncode(dst, id[0:4])
	dst = hex.AppendEncode(append(dst, '-'), id[4:6])
	dst = hex.AppendEncode(append(dst, '-'), id[6:8])
	dst = hex.AppendEncode(append(dst, '-'), id[8:10])
	return hex.AppendEncode(append(dst, '-'), id[10:16])
}

// ParseEventID reads a UUID of any version in its 36 character text form, in
// upper or lower case. The nil UUID is refused: it stands for none.
func ParseEventID[T string | []byte](s T) (EventID, error) {
	var id EventID
	var digits [32]byte
	if len(s) != 36 {
		return id, fmt.Errorf("has %d bytes; want a UUID of 36 characters", len(s))
	}
	n := 0
	for i, from := range [...]int{0, 9, 14, 19, 24} {
		to := 36
		if i < len(eventIDDashes) {
			to = eventIDDashes[i]
			if s[to] != '-' {
				return id, fmt.Errorf("has no dash as character %d; want a UUID of 36 characters", to+1)
			}
		}
		n += copy(digits[n:], s[from:to])
	}
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return EventID{}, fmt.Errorf("is not hexadecimal; want a UUID of 36 characters")
	}
	if id.IsZero() {
		return id, fmt.Errorf("is the nil UUID; leave it out to get an id")
	}
	return id, nil
}

// NewEvent is an event as proposed, validated and in canonical form (see
// package record, which makes it). It is immutable once handed to a [Store].
type NewEvent struct {
	// ID is the event's id, never zero when it reaches the store.
	ID EventID
	// ServerMadeID tells that the client gave no id.
	ServerMadeID bool
	// SchemaVersion as the client gave it; 0: not stated.
	SchemaVersion uint32
	// Rest is the canonical wire form of the fields from 11 on.
	Rest []byte
}

// PayloadKind says what an event's payload is.
type PayloadKind uint8

// The kinds of payload.
const (
	// PayloadNone is the absence of a payload; no stored event has it.
	PayloadNone PayloadKind = iota
	// PayloadJSON is a JSON text.
	PayloadJSON
	// PayloadBinary is any bytes.
	PayloadBinary
)

// Event is an event taken apart, for code that looks inside. The hot paths do
// not use it: they pass stored bytes on.
type Event struct {
	// Stream, Version, Position and RecordedAt are the server's; zero in a
	// proposed event.
	Stream     string
	Version    Version
	Position   Position
	RecordedAt Instant
	// SchemaVersion of the payload; 0: not stated.
	SchemaVersion uint32
	// ID is the event's id; zero in a proposed event without one.
	ID EventID
	// Type says what happened.
	Type string
	// OccurredAt is the client's time of the fact, in UTC, to the nanosecond;
	// the zero time: not stated.
	OccurredAt time.Time
	// Metadata are the strings beside the payload; may be nil.
	Metadata map[string]string
	// Tags in the order given; may be nil.
	Tags []string
	// Kind and Payload are the event's data.
	Kind    PayloadKind
	Payload []byte
}

// Recorded is one event on its way from the log to a reader.
type Recorded struct {
	// Position of the event.
	Position Position
	// Wire is the event as stored: the canonical wire form of
	// stet.v1.RecordedEvent. It belongs to the iterator that yielded it and is
	// valid until the next step; copy what is to be kept.
	Wire []byte
}
