package storagetest

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// Week is the window for request ids that the kit's appends carry.
const Week = 7 * 24 * time.Hour

// EventIDOf is the id numbered n, n > 0, in the form of a UUID of version 8.
func EventIDOf(n uint64) storage.EventID {
	var id storage.EventID
	binary.BigEndian.PutUint64(id[8:], n)
	id[6], id[8] = 0x80, id[8]&0x3f|0x80
	return id
}

// Propose makes a valid event with id number n, a type and a JSON payload. Its
// correlation id is its first tag. It panics when they are not valid.
func Propose(n uint64, eventType, json string, tags ...string) storage.NewEvent {
	e := storage.Event{
		ID:      EventIDOf(n),
		Type:    eventType,
		Tags:    tags,
		Kind:    storage.PayloadJSON,
		Payload: []byte(json),
	}
	if len(tags) > 0 {
		e.Metadata = map[string]string{storage.MetadataCorrelationID: tags[0]}
	}
	return ProposeEvent(&e)
}

// ProposeEvent makes the event e ready for an append. It panics when e is not
// valid.
func ProposeEvent(e *storage.Event) storage.NewEvent {
	n, violations := record.NewEventOf(e, storage.Limits{EventBytes: 3 << 20}.WithDefaults())
	if err := storage.Invalid(violations...); err != nil {
		panic(fmt.Sprintf("storagetest: proposed an invalid event: %v", err))
	}
	return n
}

// Expect makes one entry of an append.
func Expect(stream string, expectation storage.Expectation, events ...storage.NewEvent) storage.Entry {
	return storage.Entry{Stream: stream, Expectation: expectation, Events: events}
}

// One makes an append of the entries at an instant, without request id.
func One(at storage.Instant, entries ...storage.Entry) *storage.Append {
	return &storage.Append{Entries: entries, Time: at, Window: Week}
}

// WithRequestID gives the append a request id and the digest that goes with it,
// and returns it.
func WithRequestID(a *storage.Append, id string) *storage.Append {
	a.RequestID = id
	a.Content = record.ContentDigest(a.Entries)
	return a
}
