package tick

import "fmt"

// Fault is a mistake in a specification, found when it is compiled.
type Fault struct {
	// Path leads to the mistake, as in handler[0].append.target.
	Path string
	// Problem says what is wrong, for people.
	Problem string
}

func (f Fault) Error() string { return f.Path + ": " + f.Problem }

// Reason is why an operation was skipped.
type Reason uint8

// The reasons.
const (
	// MissingValue means that a path without ? led nowhere.
	MissingValue Reason = iota + 1
	// WrongType means that a value was not of the kind that was needed.
	WrongType
	// Rounded means that a number would have to be rounded, or is beyond the
	// bounds of numbers.
	Rounded
	// LimitReached means that steps, bytes or nesting had no room left.
	LimitReached
)

// String is the reason's name in answers and logs.
func (r Reason) String() string {
	switch r {
	case MissingValue:
		return "missing_value"
	case WrongType:
		return "wrong_type"
	case Rounded:
		return "rounded"
	case LimitReached:
		return "limit_reached"
	default:
		return "unknown"
	}
}

// Warning says that an operation was skipped, and how often in one run.
type Warning struct {
	// Path leads to the operation in the specification.
	Path   string
	Reason Reason
	// Problem says what was wrong, for people.
	Problem string
	Count   int
}

// fault is why a value could not be made.
type fault struct {
	reason  Reason
	problem string
}

// RunError says why a predicate or template gave nothing.
type RunError struct {
	Reason Reason
	// Problem says what was wrong, for people.
	Problem string
}

func (e *RunError) Error() string { return e.Problem }

var (
	// absent is no fault: an optional path led nowhere.
	absent = &fault{}
	// outOfSteps ends an operation of the outermost list, and all after it.
	outOfSteps = &fault{LimitReached, "the steps for one event have run out"}
	tooLarge   = &fault{LimitReached, "the state would be too large"}
	tooDeep    = &fault{LimitReached, "the state would nest too deep"}
	notExact   = &fault{Rounded, "the result would have to be rounded, or is out of bounds"}
)

// kindNames are for people.
var kindNames = [...]string{"nothing", "null", "a bool", "a number", "a string", "an array", "an object"}

// typeFault says in its format of what kind the value is.
func typeFault(format string, v Value) *fault {
	return &fault{WrongType, fmt.Sprintf(format, kindNames[v.Kind()])}
}

// isMissing tells the faults that a default answers.
func (f *fault) isMissing() bool { return f == absent || f.reason == MissingValue }

// warn counts a skipped operation. Problems are made of what stands in the
// handler and of kinds, so there are few: warnings are bounded.
func (m *machine) warn(op *operation, f *fault) {
	for i := range m.warnings {
		w := &m.warnings[i]
		if w.Path == op.path && w.Problem == f.problem {
			w.Count++
			return
		}
	}
	m.warnings = append(m.warnings, Warning{op.path, f.reason, f.problem, 1})
}
