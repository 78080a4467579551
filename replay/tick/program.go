package tick

import "github.com/stet-db/stet/replay/value"

// Version is raised whenever the same handler would make another state of the
// same events: what was derived before must then be derived again.
const Version = 1

// Program is a compiled handler. It is immutable and may run in many
// goroutines at once. A nil Program changes nothing.
type Program struct {
	block block
	reads []Read
}

// Predicate is a compiled condition, immutable like a [Program].
type Predicate struct {
	predicate predicate
	reads     []Read
}

// Template is a compiled value, immutable like a [Program].
type Template struct {
	expression expression
	reads      []Read
}

// Scope says what a predicate or template may look at beside the event.
type Scope uint8

// The scopes, to be joined by |.
const (
	// ScopeState allows @, the state of an aggregate.
	ScopeState Scope = 1 << iota
	// ScopeItem allows %, one item of several.
	ScopeItem
)

// Scene is what a predicate or template looks at.
type Scene struct {
	State Value
	Item  Value
	Event *Input
}

// Empty tells that the handler does nothing at all: its events are for the
// record only.
func (p *Program) Empty() bool { return p == nil || len(p.block.operations) == 0 }

// Reads are the paths under $.data that the program names, in their order in
// the specification.
func (p *Program) Reads() []Read {
	if p == nil {
		return nil
	}
	return p.reads
}

// Reads are the paths under $.data that the predicate names.
func (p *Predicate) Reads() []Read { return p.reads }

// Reads are the paths under $.data that the template names.
func (t *Template) Reads() []Read { return t.reads }

// Run gives the state after the event. It is a pure function: the same state,
// event and limits give the same answer always (I14). No value stands for the
// first state, {}. What faults is skipped and told as a warning. No limits are
// the default ones. The event is read only while Run runs; parts of its data
// may live on in the state.
//
// A program compiled from an upcast runs the same way: its state is the data
// of the event.
func (p *Program) Run(state Value, event *Input, limits *Limits) (Value, []Warning) {
	if state.IsNone() {
		state = value.Object()
	}
	if p.Empty() {
		return state, nil
	}
	m := newMachine(event, limits)
	out, _ := m.run(&p.block, state, true) // the outermost list keeps its faults as warnings
	return out, m.warnings
}

// Holds tells whether the predicate is true of the scene. The error is a
// [*RunError] and means that a limit was reached: then it is not known.
func (p *Predicate) Holds(s *Scene, limits *Limits) (bool, error) {
	m := newMachine(s.Event, limits)
	m.state, m.item = s.State, s.Item
	yes := m.holds(&p.predicate)
	if m.meter.Out() {
		return false, &RunError{outOfSteps.reason, outOfSteps.problem}
	}
	return yes, nil
}

// Make makes the template's value. There is none, and no error, when a path
// with ? led nowhere. The error is a [*RunError].
func (t *Template) Make(s *Scene, limits *Limits) (Value, error) {
	m := newMachine(s.Event, limits)
	m.state, m.item = s.State, s.Item
	v, f := m.evaluate(&t.expression)
	if f == nil {
		f = m.tooMuch(v)
	}
	switch f {
	case nil:
		return v, nil
	case absent:
		return Value{}, nil
	}
	return Value{}, &RunError{f.reason, f.problem}
}
