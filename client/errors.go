package client

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrClosed ends a subscription whose client was closed.
var ErrClosed = errors.New("the client is closed")

// ErrPipelineClosed refuses an append to a pipeline after its Close. Nothing
// was sent.
var ErrPipelineClosed = errors.New("the pipeline is closed")

// FailedExpectation is an expectation that its stream did not meet.
type FailedExpectation struct {
	// Stream is the name.
	Stream string
	// Expected is what the append demanded.
	Expected Expectation
	// Actual is the stream's version: the number of events ever written to it.
	Actual uint64
	// Head is a position to read up to in order to see what got in between.
	Head uint64
}

// Conflict refuses an append because of its expectations. Nothing was written:
// read what changed, decide again, and append anew.
type Conflict struct {
	failure
	// FailedExpectation is the first one, in the order of the request.
	FailedExpectation
	// All are all that failed.
	All []FailedExpectation
}

// Violation is one fault of a request.
type Violation struct {
	// Field is its path, for example "events[2].json".
	Field string
	// Problem says what is wrong, the bound, and what to do.
	Problem string
}

// InvalidRequest refuses a request that cannot succeed as it is. [Reason] is
// more exact than the type where the specification refuses.
type InvalidRequest struct {
	failure
	// Violations are the faults.
	Violations []Violation
}

// NotFound says that what was asked for is not there: the stream or aggregate
// was never written to, or not yet at that time, or the specification has no
// such type, event or version. [Reason] tells which.
type NotFound struct {
	failure
	// Stream is the name; empty where none was asked for.
	Stream string
}

// RequirementNotMet says that a condition of the specification does not hold.
// Nothing was written.
type RequirementNotMet struct {
	failure
	// Code is the condition's own word, such as "INSUFFICIENT_FUNDS".
	Code string
}

// RequestIDReused refuses an append whose request id was used for other
// content. Nothing was written.
type RequestIDReused struct {
	failure
	// RequestID is the id.
	RequestID string
}

// HistoryChanged says that the server's log is not the one that a cursor was
// taken from: a backup was restored. Positions and versions of the two cannot
// be compared; what was derived has to be derived again from the beginning.
type HistoryChanged struct {
	failure
	// Known is the history that the caller knows.
	Known string
	// Actual is the server's; empty when it did not say.
	Actual string
}

// BeyondEnd says that a subscription's cursor lies beyond the end of the log or
// stream, so it was not taken from it.
type BeyondEnd struct {
	failure
	// Cursor is what the caller gave, End the last possible one; 0 when the
	// server did not say.
	Cursor, End uint64
}

// OutcomeUnknown says that an append may have been written or not: the server's
// commit failed, or the connection broke or the time ran out before the answer.
// Repeating the same content with the same RequestID gives the first answer or
// writes it once. Without a request id, an append with exact expectations and
// the same event ids is safe to repeat, too.
type OutcomeUnknown struct {
	failure
	// RequestID is the request's id, also when the client made it; empty: it had
	// none.
	RequestID string
}

// Unavailable says that the server could not be reached or cannot take the
// request now. Trying again later can help; an append was not written.
type Unavailable struct {
	failure
	// RetryAfter is the wait that the server asks for; 0: it did not.
	RetryAfter time.Duration
}

// Exhausted says that something on the server is used up: disk space, room for
// request ids, or subscriptions. An append was not written. Trying again helps
// once there is room, which may take an operator.
type Exhausted struct {
	failure
}

// ClockAhead says that the server's clock jumped and appends are refused until
// its operator confirms. Nothing was written.
type ClockAhead struct {
	failure
}

// PipelineHalted refuses an append after a refused one in a pipeline that halts
// on errors. Nothing was written.
type PipelineHalted struct {
	failure
}

// Damaged says that the server found data that it cannot trust or read. It
// serves none of it.
type Damaged struct {
	failure
}

// ProtocolError says that an answer breaks the API's promises: a read that
// ended without saying that it was complete, or an answer to no request.
type ProtocolError struct {
	failure
}

// Error names the first conflict and counts the others.
func (e *Conflict) Error() string {
	text := fmt.Sprintf("stream %q is at version %d, expected %v", e.Stream, e.Actual, e.Expected)
	if more := len(e.All) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return e.prefixed(text)
}

// Error says what the specification says, and its word.
func (e *RequirementNotMet) Error() string { return e.op + ": " + e.detail() + " (" + e.Code + ")" }

// Error lists the faults.
func (e *InvalidRequest) Error() string {
	if len(e.Violations) == 0 {
		return e.failure.Error()
	}
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Field + " " + v.Problem
	}
	return e.prefixed(strings.Join(parts, "; "))
}

// Error says what is open and why.
func (e *OutcomeUnknown) Error() string {
	return e.prefixed("whether it was written is unknown: " + e.detail())
}
