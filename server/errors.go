package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// ErrorDomain is the domain of every ErrorInfo.
const ErrorDomain = "stet"

// The reasons: stable words that clients match. docs/errors.md explains each.
const (
	ReasonInvalidRequest       = "INVALID_REQUEST"
	ReasonUnauthenticated      = "UNAUTHENTICATED"
	ReasonPermissionDenied     = "PERMISSION_DENIED"
	ReasonConflict             = "CONFLICT"
	ReasonStreamNotFound       = "STREAM_NOT_FOUND"
	ReasonRequestIDReused      = "REQUEST_ID_REUSED"
	ReasonHistoryChanged       = "HISTORY_CHANGED"
	ReasonClockAhead           = "CLOCK_AHEAD"
	ReasonBeyondEnd            = "BEYOND_END"
	ReasonQueueFull            = "QUEUE_FULL"
	ReasonDiskFloor            = "DISK_FLOOR"
	ReasonRequestIDsFull       = "REQUEST_IDS_FULL"
	ReasonTooManySubscriptions = "TOO_MANY_SUBSCRIPTIONS"
	ReasonTooManyPipelines     = "TOO_MANY_PIPELINES"
	ReasonTooManyCalls         = "TOO_MANY_CALLS"
	ReasonShuttingDown         = "SHUTTING_DOWN"
	ReasonOutcomeUnknown       = "OUTCOME_UNKNOWN"
	ReasonPipelineHalted       = "PIPELINE_HALTED"
	ReasonDataDamaged          = "DATA_DAMAGED"
	ReasonUnknownForm          = "UNKNOWN_FORM"
	ReasonInternal             = "INTERNAL"
)

// How long a client should wait before it tries again.
const (
	retryQueueFull    = 50 * time.Millisecond
	retryTooManyCalls = 250 * time.Millisecond
	retryShuttingDown = time.Second
)

// tooManyError: as many calls of a sort run as are allowed.
type tooManyError struct {
	What, Reason string
	Limit        int
	RetryAfter   time.Duration // 0: nobody can tell
}

func (e *tooManyError) Error() string {
	return fmt.Sprintf("%d %s are running, which is the most; try again later", e.Limit, e.What)
}

// refusal is what a client is told about an error, in a status or in the
// answer of a pipeline.
type refusal struct {
	code    codes.Code
	reason  string // empty: an error of the call, not of the domain
	message string
	facts   map[string]string

	violations []storage.Violation
	conflicts  *storage.ConflictError
	retryAfter time.Duration
}

// statusOf gives the error its status with details. A status stays as it is;
// nil stays nil.
func statusOf(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		return err
	}
	r := refusalOf(err)
	st := status.New(r.code, r.message)
	detailed, problem := st.WithDetails(r.details()...)
	if problem != nil {
		// Details that cannot be encoded: the code still says the essential.
		return st.Err()
	}
	return detailed.Err()
}

// wireErrorOf gives the error the form it has in the answers of a pipeline.
func wireErrorOf(err error) *stetv1.Error {
	r := refusalOf(err)
	out := &stetv1.Error{Code: int32(r.code), Reason: r.reason, Message: r.message}
	for _, v := range r.violations {
		out.Violations = append(out.Violations, &stetv1.FieldViolation{Field: v.Field, Description: v.Problem})
	}
	if r.conflicts != nil {
		out.Conflicts = conflictsToProto(r.conflicts)
	}
	return out
}

// refusalOf is the one place that maps errors to codes and reasons. Errors
// that wrap others come first: what they wrap is their cause, not the answer.
func refusalOf(err error) refusal {
	for _, match := range [...]func(error) (refusal, bool){brokenRefusal, keyRefusal, ruleRefusal, callerRefusal, laterRefusal, callRefusal} {
		if r, ok := match(err); ok {
			return r
		}
	}
	return refusal{code: codes.Internal, reason: ReasonInternal, message: "internal error; the server's log says more"}
}

// brokenRefusal: something is broken, at the server.
func brokenRefusal(err error) (refusal, bool) {
	if _, ok := errors.AsType[*storage.OutcomeUnknownError](err); ok {
		return refusal{
			code: codes.Unavailable, reason: ReasonOutcomeUnknown,
			message: "the commit failed, so the events may or may not be there after the server's restart; repeat the same request with the same request_id",
		}, true
	}
	if e, ok := errors.AsType[*storage.CorruptionError](err); ok {
		return refusal{code: codes.DataLoss, reason: ReasonDataDamaged, message: e.Error(), facts: map[string]string{"where": e.Where}}, true
	}
	if e, ok := errors.AsType[*storage.UnknownFormError](err); ok {
		return refusal{
			code: codes.DataLoss, reason: ReasonUnknownForm, message: e.Error(),
			facts: map[string]string{"position": number(e.Position), "form": number(e.Form)},
		}, true
	}
	// These belong to opening a store; a client can do nothing with them.
	_, format := errors.AsType[*storage.FormatError](err)
	_, locked := errors.AsType[*storage.LockedError](err)
	_, absent := errors.AsType[*storage.NotAStoreError](err)
	if format || locked || absent {
		return refusal{code: codes.Internal, reason: ReasonInternal, message: "the store cannot be opened; the server's log says more"}, true
	}
	return refusal{}, false
}

// keyRefusal: who calls may not do this.
func keyRefusal(err error) (refusal, bool) {
	if e, ok := errors.AsType[*keyring.ScopeError](err); ok {
		return refusal{code: codes.PermissionDenied, reason: ReasonPermissionDenied, message: e.Error(), facts: map[string]string{"scope": string(e.Need)}}, true
	}
	if errors.Is(err, keyring.ErrNoKey) || errors.Is(err, keyring.ErrUnknownKey) {
		return refusal{code: codes.Unauthenticated, reason: ReasonUnauthenticated, message: err.Error()}, true
	}
	return refusal{}, false
}

// callerRefusal: the request cannot be accepted as it is, or the log says no.
func callerRefusal(err error) (refusal, bool) {
	if e, ok := errors.AsType[*storage.InvalidError](err); ok {
		violations := printable(e.Violations)
		return refusal{code: codes.InvalidArgument, reason: ReasonInvalidRequest, message: summary(violations), violations: violations}, true
	}
	if e, ok := errors.AsType[*storage.ConflictError](err); ok {
		return refusal{code: codes.Aborted, reason: ReasonConflict, message: e.Error(), conflicts: e, facts: map[string]string{"head": number(e.Head)}}, true
	}
	if e, ok := errors.AsType[*storage.StreamNotFoundError](err); ok {
		return refusal{code: codes.NotFound, reason: ReasonStreamNotFound, message: e.Error(), facts: map[string]string{"stream": e.Stream}}, true
	}
	if e, ok := errors.AsType[*storage.RequestMismatchError](err); ok {
		return refusal{code: codes.AlreadyExists, reason: ReasonRequestIDReused, message: e.Error(), facts: map[string]string{"request_id": e.RequestID}}, true
	}
	if e, ok := errors.AsType[*storage.HistoryChangedError](err); ok {
		return refusal{code: codes.FailedPrecondition, reason: ReasonHistoryChanged, message: e.Error(), facts: map[string]string{"history_id": e.Actual.String()}}, true
	}
	if e, ok := errors.AsType[*storage.BeyondHeadError](err); ok {
		return refusal{code: codes.OutOfRange, reason: ReasonBeyondEnd, message: e.Error(), facts: map[string]string{"after": number(e.Cursor), "end": number(e.End)}}, true
	}
	if errors.Is(err, storage.ErrPipelineHalted) {
		return refusal{code: codes.FailedPrecondition, reason: ReasonPipelineHalted, message: storage.ErrPipelineHalted.Error()}, true
	}
	return refusal{}, false
}

// laterRefusal: the same request may be accepted later.
func laterRefusal(err error) (refusal, bool) {
	if errors.Is(err, storage.ErrQueueFull) {
		return refusal{code: codes.ResourceExhausted, reason: ReasonQueueFull, message: storage.ErrQueueFull.Error(), retryAfter: retryQueueFull}, true
	}
	if errors.Is(err, storage.ErrShuttingDown) {
		return refusal{code: codes.Unavailable, reason: ReasonShuttingDown, message: storage.ErrShuttingDown.Error(), retryAfter: retryShuttingDown}, true
	}
	if e, ok := errors.AsType[*storage.DiskFloorError](err); ok {
		return refusal{
			code: codes.ResourceExhausted, reason: ReasonDiskFloor, message: e.Error(),
			facts: map[string]string{"free_bytes": number(e.Free), "floor_bytes": number(e.Floor)},
		}, true
	}
	if e, ok := errors.AsType[*storage.RequestsFullError](err); ok {
		return refusal{code: codes.ResourceExhausted, reason: ReasonRequestIDsFull, message: e.Error(), facts: map[string]string{"limit": number(e.Limit)}}, true
	}
	if e, ok := errors.AsType[*tooManyError](err); ok {
		return refusal{
			code: codes.ResourceExhausted, reason: e.Reason, message: e.Error(), retryAfter: e.RetryAfter,
			facts: map[string]string{"limit": strconv.Itoa(e.Limit)},
		}, true
	}
	if e, ok := errors.AsType[*storage.ClockError](err); ok {
		return refusal{code: codes.FailedPrecondition, reason: ReasonClockAhead, message: e.Error(), facts: map[string]string{"ahead": e.Ahead.String()}}, true
	}
	return refusal{}, false
}

// callRefusal: the call ended before its answer.
func callRefusal(err error) (refusal, bool) {
	if errors.Is(err, context.Canceled) {
		return refusal{code: codes.Canceled, message: "the call was canceled"}, true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return refusal{code: codes.DeadlineExceeded, message: "the deadline passed before the answer; an append may have been written"}, true
	}
	return refusal{}, false
}

// details are the messages that go into a status.
func (r *refusal) details() []protoadapt.MessageV1 {
	if r.reason == "" {
		return nil
	}
	for key, value := range r.facts {
		r.facts[key] = strings.ToValidUTF8(value, "\uFFFD")
	}
	out := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: r.reason, Domain: ErrorDomain, Metadata: r.facts}}
	if len(r.violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range r.violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Problem})
		}
		out = append(out, bad)
	}
	if r.conflicts != nil {
		for _, c := range conflictsToProto(r.conflicts) {
			out = append(out, protoadapt.MessageV1Of(c))
		}
	}
	if r.retryAfter > 0 {
		out = append(out, &errdetails.RetryInfo{RetryDelay: durationpb.New(r.retryAfter)})
	}
	return out
}

// summary names the first faults: a status's message is a header, and headers
// are small.
func summary(violations []storage.Violation) string {
	const named = 3
	text := storage.Invalid(violations[:min(named, len(violations))]...).Error()
	if more := len(violations) - named; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// printable are the violations as a message can carry them: not too many, and
// valid UTF-8 whatever a client sent.
func printable(violations []storage.Violation) []storage.Violation {
	out := make([]storage.Violation, min(len(violations), wire.MaxViolations))
	for i := range out {
		out[i].Field = strings.ToValidUTF8(violations[i].Field, "\uFFFD")
		out[i].Problem = strings.ToValidUTF8(violations[i].Problem, "\uFFFD")
	}
	return out
}

func number[N ~uint64 | ~uint8](n N) string { return strconv.FormatUint(uint64(n), 10) }
