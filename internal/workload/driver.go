package workload

import (
	"context"
	"errors"
)

var (
	// ErrConflict is what drivers answer, wrapped, when an expectation was not
	// met and nothing was written.
	ErrConflict = errors.New("conflict")
	// ErrUnsupported is what drivers answer, wrapped, for what their system does
	// not have.
	ErrUnsupported = errors.New("the system does not have this")
)

// Event is what is appended. It is shared and must not be changed.
type Event struct {
	// Type says what happened.
	Type string
	// JSON is the data.
	JSON string
	// Metadata are strings beside it.
	Metadata map[string]string
}

// Append is one request: events for the end of one stream, all or none.
type Append struct {
	// Stream is the name.
	Stream string
	// Events are at least one. They may be kept until the answer.
	Events []Event
	// Unmet states an expectation that the stream does not meet; else anything
	// is accepted.
	Unmet bool
}

// WriterOptions say how one client writes.
type WriterOptions struct {
	// Client is its number, from 0.
	Client int
	// InFlight is how many appends of [Writer.Send] may be unanswered; 0: only
	// [Writer.Append] is used.
	InFlight int
	// RequestIDs gives each append an id that makes it safe to repeat.
	RequestIDs bool
}

// Dataset is a set of streams of equal length.
type Dataset struct {
	// Name begins the names of the streams.
	Name string
	// Streams is their number, Length the events of each.
	Streams, Length int
}

// Events is their number in all.
func (d Dataset) Events() int { return d.Streams * d.Length }

// Driver speaks to one system. Safe for concurrent use.
type Driver interface {
	// Writer makes a writing client.
	Writer(ctx context.Context, o WriterOptions) (Writer, error)
	// Fill writes a data set as fast as the system can, durable at its end. The
	// streams grow together: each gets its next event when all have the one
	// before. progress is told how many more events are written, by one
	// goroutine at a time.
	Fill(ctx context.Context, d Dataset, p *Payload, progress func(events int)) error
	// ReadAll reads the log once from its start to its present end. seen is told
	// of each batch, in order, and says whether to go on. Without decode the
	// events' own fields are not looked at.
	ReadAll(ctx context.Context, decode bool, seen func(events int) bool) error
	// ReadStream reads a stream and counts its events, all decoded.
	ReadStream(ctx context.Context, stream string) (events int, err error)
	// Follow subscribes to the whole log from now on until ctx ends, which is no
	// error. ready is called once, before any event, when nothing that is
	// appended from now on will be missed, with the position before the first
	// event to come. seen is called for each event with its position; positions
	// are dense. Without decode nothing but the position is looked at.
	Follow(ctx context.Context, decode bool, ready, seen func(position uint64)) error
}

// Writer is one client. It belongs to one goroutine.
type Writer interface {
	// Append returns when the events are durable as the system promises it, with
	// the position of the last one.
	Append(ctx context.Context, a *Append) (last uint64, err error)
	// Send hands over an append, waiting for room at most until ctx ends. done
	// is called once with the outcome, for each append in the order sent, by one
	// goroutine at a time.
	Send(ctx context.Context, a *Append, done func(error)) error
	// Close waits for what is under way.
	Close() error
}
