package importing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/storage"
)

// ErrReused is what [Store.Append] gives for a request id that was used with
// other content.
var ErrReused = errors.New("the request id was used for other content")

// Store is what an import needs of a server.
type Store interface {
	// Append adds the chunk's entries atomically, in their order, without
	// expectation, under its request id, and returns when they are durable. It
	// repeats what is safe to repeat. Replayed tells that they were there.
	// [ErrReused] when the request id was used for other content; an
	// [EventError] when one event is refused.
	Append(ctx context.Context, c *Chunk) (replayed bool, err error)
	// Find looks for an event in a stream; false when it is not there.
	Find(ctx context.Context, stream string, id storage.EventID) (storage.Event, bool, error)
}

// EventError says which event of a chunk a server refused.
type EventError struct {
	Entry, Event int
	Err          error
}

func (e *EventError) Error() string { return e.Err.Error() }

// Unwrap is the refusal.
func (e *EventError) Unwrap() error { return e.Err }

// LineError is a fault at a place of the source.
type LineError struct {
	Source string
	// Line is the number of the line, from 1; Last that of the last line
	// concerned.
	Line, Last int64
	Err        error
}

func (e *LineError) Error() string {
	if e.Last > e.Line {
		return fmt.Sprintf("%s lines %d to %d: %v", e.Source, e.Line, e.Last, e.Err)
	}
	return fmt.Sprintf("%s line %d: %v", e.Source, e.Line, e.Err)
}

// Unwrap is the fault.
func (e *LineError) Unwrap() error { return e.Err }

// Job is one import.
type Job struct {
	// Name is what the source is recognised by.
	Name string
	// Mapping stands for everything else that decides what is made of the
	// source; see [MappingDigest].
	Mapping string
	// Reader yields its records.
	Reader Reader
	// Regroup gathers the events of a stream inside a chunk, so that events of
	// different streams may change places; without it, file order is kept.
	Regroup bool
	// SideFile is the path of the side file; empty: none.
	SideFile string
	// Bad takes records that cannot be imported; nil: the first one stops the
	// import.
	Bad func(Record) error
	// Limits are the server's.
	Limits storage.Limits
	// History is the server's log, Window for how long it remembers request
	// ids.
	History storage.HistoryID
	Window  time.Duration
	// Store takes the chunks.
	Store Store
	// Taken tells how many bytes of the source were read.
	Taken func() int64
	// Report is told after every chunk how far the import is.
	Report func(Summary)
	// Now is the clock.
	Now func() time.Time
}

// Summary counts the records of a source.
type Summary struct {
	// Added events are new, Known ones were there. Bad records were left out.
	Added, Known, Bad int64
	// Chunks of all kinds.
	Chunks int
	// Line is the last line seen.
	Line int64
	// Types counts all events by type; beyond [MaxTypes] types they are
	// counted under the empty name.
	Types map[string]int64
}

// MaxTypes bounds what a mistaken mapping can make of a summary.
const MaxTypes = 1000

// MappingDigest stands for a format and a mapping.
func MappingDigest(format string, m Mapping, regroup bool) (string, error) {
	text, err := json.Marshal(struct {
		Format  string
		Mapping Mapping
		Regroup bool
	}{format, m.withDefaults(), regroup})
	if err != nil {
		return "", fmt.Errorf("hash the mapping: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Run imports. When it fails, what was acknowledged is in the side file, and
// running it again goes on from there.
func (j *Job) Run(ctx context.Context) (Summary, error) {
	s := &sender{job: j, summary: Summary{Types: map[string]int64{}}}
	if err := s.open(); err != nil {
		return s.summary, err
	}
	interrupted := ctx.Done()
	ctx, cancel := context.WithCancel(ctx)
	chunks := make(chan *Chunk, 2)
	produced := lifecycle.Async(func() error {
		defer close(chunks)
		return j.produce(ctx, chunks)
	})
	err := s.send(ctx, chunks)
	cancel()
	select {
	case failed := <-produced:
		if err == nil {
			err = failed
		}
	case <-interrupted:
		// It may be reading from a source that says nothing, which nobody can
		// end; the program does.
	}
	return s.summary, errors.Join(err, s.close())
}

// produce cuts the source into chunks while the ones before are on their way.
func (j *Job) produce(ctx context.Context, chunks chan<- *Chunk) error {
	c := chunker{
		id: newIdentity(j.Name, j.Mapping), name: j.Name, reader: j.Reader, limits: j.Limits, regroup: j.Regroup,
		sum: sha256.New(), marks: sha256.New(), onFault: j.fault,
	}
	for {
		chunk, err := c.next()
		if err != nil {
			return err
		}
		select {
		case chunks <- chunk:
		case <-ctx.Done():
			return ctx.Err()
		}
		if chunk.complete {
			return nil
		}
	}
}

func (j *Job) fault(rec Record) error {
	if j.Bad != nil {
		return j.Bad(rec)
	}
	return &LineError{Source: j.Name, Line: rec.Line, Last: rec.Last, Err: rec.Fault}
}
