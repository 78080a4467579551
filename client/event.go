package client

import (
	"time"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Event is a fact to be appended. Events that are read come as
// [stetv1.RecordedEvent].
type Event struct {
	// ID is a UUID in text form; empty: the server makes a UUIDv7, or the client
	// does where that makes the append safe to repeat (see [Client.Append]).
	ID string
	// Type says what happened, for example "OrderPlaced". Required.
	Type string
	// JSON is the data as a JSON text, given back byte for byte. Exactly one of
	// JSON and Binary must be set; an event without data is "{}".
	JSON string
	// Binary is the data as bytes.
	Binary []byte
	// OccurredAt is when it happened by the caller's own clock; zero: not said.
	OccurredAt time.Time
	// Metadata are strings beside the data, such as correlation_id.
	Metadata map[string]string
	// Tags are strings to filter by, none twice, for example "customer:42".
	Tags []string
	// SchemaVersion is the version of the data's schema; 0: not said.
	SchemaVersion uint32
}

// Filter chooses events: one passes when at least one item takes it. Empty:
// everything passes. The server scans for what passes.
type Filter []FilterItem

// FilterItem takes an event when every kind that is given takes it.
type FilterItem struct {
	// StreamPrefixes: the stream's name begins with one of these.
	StreamPrefixes []string
	// Categories: the stream's category is one of these.
	Categories []string
	// Types: the event's type is one of these.
	Types []string
	// AllTags: the event carries every one of these.
	AllTags []string
	// CorrelationIDs: the event's metadata "correlation_id" is one of these.
	CorrelationIDs []string
}

func (f Filter) message(faults *faults) *stetv1.Filter {
	if len(f) == 0 {
		return nil
	}
	m := &stetv1.Filter{AnyOf: make([]*stetv1.Filter_Item, len(f))}
	for i, item := range f {
		faults.texts(index("filter.any_of", i)+".stream_prefixes", item.StreamPrefixes)
		faults.texts(index("filter.any_of", i)+".categories", item.Categories)
		faults.texts(index("filter.any_of", i)+".types", item.Types)
		faults.texts(index("filter.any_of", i)+".all_tags", item.AllTags)
		faults.texts(index("filter.any_of", i)+".correlation_ids", item.CorrelationIDs)
		m.AnyOf[i] = &stetv1.Filter_Item{
			StreamPrefixes: item.StreamPrefixes,
			Categories:     item.Categories,
			Types:          item.Types,
			AllTags:        item.AllTags,
			CorrelationIds: item.CorrelationIDs,
		}
	}
	return m
}
