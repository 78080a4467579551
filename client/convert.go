package client

import (
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// faults collects what is wrong with a request before it is sent. The server
// judges requests; here is only what could not be sent as it is, above all text
// that is not UTF-8: it would end the whole pipeline.
type faults struct {
	violations []Violation
}

func (f *faults) add(field, problem string) {
	f.violations = append(f.violations, Violation{field, problem})
}

func (f *faults) text(field, s string) {
	if !utf8.ValidString(s) {
		f.add(field, "is not valid UTF-8")
	}
}

func (f *faults) texts(field string, list []string) {
	for i, s := range list {
		if !utf8.ValidString(s) {
			f.text(index(field, i), s)
		}
	}
}

// err is nil when there are no faults.
func (f *faults) err(k call) error {
	if len(f.violations) == 0 {
		return nil
	}
	return invalid(k, f.violations)
}

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// eventMemory is what nearly every event of a request needs. That of all its
// events is allocated at once: they are sent and forgotten together.
type eventMemory struct {
	event stetv1.NewEvent
	json  stetv1.NewEvent_Json
}

func eventMessages(events []Event, path string, faults *faults) []*stetv1.NewEvent {
	out := make([]*stetv1.NewEvent, len(events))
	memory := make([]eventMemory, len(events))
	for i := range events {
		memory[i].set(&events[i], path, i, faults)
		out[i] = &memory[i].event
	}
	return out
}

func (memory *eventMemory) set(e *Event, path string, i int, faults *faults) {
	m := &memory.event
	m.Id = e.ID
	m.Type = e.Type
	m.OccurredAt = timestamp(e.OccurredAt)
	m.Metadata = e.Metadata
	m.Tags = e.Tags
	m.SchemaVersion = e.SchemaVersion
	switch {
	case e.JSON != "" && e.Binary != nil:
		faults.add(index(path, i)+".json", "is set together with binary; give exactly one of them")
	case e.JSON != "":
		memory.json.Json = e.JSON
		m.Payload = &memory.json
	case e.Binary != nil:
		m.Payload = &stetv1.NewEvent_Binary{Binary: e.Binary}
	}
	if !isText(e) {
		at := index(path, i)
		faults.text(at+".id", e.ID)
		faults.text(at+".type", e.Type)
		faults.text(at+".json", e.JSON)
		faults.texts(at+".tags", e.Tags)
		for _, key := range slices.Sorted(maps.Keys(e.Metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(e.Metadata[key]) {
				faults.add(at+".metadata["+strconv.Quote(key)+"]", "is not valid UTF-8")
			}
		}
	}
}

// isText tells whether all texts of an event are valid UTF-8; paths are built
// only when one is not.
func isText(e *Event) bool {
	ok := utf8.ValidString(e.ID) && utf8.ValidString(e.Type) && utf8.ValidString(e.JSON)
	for _, tag := range e.Tags {
		ok = ok && utf8.ValidString(tag)
	}
	for key, value := range e.Metadata {
		ok = ok && utf8.ValidString(key) && utf8.ValidString(value)
	}
	return ok
}

// timestamp is nil for the zero time, which stands for "not given".
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
