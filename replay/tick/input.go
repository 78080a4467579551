package tick

import (
	"maps"
	"slices"
	"time"

	"github.com/stet-db/stet/replay/value"
)

// Input is the event that a handler sees. Its values are made only where the
// handler names them. Empty fields are not there.
type Input struct {
	// Data is $.data: the payload.
	Data Value
	// AggregateType and ID say whose event it is: $.id, and $.key is both
	// with a colon.
	AggregateType string
	ID            string
	// Type is $.type: the event's own.
	Type string
	// Version is $.version: the place in the stream, from 1.
	Version uint64
	// Metadata is $.metadata.
	Metadata Metadata
}

// Metadata is what is known of an event beside its data.
type Metadata struct {
	// RecordedAt and OccurredAt are seen as timestamp, which is RecordedAt in
	// Unix seconds, and as recorded_at and occurred_at in Unix milliseconds.
	RecordedAt, OccurredAt time.Time
	ActorType, ActorID     string
	EventID                string
	CorrelationID          string
	CausationID            string
	KeyID                  string
	SchemaVersion          uint64
	Tags                   []string
	Extra                  map[string]string
}

// field makes one value of an event.
type field func(*Input) Value

// eventFields are what stands behind $. but for metadata.
var eventFields = map[string]field{
	"data":    func(e *Input) Value { return e.Data },
	"id":      func(e *Input) Value { return textField(e.ID) },
	"key":     func(e *Input) Value { return textField(e.AggregateType + ":" + e.ID) },
	"type":    func(e *Input) Value { return textField(e.Type) },
	"version": func(e *Input) Value { return value.Int(int64(e.Version)) },
}

// metadataNames are what stands behind $.metadata, in the order of the whole.
var metadataNames = []string{
	"timestamp", "recorded_at", "occurred_at", "actor", "event_id", "correlation_id",
	"causation_id", "key_id", "schema_version", "tags", "extra",
}

var metadataFields = map[string]field{
	"timestamp":      func(e *Input) Value { return value.Int(e.Metadata.RecordedAt.Unix()) },
	"recorded_at":    func(e *Input) Value { return value.Int(e.Metadata.RecordedAt.UnixMilli()) },
	"occurred_at":    occurredAt,
	"actor":          actor,
	"event_id":       func(e *Input) Value { return textField(e.Metadata.EventID) },
	"correlation_id": func(e *Input) Value { return textField(e.Metadata.CorrelationID) },
	"causation_id":   func(e *Input) Value { return textField(e.Metadata.CausationID) },
	"key_id":         func(e *Input) Value { return textField(e.Metadata.KeyID) },
	"schema_version": schemaVersion,
	"tags":           tags,
	"extra":          extra,
}

// actorFields spare the object of the whole actor.
var actorFields = map[string]field{
	"type": func(e *Input) Value { return textField(e.Metadata.ActorType) },
	"id":   func(e *Input) Value { return textField(e.Metadata.ActorID) },
}

func textField(s string) Value {
	if s == "" {
		return Value{}
	}
	return value.String(s)
}

func occurredAt(e *Input) Value {
	if e.Metadata.OccurredAt.IsZero() {
		return Value{}
	}
	return value.Int(e.Metadata.OccurredAt.UnixMilli())
}

func schemaVersion(e *Input) Value {
	if e.Metadata.SchemaVersion == 0 {
		return Value{}
	}
	return value.Int(int64(e.Metadata.SchemaVersion))
}

func actor(e *Input) Value {
	return objectOf([]string{"type", "id"}, actorFields, e)
}

func tags(e *Input) Value {
	if len(e.Metadata.Tags) == 0 {
		return Value{}
	}
	items := make([]Value, len(e.Metadata.Tags))
	for i, t := range e.Metadata.Tags {
		items[i] = value.String(t)
	}
	return value.NewArray(items)
}

func extra(e *Input) Value {
	if len(e.Metadata.Extra) == 0 {
		return Value{}
	}
	out := value.Object()
	for _, k := range slices.Sorted(maps.Keys(e.Metadata.Extra)) {
		out = out.With(k, value.String(e.Metadata.Extra[k]))
	}
	return out
}

func metadata(e *Input) Value { return objectOf(metadataNames, metadataFields, e) }

// objectOf has the fields that are there; none of them is no object.
func objectOf(names []string, fields map[string]field, e *Input) Value {
	var out Value
	for _, name := range names {
		if v := fields[name](e); !v.IsNone() {
			out = out.With(name, v)
		}
	}
	return out
}
