package client

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// The reasons of the API, as in docs/errors.md.
const (
	domain = "stet"

	reasonInvalidRequest  = "INVALID_REQUEST"
	reasonConflict        = "CONFLICT"
	reasonStreamNotFound  = "STREAM_NOT_FOUND"
	reasonRequestIDReused = "REQUEST_ID_REUSED"
	reasonHistoryChanged  = "HISTORY_CHANGED"
	reasonClockAhead      = "CLOCK_AHEAD"
	reasonBeyondEnd       = "BEYOND_END"
	reasonQueueFull       = "QUEUE_FULL"
	reasonDiskFloor       = "DISK_FLOOR"
	reasonRequestIDsFull  = "REQUEST_IDS_FULL"
	reasonSubscriptions   = "TOO_MANY_SUBSCRIPTIONS"
	reasonPipelines       = "TOO_MANY_PIPELINES"
	reasonCalls           = "TOO_MANY_CALLS"
	reasonShuttingDown    = "SHUTTING_DOWN"
	reasonOutcomeUnknown  = "OUTCOME_UNKNOWN"
	reasonPipelineHalted  = "PIPELINE_HALTED"
	reasonDataDamaged     = "DATA_DAMAGED"
	reasonUnknownForm     = "UNKNOWN_FORM"
	reasonInternal        = "INTERNAL"
	reasonRequirement     = "REQUIREMENT_NOT_MET"
	reasonIncompatible    = "INCOMPATIBLE_CHANGE"
)

// Reason is the API's stable word for why a call failed, such as "CONFLICT";
// empty when the server gave none, as when it could not be reached.
func Reason(err error) string {
	var known interface{ stetReason() string }
	if errors.As(err, &known) {
		return known.stetReason()
	}
	if st, ok := status.FromError(err); ok && st != nil {
		return detailsOf(st).reason
	}
	return ""
}

// failure is what the errors of this package share. Immutable.
type failure struct {
	op     string
	status *status.Status
	reason string
	// cause is the context's error when that ended the call; else nil.
	cause error
}

// Error says what was tried, what the server said, and its reason.
func (f *failure) Error() string { return f.prefixed(f.detail()) }

// GRPCStatus is the status of the call, with its details.
func (f *failure) GRPCStatus() *status.Status { return f.status }

// Unwrap is the context's error when that ended the call.
func (f *failure) Unwrap() error { return f.cause }

func (f *failure) stetReason() string { return f.reason }

func (f *failure) detail() string {
	switch {
	case f.status == nil:
		return "no status"
	case f.status.Message() == "":
		return f.status.Code().String()
	default:
		return f.status.Message()
	}
}

func (f *failure) prefixed(text string) string {
	if f.op != "" {
		text = f.op + ": " + text
	}
	if f.reason != "" {
		text += " (" + f.reason + ")"
	}
	return text
}

// call is what a request knows about itself, for its errors and repetitions.
type call struct {
	// op names it, for example "append to"; the stream's name is added.
	op string
	// write tells that it may change the log, so that a doubtful end is
	// [*OutcomeUnknown].
	write bool
	// repeatable tells that repeating it after a doubtful end adds nothing
	// twice.
	repeatable bool

	stream, requestID, history string
	cursor                     uint64
}

// name is what errors begin with.
func (k *call) name() string {
	if k.stream == "" {
		return k.op
	}
	return k.op + " " + strconv.Quote(k.stream)
}

// details are what a status carries beside code and message.
type details struct {
	reason     string
	metadata   map[string]string
	violations []Violation
	conflicts  []FailedExpectation
	retryAfter time.Duration
}

func detailsOf(st *status.Status) details {
	var d details
	for _, detail := range st.Details() {
		switch m := detail.(type) {
		case *errdetails.ErrorInfo:
			if m.GetDomain() == domain {
				d.reason, d.metadata = m.GetReason(), m.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, v := range m.GetFieldViolations() {
				d.violations = append(d.violations, Violation{v.GetField(), v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			d.retryAfter = m.GetRetryDelay().AsDuration()
		case *stetv1.Conflict:
			d.conflicts = append(d.conflicts, FailedExpectation{
				Stream: m.GetStream(), Expected: expectationOf(m.GetExpected()), Actual: m.GetActual(), Head: m.GetHead(),
			})
		}
	}
	return d
}

// errorOf gives a failed call its type.
func errorOf(ctx context.Context, k call, err error) error {
	st, _ := status.FromError(err) // always gives a status; foreign errors are Unknown
	d := detailsOf(st)
	f := failure{op: k.name(), status: st, reason: d.reason, cause: contextCause(ctx, st)}
	switch d.reason {
	case reasonConflict:
		return conflictOf(f, d)
	case reasonInvalidRequest, reasonIncompatible:
		return &InvalidRequest{f, d.violations}
	case reasonRequirement:
		return &RequirementNotMet{f, d.metadata["code"]}
	case reasonStreamNotFound:
		return &NotFound{f, k.stream}
	case reasonRequestIDReused:
		return &RequestIDReused{f, k.requestID}
	case reasonHistoryChanged:
		return &HistoryChanged{f, k.history, d.metadata["history_id"]}
	case reasonBeyondEnd:
		end, _ := strconv.ParseUint(d.metadata["end"], 10, 64) // absent or odd: not said
		return &BeyondEnd{f, k.cursor, end}
	case reasonOutcomeUnknown:
		return &OutcomeUnknown{f, k.requestID}
	case reasonQueueFull, reasonShuttingDown, reasonCalls:
		return &Unavailable{f, d.retryAfter}
	case reasonDiskFloor, reasonRequestIDsFull, reasonSubscriptions, reasonPipelines:
		return &Exhausted{f}
	case reasonClockAhead:
		return &ClockAhead{f}
	case reasonPipelineHalted:
		return &PipelineHalted{f}
	case reasonDataDamaged, reasonUnknownForm:
		return &Damaged{f}
	}
	switch {
	case st.Code() == codes.Unavailable:
		return &Unavailable{f, d.retryAfter}
	case st.Code() == codes.NotFound && d.reason != "":
		return &NotFound{f, k.stream}
	case st.Code() == codes.InvalidArgument && d.reason != "":
		return &InvalidRequest{f, d.violations}
	}
	return &f
}

func conflictOf(f failure, d details) error {
	c := &Conflict{failure: f, All: d.conflicts}
	if len(d.conflicts) > 0 {
		c.FailedExpectation = d.conflicts[0]
	}
	return c
}

// unknownOutcome is the error of a write that may have been done.
func unknownOutcome(ctx context.Context, k call, err error) error {
	st, _ := status.FromError(err) // always gives a status; foreign errors are Unknown
	return &OutcomeUnknown{failure{k.name(), st, reasonOutcomeUnknown, contextCause(ctx, st)}, k.requestID}
}

func protocolError(k call, problem string) error {
	return &ProtocolError{failure{op: k.name(), status: status.New(codes.Internal, problem)}}
}

// isProtocolError tells whether a failure was found by this package.
func isProtocolError(err error) bool {
	var broken *ProtocolError
	return errors.As(err, &broken)
}

// invalid refuses a request before it is sent, as the server would.
func invalid(k call, violations []Violation) error {
	fields := make([]*errdetails.BadRequest_FieldViolation, len(violations))
	for i, v := range violations {
		fields[i] = &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Problem}
	}
	st := withDetails(status.New(codes.InvalidArgument, "the request is invalid"),
		&errdetails.ErrorInfo{Reason: reasonInvalidRequest, Domain: domain},
		&errdetails.BadRequest{FieldViolations: fields})
	return &InvalidRequest{failure{op: k.name(), status: st, reason: reasonInvalidRequest}, violations}
}

// withDetails adds details; those that cannot be encoded (text that is not
// UTF-8) are left out, as the status says the same in words.
func withDetails(st *status.Status, list ...protoadapt.MessageV1) *status.Status {
	for _, detail := range list {
		if fuller, err := st.WithDetails(detail); err == nil {
			st = fuller
		}
	}
	return st
}

// withHistory marks a status as a changed history.
func withHistory(st *status.Status, actual string) *status.Status {
	return withDetails(st, &errdetails.ErrorInfo{
		Reason: reasonHistoryChanged, Domain: domain, Metadata: map[string]string{"history_id": actual},
	})
}

// contextCause is the context's error where the status is its echo, so that
// errors.Is finds context.Canceled and context.DeadlineExceeded. The server
// knows the deadline, too, and its answer may come just before ours fires.
func contextCause(ctx context.Context, st *status.Status) error {
	if st.Code() != codes.Canceled && st.Code() != codes.DeadlineExceeded {
		return nil
	}
	if _, limited := ctx.Deadline(); limited && st.Code() == codes.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
