package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// Fixture is a test of a specification: events in, state out. Nothing is read
// from a store or written to one.
type Fixture struct {
	// Spec is the specification; nil: the one in force.
	Spec []byte
	// Type and ID name the aggregate; ID may be empty.
	Type, ID string
	// Given are states of other aggregates that conditions look at.
	Given []GivenState
	// Events happen in this order.
	Events []FixtureEvent
	// Expect is the state that is expected, as JSON; nil: none is.
	Expect []byte
}

// GivenState is the state of another aggregate.
type GivenState struct {
	Type, ID string
	State    []byte
}

// FixtureEvent is one event of a fixture.
type FixtureEvent struct {
	NewEvent
	// RecordedAt is its time; nil: a second after the one before, from 1970 on.
	RecordedAt *storage.Instant
	// Refused is the code word with which the event must be refused if somebody
	// wanted to write it now; then it does not count. Empty: the event is a fact,
	// which nobody judges.
	Refused string
}

// FixtureResult is what came out.
type FixtureResult struct {
	// Passed tells that there are no problems.
	Passed bool
	// Problems are what was expected otherwise.
	Problems []Fault
	// State is what the events make.
	State replay.State
	// Steps are the events that count, and what each changed.
	Steps []FixtureStep
	// Patch makes what came out of what was expected; empty when they are equal.
	Patch replay.Patch
	// Warnings are advice about the specification, where one was given.
	Warnings []spec.Warning
}

// FixtureStep is one event and what it changed.
type FixtureStep struct {
	// Index is the place of the event in the fixture, from 0.
	Index int
	Type  string
	Patch replay.Patch
	State value.Value
	// Known is false when the specification lacks the event.
	Known    bool
	Warnings []tick.Warning
}

// TestSpec runs the handlers and conditions of the specification in force, or of
// the fixture's own, on the fixture, until ctx ends. The error is a [*Refusal] or
// that of ctx.
func (s *Service) TestSpec(ctx context.Context, f *Fixture) (FixtureResult, error) {
	return runFixture(ctx, s.current.Load(), f, s.o.Limits)
}

// TestSpec runs a fixture that brings its specification, without a service.
func TestSpec(f *Fixture) (FixtureResult, error) {
	return runFixture(context.Background(), noRules(), f, storage.Limits{}.WithDefaults())
}

func runFixture(ctx context.Context, book *rulebook, f *Fixture, limits storage.Limits) (FixtureResult, error) {
	var out FixtureResult
	if n := len(f.Events); n > limits.RequestEvents {
		return out, refuseAt(CodeInvalidRequest, "events", fmt.Sprintf("has %d events; at most %d are allowed", n, limits.RequestEvents))
	}
	if f.Spec != nil {
		parsed, faults, warnings := spec.Parse(f.Spec)
		if parsed == nil {
			all := make([]Fault, len(faults))
			for i, f := range faults {
				all[i] = Fault{under("spec", f.Path), f.Problem}
			}
			return out, refuseAll(CodeInvalidSpec, all)
		}
		book, out.Warnings = newRulebook(0, parsed), warnings
	}
	t, err := book.typeOf(f.Type)
	if err != nil {
		return out, err
	}
	r := fixtureRun{f: f, typ: t, out: &out, fold: replay.NewFold(t.rules)}
	r.judgement = &judgement{drafter: drafter{book: book, limits: &limits}, views: map[string]*view{}, staged: map[string][]*draft{}}
	if err := r.given(); err != nil {
		return out, err
	}
	for i := range f.Events {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if err := r.event(i); err != nil {
			return out, err
		}
	}
	out.State = r.fold.State()
	if err := r.compare(); err != nil {
		return out, err
	}
	out.Passed = len(out.Problems) == 0
	return out, nil
}

// fixtureRun is one run of a fixture.
type fixtureRun struct {
	f         *Fixture
	typ       *ruledType
	out       *FixtureResult
	fold      *replay.Fold
	judgement *judgement
	at        storage.Instant
	version   storage.Version
}

// given puts the states of others where conditions look for them.
func (r *fixtureRun) given() error {
	for i, g := range r.f.Given {
		path := strictjson.Element("given", i)
		t, ok := r.judgement.drafter.book.types[g.Type]
		if !ok {
			return refuseAt(CodeUnknownType, path, fmt.Sprintf("the specification has no aggregate type %q", g.Type))
		}
		state, err := value.Parse(g.State)
		if err != nil {
			return refuseParse(CodeInvalidRequest, under(path, "state"), err)
		}
		if !state.IsObject() {
			return refuseAt(CodeInvalidRequest, under(path, "state"), "a state is an object")
		}
		r.judgement.views[t.Stream(g.ID)] = &view{version: 1, fold: replay.ResumeFold(t.rules, replay.State{Value: state, Version: 1})}
	}
	return nil
}

// event folds a fact, or wants a refusal.
func (r *fixtureRun) event(i int) error {
	e := &r.f.Events[i]
	path := strictjson.Element("events", i)
	const second = 1_000_000
	if r.at += second; e.RecordedAt != nil {
		r.at = *e.RecordedAt
	}
	if e.Refused != "" {
		r.wantRefusal(e, path)
		return nil
	}
	if len(e.Data) == 0 {
		e.Data = []byte("{}")
	}
	event := replay.NewEvent(&storage.Event{
		Stream: r.typ.Stream(r.f.ID), Version: r.version + 1, Position: storage.Position(r.version + 1), RecordedAt: r.at,
		Type: e.Type, Kind: storage.PayloadJSON, Payload: e.Data, SchemaVersion: e.Metadata.SchemaVersion,
		OccurredAt: e.Metadata.OccurredAt, Tags: e.Metadata.Tags,
	})
	if event.Problem != "" {
		return refuseAt(CodeInvalidData, under(path, "data"), event.Problem)
	}
	r.version++
	r.name(&event, &e.Metadata)
	step := r.fold.Step(&event)
	r.out.Steps = append(r.out.Steps, FixtureStep{
		Index: i, Type: e.Type, Patch: step.Patch(), State: step.After, Known: step.Known, Warnings: step.Warnings,
	})
	return nil
}

// name puts what the fixture says of an event where handlers look for it.
func (r *fixtureRun) name(event *replay.Event, m *Metadata) {
	to := &event.Metadata
	if m.Actor != nil {
		to.ActorType, to.ActorID = m.Actor.Type, m.Actor.ID
	}
	to.EventID, to.CorrelationID, to.CausationID, to.Extra = m.EventID, m.CorrelationID, m.CausationID, m.Extra
	if m.SchemaVersion == 0 {
		if h, ok := r.typ.rules.Handlers[event.Type]; ok {
			to.SchemaVersion = uint64(h.Version) // as the server would stamp it
		}
	}
}

// wantRefusal judges an event as if somebody wanted to write it now.
func (r *fixtureRun) wantRefusal(e *FixtureEvent, path string) {
	j := r.judgement
	j.at = r.at
	stream := r.typ.Stream(r.f.ID)
	j.views[stream] = &view{version: r.version, fold: replay.ResumeFold(r.typ.rules, r.fold.State())}
	d, err := j.drafter.draft(&proposal{typ: r.typ, id: r.f.ID, path: path, name: e.Type, data: e.Data, meta: e.Metadata})
	if err == nil {
		err = j.judge(context.Background(), d)
		delete(j.staged, stream)
		j.order = nil
	}
	var refusal *Refusal
	switch {
	case err == nil:
		r.out.Problems = append(r.out.Problems, Fault{path, fmt.Sprintf("should be refused with %s, and would be accepted", e.Refused)})
	case !errors.As(err, &refusal):
		r.out.Problems = append(r.out.Problems, Fault{path, err.Error()})
	case refusal.Code != e.Refused:
		r.out.Problems = append(r.out.Problems, Fault{path, fmt.Sprintf("should be refused with %s, and is with %s: %v", e.Refused, refusal.Code, refusal)})
	}
}

func (r *fixtureRun) compare() error {
	if r.f.Expect == nil {
		return nil
	}
	expected, err := value.Parse(r.f.Expect)
	if err != nil {
		return refuseParse(CodeInvalidRequest, "expect", err)
	}
	r.out.Patch = replay.Diff(expected, r.out.State.Value)
	if len(r.out.Patch) > 0 {
		r.out.Problems = append(r.out.Problems, Fault{"expect", fmt.Sprintf("the state is another in %d places, the first: %s %s", len(r.out.Patch), r.out.Patch[0].Op, r.out.Patch[0].Path)})
	}
	return nil
}
