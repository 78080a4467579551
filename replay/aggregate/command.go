package aggregate

import (
	"time"

	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// Command is a request to write events to one aggregate, all or none.
type Command struct {
	// Type and ID name the aggregate.
	Type, ID string
	// Events to write, in order; at least one.
	Events []NewEvent
	// Batch tells that the client sent a list, so that paths in refusals begin
	// with events[i].
	Batch bool
	// Metadata counts for every event that does not say otherwise. EventID and
	// SchemaVersion belong to single events and are refused here.
	Metadata Metadata
	// PreviousLength is the length that the stream must have; nil: any.
	PreviousLength *storage.Version
	// SkipOCC writes events without regard to what is written meanwhile.
	SkipOCC bool
	// RequestID makes the command safe to repeat: the same id, by the same key,
	// for the same aggregate. Empty: it has none.
	RequestID string
	// KeyName is the name of the key that the caller has shown; it is stamped
	// on the events, and empty when keys are not used.
	KeyName string
	// WithState asks for the state after the events.
	WithState bool
}

// NewEvent is one event of a command.
type NewEvent struct {
	// Type is the name of the event.
	Type string
	// Data is a JSON object, kept byte for byte; empty: {}.
	Data []byte
	// Metadata of this event.
	Metadata Metadata
}

// Metadata is what a client says of an event beside its data. Empty fields are
// not stated.
type Metadata struct {
	// Actor is who did it, by the client's own account.
	Actor *Actor
	// OccurredAt is when it happened.
	OccurredAt time.Time
	// CorrelationID and CausationID connect events.
	CorrelationID, CausationID string
	// EventID is a UUID.
	EventID string
	// SchemaVersion of the data; 0: the present one.
	SchemaVersion uint32
	// Tags to find the event by.
	Tags []string
	// Extra are further texts, by keys that have no meaning here.
	Extra map[string]string
}

// Actor is who did something.
type Actor struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Result is the answer to a command.
type Result struct {
	// StreamIDs name the command's events, in order.
	StreamIDs []string
	// EventIDs are their ids.
	EventIDs []storage.EventID
	// Length is that of the stream after the events.
	Length storage.Version
	// Position is that of the last event written, implied ones included:
	// whoever waits for it reads what was written.
	Position storage.Position
	// RecordedAt is the time that the events share.
	RecordedAt storage.Instant
	// Implied counts the events that were written besides.
	Implied int
	// Replayed tells that an earlier identical request wrote the events.
	Replayed bool
	// State is the state after the events, where it was asked for; it has no
	// value otherwise.
	State value.Value
}

// merged is what counts for an event: its own, else the command's.
func (m Metadata) merged(outer *Metadata) Metadata {
	if m.Actor == nil {
		m.Actor = outer.Actor
	}
	if m.OccurredAt.IsZero() {
		m.OccurredAt = outer.OccurredAt
	}
	if m.CorrelationID == "" {
		m.CorrelationID = outer.CorrelationID
	}
	if m.CausationID == "" {
		m.CausationID = outer.CausationID
	}
	if m.Tags == nil {
		m.Tags = outer.Tags
	}
	if len(outer.Extra) > 0 {
		extra := make(map[string]string, len(m.Extra)+len(outer.Extra))
		for _, from := range []map[string]string{outer.Extra, m.Extra} {
			for key, text := range from {
				extra[key] = text
			}
		}
		m.Extra = extra
	}
	return m
}
