package server

import (
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// ReasonRequirementNotMet: a condition of the specification does not hold; the
// metadata has its code word.
const ReasonRequirementNotMet = "REQUIREMENT_NOT_MET"

// ruleCodes are the codes of the refusals of package aggregate, whose own code
// words are the reasons, but for those in ruleReasons.
var ruleCodes = map[string]codes.Code{
	aggregate.CodeInvalidRequest:    codes.InvalidArgument,
	aggregate.CodeUnknownType:       codes.NotFound,
	aggregate.CodeUnknownEvent:      codes.NotFound,
	aggregate.CodeNotFound:          codes.NotFound,
	aggregate.CodeBeforeFirstEvent:  codes.NotFound,
	aggregate.CodeInvalidID:         codes.InvalidArgument,
	aggregate.CodeInvalidActor:      codes.InvalidArgument,
	aggregate.CodeInvalidData:       codes.InvalidArgument,
	aggregate.CodeInvalidMetadata:   codes.InvalidArgument,
	aggregate.CodeInvalidImplied:    codes.FailedPrecondition,
	aggregate.CodeMismatch:          codes.AlreadyExists,
	aggregate.CodeInvalidSpec:       codes.InvalidArgument,
	aggregate.CodeIncompatibleSpec:  codes.FailedPrecondition,
	aggregate.CodeNoSpecification:   codes.NotFound,
	aggregate.CodeUnknownSpec:       codes.NotFound,
	aggregate.CodePositionNotYet:    codes.Unavailable,
	aggregate.CodePositionTooFar:    codes.OutOfRange,
	aggregate.CodeTooManyEvents:     codes.FailedPrecondition,
	aggregate.CodeUndecided:         codes.FailedPrecondition,
	aggregate.CodeInvalidTime:       codes.InvalidArgument,
	aggregate.CodeRawNeedsExecution: codes.InvalidArgument,
}

// ruleReasons are the reasons that had another word before.
var ruleReasons = map[string]string{aggregate.CodeMismatch: ReasonRequestIDReused}

// ruleRefusal: the specification, or what it has made of the log, says no.
func ruleRefusal(err error) (refusal, bool) {
	e, ok := errors.AsType[*aggregate.Refusal](err)
	if !ok {
		return refusal{}, false
	}
	if e.Condition {
		return refusal{
			code: codes.FailedPrecondition, reason: ReasonRequirementNotMet, message: e.Error(), facts: map[string]string{"code": e.Code},
		}, true
	}
	code, ok := ruleCodes[e.Code]
	if !ok {
		return refusal{}, false // a fault of ours: a test wants all of them in the table
	}
	r := refusal{code: code, reason: e.Code, message: e.Error()}
	if other, ok := ruleReasons[e.Code]; ok {
		r.reason = other
	}
	if violations := printable(ruleViolations(e)); len(violations) > 0 {
		r.violations, r.message = violations, summary(violations)
	}
	return r, true
}

// ruleViolations are the faults of a request that a refusal tells.
func ruleViolations(e *aggregate.Refusal) []storage.Violation {
	if len(e.Faults) == 0 && e.Path != "" {
		return []storage.Violation{{Field: e.Path, Problem: e.Problem}}
	}
	out := make([]storage.Violation, len(e.Faults))
	for i, f := range e.Faults {
		out[i] = storage.Violation{Field: f.Path, Problem: f.Problem}
	}
	return out
}
