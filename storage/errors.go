package storage

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors without data.
var (
	// ErrQueueFull: too many appends are waiting; try again later. Nothing was
	// written.
	ErrQueueFull = errors.New("too many appends are waiting; try again")
	// ErrShuttingDown: the store takes no more appends. Nothing was written.
	ErrShuttingDown = errors.New("the store is shutting down")
	// ErrPipelineHalted: an earlier request of the pipeline was refused.
	// Nothing was written.
	ErrPipelineHalted = errors.New("an earlier request of this pipeline was refused and halt_on_error is set")
)

// Violation is one fault of a request.
type Violation struct {
	// Field is the path of the field, for example "events[2].json".
	Field string
	// Problem says what is wrong, the bound, and what to do.
	Problem string
}

// InvalidError refuses a request that can never be accepted as it is. Nothing
// was written.
type InvalidError struct {
	Violations []Violation
}

// Error lists the faults.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Field + " " + v.Problem
	}
	return strings.Join(parts, "; ")
}

// Invalid makes an [InvalidError] of the violations; nil when there are none.
func Invalid(violations ...Violation) error {
	if len(violations) == 0 {
		return nil
	}
	return &InvalidError{violations}
}

// Conflict is one failed expectation.
type Conflict struct {
	// Stream is the name.
	Stream string
	// Expected is what the append demanded.
	Expected Expectation
	// Actual is the stream's version it was judged against.
	Actual Version
}

// ConflictError refuses an append because of its expectations: every one that
// failed. Nothing was written.
type ConflictError struct {
	Conflicts []Conflict
	// Head is a durable position at or above everything that the append was
	// judged against.
	Head Position
}

// Error names the first conflict and counts the others.
func (e *ConflictError) Error() string {
	c := e.Conflicts[0]
	text := fmt.Sprintf("stream %q is at version %d, expected %v", c.Stream, c.Actual, c.Expected)
	if more := len(e.Conflicts) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// StreamNotFoundError: the stream was never written to.
type StreamNotFoundError struct {
	Stream string
}

func (e *StreamNotFoundError) Error() string {
	return fmt.Sprintf("stream %q was never written to", e.Stream)
}

// RequestMismatchError: the request id was used for other content. Nothing
// was written.
type RequestMismatchError struct {
	RequestID string
}

func (e *RequestMismatchError) Error() string {
	return fmt.Sprintf("request_id %q was used for other content; use a new one", e.RequestID)
}

// RequestsFullError: as many request ids are remembered as are allowed.
// Nothing was written; an append without request_id still can be.
type RequestsFullError struct {
	Limit uint64
}

func (e *RequestsFullError) Error() string {
	return fmt.Sprintf("%d request ids are remembered, which is the most; append without request_id or wait until some expire", e.Limit)
}

// DiskFloorError: too little disk space is free to append. Nothing was
// written; reads go on.
type DiskFloorError struct {
	// Free and Floor are bytes.
	Free, Floor uint64
}

func (e *DiskFloorError) Error() string {
	return fmt.Sprintf("%d bytes of disk space are free and appends need %d; make room", e.Free, e.Floor)
}

// ClockError: the wall clock jumped ahead; appends are refused until the
// operator confirms it. Nothing was written.
type ClockError struct {
	Ahead time.Duration
}

func (e *ClockError) Error() string {
	return fmt.Sprintf("the server's clock jumped ahead by %v; correct it, or confirm it on the operations listener", e.Ahead)
}

// OutcomeUnknownError: the commit failed, so the events may or may not be
// there after the next start. Repeat the request with the same request_id.
type OutcomeUnknownError struct {
	Cause error
}

func (e *OutcomeUnknownError) Error() string {
	return "the outcome of the append is unknown: " + e.Cause.Error()
}

// Unwrap is the failure of the commit.
func (e *OutcomeUnknownError) Unwrap() error { return e.Cause }

// HistoryChangedError: the caller knows another history than the store's.
type HistoryChangedError struct {
	Known  string
	Actual HistoryID
}

func (e *HistoryChangedError) Error() string {
	return fmt.Sprintf("the log's history is %v, not %s: its positions cannot be compared; start from the beginning", e.Actual, e.Known)
}

// BeyondHeadError: a cursor lies beyond the end, so it is not of this log.
type BeyondHeadError struct {
	// Cursor is what the caller gave, End the last possible one.
	Cursor, End uint64
}

func (e *BeyondHeadError) Error() string {
	return fmt.Sprintf("after is %d, but the end is %d: the cursor is not of this log", e.Cursor, e.End)
}

// CorruptionError: stored data is damaged. It is reported, never served and
// never repaired by deletion (invariant I9).
type CorruptionError struct {
	// Where names the key, file or position.
	Where string
	// Detail says what is wrong.
	Detail string
}

func (e *CorruptionError) Error() string {
	return fmt.Sprintf("damaged data at %s: %s", e.Where, e.Detail)
}

// UnknownFormError: an event is stored in a form that this release cannot
// read.
type UnknownFormError struct {
	Position Position
	Form     byte
}

func (e *UnknownFormError) Error() string {
	return fmt.Sprintf("event at position %d has the unknown form %d: a newer release wrote it", e.Position, e.Form)
}

// FormatError: the data directory has a format that this release does not
// know.
type FormatError struct {
	Dir          string
	Found, Known uint32
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has format %d, and this release knows format %d: use the release that wrote it or a newer one", e.Dir, e.Found, e.Known)
}

// LockedError: another process has the data directory open.
type LockedError struct {
	Dir string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is in use by another process", e.Dir)
}

// NotAStoreError: the directory holds no store.
type NotAStoreError struct {
	Dir string
	// Why tells, for example "does not exist".
	Why string
}

func (e *NotAStoreError) Error() string {
	return fmt.Sprintf("%s is not a store: %s", e.Dir, e.Why)
}
