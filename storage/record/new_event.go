package record

import (
	"slices"

	"github.com/stet-db/stet/storage"
)

// ParseNewEvent reads and judges the wire form of a stet.v1.NewEvent. Without
// violations the event is valid but for its size, which depends on the stream
// too: see [SizeBound]. A missing id is left zero with ServerMadeID set; the
// caller fills it in.
//
// Field paths are relative to the event, as "type", "tags[3]" and
// "metadata[key]"; an empty path is the event itself. There are at most 16
// violations. limits without defaults filled in get them.
//
// Rest is a part of wire when the client sent its fields in canonical form,
// which costs no allocation, and new memory otherwise: the caller must keep
// wire unchanged for as long as it keeps the event.
func ParseNewEvent(wire []byte, limits storage.Limits) (storage.NewEvent, []storage.Violation) {
	var d draft
	if path, p := d.parse(wire); p != "" {
		return storage.NewEvent{}, []storage.Violation{{Field: path, Problem: string(p)}}
	}
	return d.newEvent(wire, limits)
}

// NewEventOf judges an event taken apart and gives it the canonical form, with
// the same violations and the same result as [ParseNewEvent] has for its wire
// form. The server's parts of e are not looked at. The event keeps nothing of e.
func NewEventOf(e *storage.Event, limits storage.Limits) (storage.NewEvent, []storage.Violation) {
	d := draft{
		schemaVersion: uint64(e.SchemaVersion),
		typ:           []byte(e.Type),
		hasOccurred:   !e.OccurredAt.IsZero(),
		kind:          e.Kind,
		payload:       e.Payload,
	}
	if !e.ID.IsZero() {
		d.id = e.ID.AppendText(nil)
	}
	if d.hasOccurred {
		d.occurred = timestampOf(e.OccurredAt)
	}
	for key, value := range e.Metadata {
		d.addMetadata(entry{[]byte(key), []byte(value)})
	}
	for _, tag := range e.Tags {
		d.takeTag([]byte(tag))
	}
	return d.newEvent(nil, limits)
}

// newEvent judges the draft, which was parsed from wire or has no form yet.
func (d *draft) newEvent(wire []byte, limits storage.Limits) (storage.NewEvent, []storage.Violation) {
	if !hasDefaults(&limits) {
		limits = limits.WithDefaults()
	}
	id, violations := d.validate(limits)
	if len(violations) > 0 {
		return storage.NewEvent{}, violations
	}
	return storage.NewEvent{
		ID:            id,
		ServerMadeID:  id.IsZero(),
		SchemaVersion: uint32(d.schemaVersion),
		Rest:          d.rest(wire),
	}, nil
}

// hasDefaults looks at the limits used here.
func hasDefaults(l *storage.Limits) bool {
	return !slices.Contains([]int{l.TypeBytes, l.MetadataEntries, l.MetadataBytes, l.Tags, l.TagBytes}, 0)
}
