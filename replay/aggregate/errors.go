package aggregate

import (
	"fmt"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/replay/spec"
)

// Kind says what a caller can do about a refusal. Front ends make statuses of
// it.
type Kind uint8

// The kinds.
const (
	// Malformed: the request says something that cannot be asked (HTTP 400).
	Malformed Kind = iota + 1
	// Unauthorized and Forbidden: a condition of the specification says so
	// (HTTP 401, 403).
	Unauthorized
	Forbidden
	// Missing: there is no such thing (HTTP 404).
	Missing
	// Conflicting: it contradicts what is there (HTTP 409).
	Conflicting
	// Unprocessable: it breaks a rule (HTTP 422).
	Unprocessable
	// Unavailable: not now (HTTP 503).
	Unavailable
)

// The code words of refusals. A condition of a specification has its own.
const (
	CodeInvalidRequest    = "INVALID_REQUEST"       // a parameter is out of its range, or contradicts another
	CodeUnknownType       = "UNKNOWN_TYPE"          // the specification has no such aggregate type
	CodeUnknownEvent      = "UNKNOWN_EVENT"         // the type has no such event
	CodeNotFound          = "NOT_FOUND"             // nothing was ever written to the aggregate
	CodeBeforeFirstEvent  = "BEFORE_FIRST_EVENT"    // the point is before the aggregate's first event
	CodeInvalidID         = "INVALID_ID"            // the aggregate's id breaks the rule for ids
	CodeInvalidActor      = "INVALID_ACTOR"         // the actor is missing or of a type that is not allowed
	CodeInvalidData       = "INVALID_DATA"          // the data breaks the event's schema
	CodeInvalidMetadata   = "INVALID_METADATA"      // something in the metadata is wrong
	CodeInvalidImplied    = "INVALID_IMPLIED_EVENT" // an event that would be implied breaks a rule
	CodeMismatch          = "IDEMPOTENCY_MISMATCH"  // the request id was used for other content
	CodeInvalidSpec       = "INVALID_SPECIFICATION" // the specification has faults
	CodeIncompatibleSpec  = "INCOMPATIBLE_CHANGE"   // events were written that the new specification lacks
	CodeNoSpecification   = "NO_SPECIFICATION"      // none was ever put
	CodeUnknownSpec       = "UNKNOWN_VERSION"       // the specification has no such version
	CodePositionNotYet    = "POSITION_NOT_REACHED"  // the log did not reach the position in time
	CodePositionTooFar    = "POSITION_TOO_FAR"      // the position is far beyond the end of the log
	CodeTooManyEvents     = "TOO_MANY_EVENTS"       // more events than one question may fold
	CodeUndecided         = "RULE_TOO_COSTLY"       // a condition ran into the limits of running
	CodeInvalidTime       = "INVALID_TIME"          // not a time
	CodeRawNeedsExecution = "USE_EXECUTE"           // the event has conditions or implies others: not in a pipeline
)

// Refusal is an answer of no, for a reason that the caller can see and mend.
// Nothing was written.
type Refusal struct {
	Kind Kind
	// Code is a word for programs.
	Code string
	// Problem is a sentence for people.
	Problem string
	// Path leads to what is wrong in the request; empty: all of it.
	Path string
	// Condition tells that a condition of the specification did not hold, so that
	// Code is the specification's word.
	Condition bool
	// Faults are all that is wrong, the first of which Path and Problem tell,
	// where there can be several.
	Faults []Fault
}

// Fault is one thing wrong with a request or a specification.
type Fault struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
}

func (r *Refusal) Error() string {
	if r.Path == "" {
		return r.Problem
	}
	return r.Path + ": " + r.Problem
}

func refuse(kind Kind, code, problem string) *Refusal {
	return &Refusal{Kind: kind, Code: code, Problem: problem}
}

// refuseAt names the place in the request.
func refuseAt(code, path, problem string) *Refusal {
	return &Refusal{Kind: Unprocessable, Code: code, Path: path, Problem: problem}
}

// refuseAll tells several faults.
func refuseAll(code string, faults []Fault) *Refusal {
	return &Refusal{Kind: Unprocessable, Code: code, Path: faults[0].Path, Problem: faults[0].Problem, Faults: faults}
}

// kindOf are the kinds of the statuses that a condition may have.
func kindOf(status int) Kind {
	switch status {
	case 401:
		return Unauthorized
	case 403:
		return Forbidden
	case 409:
		return Conflicting
	default:
		return Unprocessable
	}
}

// broken is the refusal of a condition that does not hold.
func broken(r *spec.Require) *Refusal {
	return &Refusal{Kind: kindOf(r.Status), Code: r.Code, Problem: r.Error, Condition: true}
}

// brokenBecause is the refusal of a condition on another aggregate that cannot
// even be named, so that it does not hold.
func brokenBecause(r *spec.Require, path, why string) *Refusal {
	no := broken(r)
	no.Path, no.Problem = path, fmt.Sprintf("%s (%s)", no.Problem, why)
	return no
}

// under is the path of a part inside of another.
func under(outer, inner string) string {
	switch {
	case outer == "":
		return inner
	case inner == "" || inner[0] == '[':
		return outer + inner
	default:
		return outer + "." + inner
	}
}

func member(path, key string) string { return strictjson.Child(path, key) }
