package replay

import (
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// State is what the events of one aggregate make, as of one of them. It is
// immutable, and copied freely.
type State struct {
	// Value is the state: an object, {} before the first event.
	Value value.Value
	// Version is the version of the last event folded, which is the length of
	// the stream up to there; 0: none was.
	Version storage.Version
	// Position is that of the last event folded.
	Position storage.Position
	// CreatedAt and UpdatedAt are the times of the first and last event folded.
	CreatedAt, UpdatedAt storage.Instant
	// Skipped counts the events whose type the rules lack.
	Skipped uint64
	// Warnings are what could not be done, by event type, place and problem, at
	// most [MaxWarnings] of them; MoreWarnings counts the others. Nobody may
	// change the slice.
	Warnings     []Warning
	MoreWarnings uint64
}

// MaxWarnings bounds how many different warnings a state tells.
const MaxWarnings = 100

// Warning is one thing that could not be done, and how often.
type Warning struct {
	// Event is the type of the events.
	Event string
	tick.Warning
}

// WarningCount is how often something could not be done, in all.
func (s *State) WarningCount() uint64 {
	n := s.MoreWarnings
	for i := range s.Warnings {
		n += uint64(s.Warnings[i].Count)
	}
	return n
}

// Fold derives the state of one aggregate. It is for one goroutine.
type Fold struct {
	rules *Rules
	state State
	owned bool // the slice of warnings is the fold's own
}

// NewFold begins before the first event.
func NewFold(rules *Rules) *Fold { return ResumeFold(rules, State{}) }

// ResumeFold begins after the event that made the state, under the same rules.
func ResumeFold(rules *Rules, from State) *Fold {
	if from.Value.IsNone() {
		from.Value = value.Object()
	}
	return &Fold{rules: rules, state: from}
}

// State is what the events so far make.
func (f *Fold) State() State {
	f.owned = false
	return f.state
}

// Apply folds the next event. It never fails.
func (f *Fold) Apply(e *Event) {
	f.next(e)
}

// next folds the event and tells what it warned of.
func (f *Fold) next(e *Event) (known bool, warnings []tick.Warning) {
	known, warnings = f.run(e)
	s := &f.state
	if s.Version == 0 {
		s.CreatedAt, s.UpdatedAt = e.RecordedAt, e.RecordedAt
	}
	// Events may come in another order than they were recorded in.
	s.CreatedAt, s.UpdatedAt = min(s.CreatedAt, e.RecordedAt), max(s.UpdatedAt, e.RecordedAt)
	s.Version, s.Position = max(s.Version, storage.Version(e.Version)), max(s.Position, e.Position)
	return known, warnings
}

// run runs the handler and tells what it warned of.
func (f *Fold) run(e *Event) (known bool, warnings []tick.Warning) {
	h, known := f.rules.Handlers[e.Type]
	if !known {
		f.state.Skipped++
		return false, nil
	}
	if e.Problem != "" {
		warnings = []tick.Warning{{Path: "data", Reason: tick.WrongType, Problem: e.Problem, Count: 1}}
		f.warn(e.Type, warnings)
		return true, warnings
	}
	event := &e.Input
	if h.Upcast != nil && e.Metadata.SchemaVersion != uint64(h.Version) {
		present := e.Input
		present.Data, warnings = h.Upcast(e.Data, uint32(e.Metadata.SchemaVersion))
		event = &present
	}
	next, more := h.Program.Run(f.state.Value, event, &f.rules.Limits)
	f.state.Value = next
	if len(warnings) == 0 {
		warnings = more
	} else {
		warnings = append(warnings, more...)
	}
	if len(warnings) > 0 {
		f.warn(e.Type, warnings)
	}
	return true, warnings
}

// warn adds to the state's warnings, in a slice that no other state has.
func (f *Fold) warn(event string, warnings []tick.Warning) {
	s := &f.state
	if !f.owned {
		s.Warnings = append(make([]Warning, 0, len(s.Warnings)+len(warnings)), s.Warnings...)
		f.owned = true
	}
next:
	for _, w := range warnings {
		for i := range s.Warnings {
			if seen := &s.Warnings[i]; seen.Event == event && seen.Path == w.Path && seen.Problem == w.Problem {
				seen.Count += w.Count
				continue next
			}
		}
		if len(s.Warnings) == MaxWarnings {
			s.MoreWarnings += uint64(w.Count)
			continue
		}
		s.Warnings = append(s.Warnings, Warning{event, w})
	}
}

// Step is one event and what it changed.
type Step struct {
	// Event is what happened.
	Event *Event
	// Before and After are the states around it.
	Before, After value.Value
	// Known is false when the rules lack the event's type, so that it was
	// skipped.
	Known bool
	// Warnings are what could not be done.
	Warnings []tick.Warning
}

// Patch is the change from Before to After.
func (s *Step) Patch() Patch { return Diff(s.Before, s.After) }

// Step folds the next event and tells what it changed.
func (f *Fold) Step(e *Event) Step {
	step := Step{Event: e, Before: f.state.Value}
	step.Known, step.Warnings = f.next(e)
	step.After = f.state.Value
	return step
}
