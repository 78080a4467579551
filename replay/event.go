package replay

import (
	"fmt"
	"strings"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// The keys under which an event's metadata keeps what has a name of its own.
// Every other key is one of the client's, seen as $.metadata.extra.
const (
	KeyActorType     = "actor_type"
	KeyActorID       = "actor_id"
	KeyCorrelationID = storage.MetadataCorrelationID
	KeyCausationID   = "causation_id"
	KeyKeyID         = "key_id"
)

// IsReservedKey tells that a metadata key has a meaning of its own.
func IsReservedKey(key string) bool {
	switch key {
	case KeyActorType, KeyActorID, KeyCorrelationID, KeyCausationID, KeyKeyID:
		return true
	default:
		return false
	}
}

// Event is a stored event as the fold takes it.
type Event struct {
	// Input is what handlers see.
	tick.Input
	// Position and RecordedAt are the event's place in the log and its time.
	Position   storage.Position
	RecordedAt storage.Instant
	// Problem says why the payload is no data that handlers take; empty: it is.
	Problem string
}

// AggregateID is the part of a stream's name behind its category.
func AggregateID(stream string) string {
	_, id, _ := strings.Cut(stream, "-")
	return id
}

// NewEvent takes a stored event for folding. Of e it keeps no bytes.
func NewEvent(e *storage.Event) Event {
	out := Event{
		Input: tick.Input{
			AggregateType: storage.CategoryOf(e.Stream),
			ID:            AggregateID(e.Stream),
			Type:          e.Type,
			Version:       uint64(e.Version),
			Metadata:      NewMetadata(e),
		},
		Position:   e.Position,
		RecordedAt: e.RecordedAt,
	}
	out.Data, out.Problem = dataOf(e)
	return out
}

// dataOf is the event's data, or why it has none. Events written before their
// category had a specification can be anything.
func dataOf(e *storage.Event) (value.Value, string) {
	if e.Kind != storage.PayloadJSON {
		return value.Value{}, "the payload is not JSON"
	}
	data, err := value.Parse(e.Payload)
	if err != nil {
		return value.Value{}, "the payload cannot be used: " + err.Error()
	}
	if !data.IsObject() {
		return value.Value{}, "the payload is not an object"
	}
	return data, ""
}

// NewMetadata is what is known of a stored event beside its data. Of e it keeps
// the tags and texts, and no bytes.
func NewMetadata(e *storage.Event) tick.Metadata {
	m := tick.Metadata{
		RecordedAt:    e.RecordedAt.Time(),
		OccurredAt:    e.OccurredAt,
		SchemaVersion: uint64(max(e.SchemaVersion, 1)),
		Tags:          e.Tags,
	}
	if !e.ID.IsZero() {
		m.EventID = e.ID.String()
	}
	for key, text := range e.Metadata {
		switch key {
		case KeyActorType:
			m.ActorType = text
		case KeyActorID:
			m.ActorID = text
		case KeyCorrelationID:
			m.CorrelationID = text
		case KeyCausationID:
			m.CausationID = text
		case KeyKeyID:
			m.KeyID = text
		default:
			if m.Extra == nil {
				m.Extra = make(map[string]string, len(e.Metadata))
			}
			m.Extra[key] = text
		}
	}
	return m
}

// Effective is the time at which the event counts: that of the fact where it is
// stated, else that of its recording, in whole microseconds.
func (e *Event) Effective() storage.Instant {
	if e.Metadata.OccurredAt.IsZero() {
		return e.RecordedAt
	}
	return storage.InstantOf(e.Metadata.OccurredAt)
}

// StreamID names an event among those of its stream by time: the milliseconds
// of its recording, and its place among the stream's events of that
// millisecond, from 0.
type StreamID struct {
	Millis int64
	Place  uint64
}

// String is the id as answers have it.
func (s StreamID) String() string { return fmt.Sprintf("%d-%d", s.Millis, s.Place) }

// Millis is the whole milliseconds of an instant, rounded down.
func Millis(at storage.Instant) int64 { return at.Time().UnixMilli() }
