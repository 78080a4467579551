package spec

import (
	"slices"

	"github.com/stet-db/stet/replay/tick"
)

// Event is the declaration of an event of one type. It is immutable.
type Event struct {
	name     string
	version  uint32
	program  *tick.Program
	schema   *schema
	requires []Require
	implies  []Imply
	upcasts  []*tick.Program // from version i+1 to the next
	place    string          // in the specification
}

// Name of the event.
func (e *Event) Name() string { return e.name }

// Version is the present schema version of the event's data, from 1.
func (e *Event) Version() uint32 { return e.version }

// Program is the handler; nil for an event that changes no state.
func (e *Event) Program() *tick.Program { return e.program }

// Requires are what must hold for the event to be recorded, to be judged in
// this order.
func (e *Event) Requires() []Require { return slices.Clone(e.requires) }

// MaySkipExpectation tells whether the event may be written without regard to
// what was written meanwhile (skip_occ). Not so one that requires something:
// it would then be judged on a state that is no more.
func (e *Event) MaySkipExpectation() bool { return len(e.requires) == 0 }

// Implies are the further events to be written with this one. Those imply
// nothing in turn.
func (e *Event) Implies() []Imply { return slices.Clone(e.implies) }

// MaxImplied is the number of events that one event may imply, in the
// specification and when it is written.
const MaxImplied = 100

// Require is a condition on a state.
type Require struct {
	// That is what must hold. Its @ is the state of the aggregate of the
	// event before it, or that of the other aggregate if there is an Of.
	That *tick.Predicate
	// Of names another aggregate; nil for the event's own.
	Of *Aggregate
	// Code is the word for programs when it does not hold.
	Code string
	// Error is the sentence for people.
	Error string
	// Status is the HTTP status: 401, 403, 409 or 422.
	Status int
}

// Aggregate names an aggregate by two templates, which see the event, and the
// state @ of the event's own aggregate before it.
type Aggregate struct {
	Type, ID *tick.Template
}

// Imply says which further events to write.
type Imply struct {
	// ForEach makes an array; the rest is then done for each of its items,
	// which is % there. Nil: it is done once.
	ForEach *tick.Template
	// When must hold; nil: it always does.
	When *tick.Predicate
	// Type, ID, Event and Data make the event. They see the event that
	// implies it, and the item, but no state.
	Type, ID, Event, Data *tick.Template
}

// DataFault says where data does not match the schema.
type DataFault struct {
	// Path leads into the data, as in items[3].price; empty for the whole. Of
	// what is missing, it is where it should be.
	Path string
	// Problem says what is wrong, for people.
	Problem string
}

func (f DataFault) Error() string {
	if f.Path == "" {
		return f.Problem
	}
	return f.Path + ": " + f.Problem
}
