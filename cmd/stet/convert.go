package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
)

// eventOf takes an event from the API into the vocabulary.
func eventOf(r *stetv1.RecordedEvent) (storage.Event, error) {
	e := storage.Event{
		Stream: r.GetStream(), Version: storage.Version(r.GetVersion()), Position: storage.Position(r.GetPosition()),
		RecordedAt: instantOf(r.GetRecordedAt()), SchemaVersion: r.GetSchemaVersion(),
		Type: r.GetType(), Metadata: r.GetMetadata(), Tags: r.GetTags(),
	}
	id, err := storage.ParseEventID(r.GetId())
	if err != nil {
		return e, fmt.Errorf("event at position %d: id %w", e.Position, err)
	}
	e.ID = id
	if t := r.GetOccurredAt(); t != nil {
		e.OccurredAt = t.AsTime()
	}
	switch payload := r.GetPayload().(type) {
	case *stetv1.RecordedEvent_Json:
		e.Kind, e.Payload = storage.PayloadJSON, []byte(payload.Json)
	case *stetv1.RecordedEvent_Binary:
		e.Kind, e.Payload = storage.PayloadBinary, payload.Binary
	default:
		return e, fmt.Errorf("event at position %d has a payload that this release does not know", e.Position)
	}
	return e, nil
}

func instantOf(t *timestamppb.Timestamp) storage.Instant { return storage.InstantOf(t.AsTime()) }

// proposalOf makes what the client package sends of an event.
func proposalOf(e *storage.Event) client.Event {
	out := client.Event{
		Type: e.Type, OccurredAt: e.OccurredAt, Metadata: e.Metadata, Tags: e.Tags, SchemaVersion: e.SchemaVersion,
	}
	if !e.ID.IsZero() {
		out.ID = e.ID.String()
	}
	if e.Kind == storage.PayloadBinary {
		out.Binary = e.Payload
	} else {
		out.JSON = string(e.Payload)
	}
	return out
}

// metadataOf reads --meta key=value.
func metadataOf(entries []string) (map[string]string, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(entries))
	for _, entry := range entries {
		key, value, found := strings.Cut(entry, "=")
		if _, twice := out[key]; !found || key == "" || twice {
			return nil, console.Usage(fmt.Sprintf("--meta %q: want key=value, each key once", entry))
		}
		out[key] = value
	}
	return out, nil
}
