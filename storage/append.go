package storage

import "time"

// Append is one request to add events: to one stream, or atomically to
// several. Everything that its judgement depends on beside the log is stamped
// into it before it reaches the store, so that judging is a pure function of
// log and request. It is immutable once handed over.
type Append struct {
	// Entries are the streams concerned, no name twice, at least one event in
	// all. An entry without events only checks its expectation.
	Entries []Entry
	// RequestID makes the request safe to repeat; empty: it has none.
	RequestID string
	// Content is a digest of expectations and events without server-made
	// parts; set where RequestID is.
	Content [16]byte
	// Time is the server's clock when the request came. The events get the
	// larger of it and the recorded time before them, which for the first is 0.
	Time Instant
	// Window is for how long after its recorded time a RequestID is
	// remembered.
	Window time.Duration
	// Lane is the pipeline that the request belongs to; nil: none.
	Lane *Lane
	// Refused is set on a request that is already known to be invalid but
	// keeps its place in the order of its lane: it is answered with this error
	// in its turn and never judged.
	Refused error
}

// Entry is the part of an append that concerns one stream.
type Entry struct {
	// Stream is the name.
	Stream string
	// Expectation is what the stream must be like; never zero.
	Expectation Expectation
	// Events in order; none: a pure check.
	Events []NewEvent
}

// EventCount is the number of events in all entries.
func (a *Append) EventCount() int {
	n := 0
	for i := range a.Entries {
		n += len(a.Entries[i].Events)
	}
	return n
}

// Appended is the answer to an accepted append. Positions are contiguous, in
// the order of the request.
type Appended struct {
	// First and Last are the positions of the first and the last event.
	First, Last Position
	// RecordedAt is the time that the events share.
	RecordedAt Instant
	// Entries are the answers to the request's entries, in its order.
	Entries []AppendedEntry
	// IDs are the ids of all events in order. They are the request's, or in a
	// replay those written first.
	IDs []EventID
	// Replayed tells that an earlier identical request wrote the events.
	Replayed bool
}

// AppendedEntry tells where the events of one entry are: versions First to
// Last, both included, or 0 and 0 for an entry without events.
type AppendedEntry struct {
	First, Last Version
}

// Lane is what the appends of one pipeline share. Its state belongs to the
// store's writer.
type Lane struct {
	// HaltOnError makes every request after the first refused one be refused.
	// Immutable after the first request.
	HaltOnError bool

	halted bool
}

// Halted tells whether a request of the lane was refused and the lane halts on
// that. Only for the store's writer; safe on nil.
func (l *Lane) Halted() bool { return l != nil && l.halted }

// Refuse notes that a request of the lane was refused. Only for the store's
// writer; safe on nil.
func (l *Lane) Refuse() {
	if l != nil && l.HaltOnError {
		l.halted = true
	}
}
