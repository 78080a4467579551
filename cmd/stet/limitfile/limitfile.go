package limitfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/storage"
)

// Limits are what the file may say. What it does not say is 0, which stands for
// its default.
type Limits struct {
	// Limits bound requests.
	storage.Limits
	// Connections, calls on each, calls, subscriptions, pipelines, and unanswered
	// appends of one pipeline, at a time; as in server.Config.
	Connections          int
	StreamsPerConnection int
	Calls                int
	Subscriptions        int
	Pipelines            int
	PipelineInFlight     int
	// QueuedAppends wait to be judged, at most; RequestIDs are remembered.
	QueuedAppends int
	RequestIDs    int
}

// Ceilings of the two that nobody else judges.
const (
	maxQueuedAppends = 1 << 20
	maxRequestIDs    = 1 << 30
)

// Read reads the file strictly and names all its faults at once: a
// [storage.InvalidError], or a [console.UsageError] where it is no JSON object. An
// empty path says nothing.
func Read(path string) (Limits, error) {
	var l Limits
	if path == "" {
		return l, nil
	}
	text, err := console.ReadFile(path)
	if err != nil {
		return l, fmt.Errorf("limits: %w", err)
	}
	var members map[string]json.RawMessage
	if err := errors.Join(strictjson.Check(text, 2), json.Unmarshal(text, &members)); err != nil {
		return l, &console.UsageError{Err: fmt.Errorf("limits: %s is not a JSON object: %w", path, err)}
	}
	var faults []storage.Violation
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if problem := l.set(name, members[name]); problem != "" {
			faults = append(faults, storage.Violation{Field: name, Problem: problem})
		}
	}
	// The ranges, too, so that all faults are named at once. What was not given
	// is filled in and in its range.
	faults = append(faults, l.WithDefaults().Validate()...)
	if err := storage.Invalid(faults...); err != nil {
		return l, fmt.Errorf("limits: %s: %w", path, err)
	}
	return l, nil
}

// set takes one member, and says what is wrong with it.
func (l *Limits) set(name string, raw json.RawMessage) string {
	fields := l.fields()
	field, known := fields[name]
	if !known {
		return fmt.Sprintf("is unknown; the limits are %v", slices.Sorted(maps.Keys(fields)))
	}
	if err := json.Unmarshal(raw, field); err != nil || *field < 1 {
		*field = 0
		return fmt.Sprintf("is %s; want a whole number above 0", raw)
	}
	switch {
	case name == "queued_appends" && *field > maxQueuedAppends:
		return fmt.Sprintf("is %d; want 1 to %d", *field, maxQueuedAppends)
	case name == "request_ids" && *field > maxRequestIDs:
		return fmt.Sprintf("is %d; want 1 to %d", *field, maxRequestIDs)
	}
	return ""
}

func (l *Limits) fields() map[string]*int {
	return map[string]*int{
		"event_bytes": &l.EventBytes, "request_bytes": &l.RequestBytes, "request_events": &l.RequestEvents,
		"request_entries": &l.RequestEntries, "stream_bytes": &l.StreamBytes, "type_bytes": &l.TypeBytes,
		"metadata_entries": &l.MetadataEntries, "metadata_bytes": &l.MetadataBytes, "tags": &l.Tags, "tag_bytes": &l.TagBytes,
		"request_id_bytes": &l.RequestIDBytes, "request_window_seconds": &l.RequestWindowSeconds,
		"connections": &l.Connections, "streams_per_connection": &l.StreamsPerConnection,
		"calls": &l.Calls, "subscriptions": &l.Subscriptions, "pipelines": &l.Pipelines, "pipeline_in_flight": &l.PipelineInFlight,
		"queued_appends": &l.QueuedAppends, "request_ids": &l.RequestIDs,
	}
}
