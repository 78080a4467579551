package server

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// shape says which of the three requests to append a proposal came in.
type shape struct {
	// prefix of the paths of its fields.
	prefix string
	// atomic: several entries, of which some may be without events.
	atomic bool
}

var (
	shapeAppend   = shape{}
	shapeAtomic   = shape{atomic: true}
	shapePipeline = shape{prefix: "append."}
)

// complete judges a proposal and stamps everything into it that its judgement
// depends on beside the log. withIDs tells that the server made some of its
// ids.
func (s *Service) complete(p *wire.Proposal, shape shape) (withIDs bool, err error) {
	if err := storage.Invalid(shape.violations(p, &s.o.Limits)...); err != nil {
		return false, err
	}
	a := &p.Append
	if a.Time, err = s.guard.Stamp(); err != nil {
		return false, err
	}
	if a.RequestID != "" {
		a.Window = s.o.Limits.RequestWindow()
		a.Content = record.ContentDigest(a.Entries) // knows which ids the client gave
	}
	return makeIDs(a)
}

// makeIDs gives an id to every event without one.
func makeIDs(a *storage.Append) (made bool, err error) {
	for i := range a.Entries {
		events := a.Entries[i].Events
		for j := range events {
			if !events[j].ServerMadeID {
				continue
			}
			id, err := uuid.NewV7()
			if err != nil {
				return false, fmt.Errorf("make an event id: %w", err)
			}
			events[j].ID = storage.EventID(id)
			made = true
		}
	}
	return made, nil
}

// violations are all faults of a proposal, those of its form included.
func (s shape) violations(p *wire.Proposal, limits *storage.Limits) []storage.Violation {
	c := checker{shape: s, limits: limits, found: p.Violations, whole: !p.Incomplete}
	if s.atomic {
		c.atomic(&p.Append)
	}
	for i := range p.Append.Entries {
		c.entry(i, &p.Append.Entries[i])
	}
	if p.Append.RequestID != "" {
		if problem := storage.TextProblem(p.Append.RequestID, limits.RequestIDBytes); problem != "" {
			c.fault(s.prefix+"request_id", problem)
		}
	}
	return c.found
}

// checker judges what a proposal means, after package wire has judged its form.
type checker struct {
	shape  shape
	limits *storage.Limits
	found  []storage.Violation
	// whole: what is absent was left out by the client.
	whole bool
}

func (c *checker) fault(path, problem string) {
	if len(c.found) < wire.MaxViolations {
		c.found = append(c.found, storage.Violation{Field: path, Problem: problem})
	}
}

// path is that of a field of the entry.
func (c *checker) path(entry int, field string) string {
	if c.shape.atomic {
		return fmt.Sprintf("entries[%d].%s", entry, field)
	}
	return c.shape.prefix + field
}

func (c *checker) atomic(a *storage.Append) {
	switch {
	case !c.whole:
	case len(a.Entries) == 0:
		c.fault("entries", fmt.Sprintf("is empty; give 1 to %d entries", c.limits.RequestEntries))
	case a.EventCount() == 0:
		c.fault("entries", "have no event at all; give at least one")
	}
	first := make(map[string]int, len(a.Entries))
	for i := range a.Entries {
		name := a.Entries[i].Stream
		if before, ok := first[name]; ok && name != "" {
			c.fault(c.path(i, "stream"), fmt.Sprintf("is the same as entries[%d].stream; put all events of a stream into one entry", before))
			continue
		}
		first[name] = i
	}
}

func (c *checker) entry(i int, e *storage.Entry) {
	if e.Stream != "" || c.whole {
		if problem := storage.AppendStreamProblem(e.Stream, *c.limits); problem != "" {
			c.fault(c.path(i, "stream"), problem)
		}
	}
	if e.Expectation.IsZero() && c.whole {
		c.noExpectation(c.path(i, "expectation"))
	}
	if len(e.Events) == 0 && c.whole && !c.shape.atomic {
		c.fault(c.path(i, "events"), fmt.Sprintf("is empty; give 1 to %d events", c.limits.RequestEvents))
	}
	for j := range e.Events {
		if size := record.SizeBound(e.Stream, &e.Events[j]); size > c.limits.EventBytes {
			c.fault(c.path(i, fmt.Sprintf("events[%d]", j)),
				fmt.Sprintf("may take %d bytes as stored; at most %d are allowed", size, c.limits.EventBytes))
		}
	}
}

// noExpectation refuses an expectation that is not stated, unless one was and
// had a fault of its own.
func (c *checker) noExpectation(path string) {
	for _, v := range c.found {
		if strings.HasPrefix(v.Field, path) {
			return
		}
	}
	c.fault(path, "is not stated; give a version, or one of STATE_ANY, STATE_NO_STREAM and STATE_EXISTS")
}
