package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// The code words of this listener's own refusals; package aggregate has the
// others, and docs/http.md explains all.
const (
	CodeNotJSON        = "NOT_JSON"
	CodeContentType    = "WRONG_CONTENT_TYPE"
	CodeNoKey          = "NO_KEY"
	CodeUnknownKey     = "UNKNOWN_KEY"
	CodeForbidden      = "FORBIDDEN"
	CodeHostNotAllowed = "HOST_NOT_ALLOWED"
	CodeUnknownPath    = "UNKNOWN_PATH"
	CodeMethod         = "METHOD_NOT_ALLOWED"
	CodeConflict       = "CONFLICT"
	CodeTooLarge       = "BODY_TOO_LARGE"
	CodeQueueFull      = "QUEUE_FULL"
	CodeRequestIDsFull = "REQUEST_IDS_FULL"
	CodeTooManyStreams = "TOO_MANY_STREAMS"
	CodeBodiesFull     = "BODIES_FULL"
	CodeBeyondEnd      = "BEYOND_END"
	CodeShuttingDown   = "SHUTTING_DOWN"
	CodeDiskFloor      = "DISK_FLOOR"
	CodeClockAhead     = "CLOCK_AHEAD"
	CodeOutcomeUnknown = "OUTCOME_UNKNOWN"
	CodeTimeout        = "TIMEOUT"
	CodeDataDamaged    = "DATA_DAMAGED"
	CodeUnknownForm    = "UNKNOWN_FORM"
	CodeInternal       = "INTERNAL"
)

// Headers of our own, and some values.
const (
	headerWarnings    = "Stet-Warnings"
	headerReplayed    = "Idempotent-Replayed"
	headerIdempotency = "X-Idempotency-Key"
	headerRequestID   = "X-Request-Id"
	contentTypeJSON   = "application/json"
	contentTypeStream = "text/event-stream"
)

const (
	// statusClientClosed is for the metrics: the client that it would go to has
	// left.
	statusClientClosed = 499
	codeClientClosed   = "CLIENT_CLOSED"
	// maxFaults bounds how many faults are told at once, maxMessage the bytes of
	// a sentence.
	maxFaults  = 100
	maxMessage = 2048
	// retrySeconds is when to try again.
	retrySeconds = "1"
)

// failure is what a client is told about an error. This package's own refusals
// are made as one.
type failure struct {
	status        int
	code, problem string
	path          string
	faults        []aggregate.Fault
	// retry: the same request may do better after a while.
	retry bool
	// conflict has the two lengths, where that is what is wrong.
	conflict *storage.Conflict
	allow    []string
	// broken: it is for the log too.
	broken bool
}

func (f *failure) Error() string { return f.problem }

// failureOf is the one place that gives errors their statuses. Errors that wrap
// others come first: what they wrap is their cause, not the answer.
func failureOf(err error) failure {
	for _, match := range [...]func(error) (failure, bool){ofServer, ofRefusal, ofCaller, ofLoad, ofCall} {
		if f, ok := match(err); ok {
			return f
		}
	}
	return failure{status: http.StatusInternalServerError, code: CodeInternal, problem: "internal error; the server's log says more", broken: true}
}

// ofServer: something is broken, at the server.
func ofServer(err error) (failure, bool) {
	if _, ok := errors.AsType[*storage.OutcomeUnknownError](err); ok {
		return failure{
			status: http.StatusServiceUnavailable, code: CodeOutcomeUnknown, retry: true, broken: true,
			problem: "the commit failed, so the events may or may not be there after the server's restart; repeat the same request with the same " + headerIdempotency,
		}, true
	}
	if e, ok := errors.AsType[*storage.CorruptionError](err); ok {
		return failure{status: http.StatusInternalServerError, code: CodeDataDamaged, problem: e.Error(), broken: true}, true
	}
	if e, ok := errors.AsType[*storage.UnknownFormError](err); ok {
		return failure{status: http.StatusInternalServerError, code: CodeUnknownForm, problem: e.Error(), broken: true}, true
	}
	return failure{}, false
}

// statuses of the kinds of refusals.
var statuses = map[aggregate.Kind]int{
	aggregate.Malformed:     http.StatusBadRequest,
	aggregate.Unauthorized:  http.StatusUnauthorized,
	aggregate.Forbidden:     http.StatusForbidden,
	aggregate.Missing:       http.StatusNotFound,
	aggregate.Conflicting:   http.StatusConflict,
	aggregate.Unprocessable: http.StatusUnprocessableEntity,
	aggregate.Unavailable:   http.StatusServiceUnavailable,
}

// ofRefusal: the answer of the aggregates, or of this package, is no.
func ofRefusal(err error) (failure, bool) {
	if own, ok := errors.AsType[*failure](err); ok {
		return *own, true
	}
	e, ok := errors.AsType[*aggregate.Refusal](err)
	if !ok {
		return failure{}, false
	}
	f := failure{status: statuses[e.Kind], code: e.Code, problem: e.Problem, path: e.Path, retry: e.Kind == aggregate.Unavailable}
	if len(e.Faults) > 1 {
		f.faults = e.Faults
	}
	return f, f.status != 0
}

// ofCaller: the request cannot be accepted as it is, or by whom it is.
func ofCaller(err error) (failure, bool) {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return failure{status: http.StatusRequestEntityTooLarge, code: CodeTooLarge, problem: fmt.Sprintf("the body has more than %d bytes, which is the most", e.Limit)}, true
	}
	if e, ok := errors.AsType[*keyring.ScopeError](err); ok {
		return failure{status: http.StatusForbidden, code: CodeForbidden, problem: e.Error()}, true
	}
	switch {
	case errors.Is(err, keyring.ErrNoKey):
		return failure{status: http.StatusUnauthorized, code: CodeNoKey, problem: err.Error()}, true
	case errors.Is(err, keyring.ErrUnknownKey):
		return failure{status: http.StatusUnauthorized, code: CodeUnknownKey, problem: err.Error()}, true
	}
	return ofLog(err)
}

// ofLog: the log says no.
func ofLog(err error) (failure, bool) {
	if e, ok := errors.AsType[*storage.ConflictError](err); ok {
		return ofConflict(e), true
	}
	if e, ok := errors.AsType[*storage.BeyondHeadError](err); ok {
		return failure{status: http.StatusBadRequest, code: CodeBeyondEnd, path: "after", problem: e.Error()}, true
	}
	if e, ok := errors.AsType[*storage.InvalidError](err); ok {
		f := failure{status: http.StatusUnprocessableEntity, code: aggregate.CodeInvalidRequest}
		for _, v := range e.Violations {
			f.faults = append(f.faults, aggregate.Fault{Path: v.Field, Problem: v.Problem})
		}
		f.path, f.problem = f.faults[0].Path, f.faults[0].Problem
		return f, true
	}
	if e, ok := errors.AsType[*storage.StreamNotFoundError](err); ok {
		return failure{status: http.StatusNotFound, code: aggregate.CodeNotFound, problem: e.Error()}, true
	}
	return failure{}, false
}

// ofConflict names both lengths where the caller stated one.
func ofConflict(e *storage.ConflictError) failure {
	f := failure{status: http.StatusConflict, code: CodeConflict}
	c := &e.Conflicts[0]
	if want, exact := c.Expected.Exact(); exact {
		f.conflict = c
		f.problem = fmt.Sprintf("the length of %q is %d, and %d was expected", c.Stream, c.Actual, want)
		return f
	}
	f.problem = e.Error()
	return f
}

// ofLoad: the same request may be accepted later.
func ofLoad(err error) (failure, bool) {
	if errors.Is(err, storage.ErrQueueFull) {
		return failure{status: http.StatusTooManyRequests, code: CodeQueueFull, problem: storage.ErrQueueFull.Error(), retry: true}, true
	}
	if e, ok := errors.AsType[*storage.RequestsFullError](err); ok {
		return failure{status: http.StatusTooManyRequests, code: CodeRequestIDsFull, problem: fmt.Sprintf(
			"%d idempotency keys are remembered, which is the most; send none, or wait until some expire", e.Limit)}, true
	}
	if errors.Is(err, storage.ErrShuttingDown) {
		return failure{status: http.StatusServiceUnavailable, code: CodeShuttingDown, problem: storage.ErrShuttingDown.Error(), retry: true}, true
	}
	if e, ok := errors.AsType[*storage.DiskFloorError](err); ok {
		return failure{status: http.StatusServiceUnavailable, code: CodeDiskFloor, problem: e.Error()}, true
	}
	if e, ok := errors.AsType[*storage.ClockError](err); ok {
		return failure{status: http.StatusServiceUnavailable, code: CodeClockAhead, problem: e.Error()}, true
	}
	return failure{}, false
}

// ofCall: the call ended before its answer.
func ofCall(err error) (failure, bool) {
	switch {
	case errors.Is(err, context.Canceled):
		return failure{status: statusClientClosed, code: codeClientClosed, problem: "the client closed the connection"}, true
	case errors.Is(err, context.DeadlineExceeded):
		return failure{
			status: http.StatusServiceUnavailable, code: CodeTimeout, retry: true,
			problem: "the answer was not there in time; an event may have been written: repeat the same request with the same " + headerIdempotency,
		}, true
	}
	return failure{}, false
}

// malformed refuses a parameter.
func malformed(parameter, problem string) error {
	return &aggregate.Refusal{Kind: aggregate.Malformed, Code: aggregate.CodeInvalidRequest, Path: parameter, Problem: problem}
}

// unprocessable refuses a part of a body.
func unprocessable(code, path, problem string) error {
	return &aggregate.Refusal{Kind: aggregate.Unprocessable, Code: code, Path: path, Problem: problem}
}

// fail answers with what is wrong.
func (c *call) fail(err error) {
	f := failureOf(err)
	if f.broken {
		c.api.o.Logger.Error("a request failed", "request_id", c.name, "method", c.r.Method, "route", c.label, "error", err)
	}
	h := c.w.Header()
	switch {
	case f.status == http.StatusUnauthorized && (f.code == CodeNoKey || f.code == CodeUnknownKey):
		h.Set("WWW-Authenticate", "Bearer")
	case f.retry:
		h.Set("Retry-After", retrySeconds)
	case f.allow != nil:
		h.Set("Allow", strings.Join(f.allow, ", "))
	}
	if f.code == CodeShuttingDown || f.code == CodeBodiesFull && c.r.ProtoMajor == 1 { // of the latter the rest has not come
		h.Set("Connection", "close")
	}
	c.send(f.status, f.body())
}

func (f *failure) body() *text {
	t := &text{b: []byte(`{"ok":false`)}
	problem := f.problem
	if len(problem) > maxMessage {
		problem = problem[:maxMessage] + "…"
	}
	t.memberStr("error", problem)
	t.memberStr("code", f.code)
	t.memberIf("path", f.path)
	if c := f.conflict; c != nil {
		want, _ := c.Expected.Exact() // it was when the failure was made
		t.memberUint("previous_length", uint64(want))
		t.memberUint("length", uint64(c.Actual))
	}
	if len(f.faults) > 1 {
		t.key("faults")
		t.open('[')
		for _, fault := range f.faults[:min(len(f.faults), maxFaults)] {
			t.fault(fault.Path, fault.Problem)
		}
		t.close(']')
	}
	t.close('}')
	return t
}

func (t *text) fault(path, problem string) {
	t.open('{')
	t.memberStr("path", path)
	t.memberStr("problem", problem)
	t.close('}')
}
