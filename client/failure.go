package client

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/client/internal/refusal"
)

// Reason is the API's stable word for why a call failed, such as "CONFLICT";
// empty when the server gave none, as when it could not be reached.
func Reason(err error) string {
	var known interface{ stetReason() string }
	if errors.As(err, &known) {
		return known.stetReason()
	}
	if st, ok := status.FromError(err); ok && st != nil {
		return refusal.DetailsOf(st).Reason
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

// errorOf gives a failed call its type.
func errorOf(ctx context.Context, k call, err error) error {
	st, _ := status.FromError(err) // always gives a status; foreign errors are Unknown
	d := refusal.DetailsOf(st)
	f := failure{op: k.name(), status: st, reason: d.Reason, cause: refusal.ContextCause(ctx, st)}
	switch d.Reason {
	case refusal.Conflict:
		return conflictOf(f, d)
	case refusal.InvalidRequest, refusal.IncompatibleChange:
		return &InvalidRequest{f, violationsOf(d)}
	case refusal.RequirementNotMet:
		return &RequirementNotMet{f, d.Metadata["code"]}
	case refusal.StreamNotFound:
		return &NotFound{f, k.stream}
	case refusal.RequestIDReused:
		return &RequestIDReused{f, k.requestID}
	case refusal.HistoryChanged:
		return &HistoryChanged{f, k.history, d.Metadata["history_id"]}
	case refusal.BeyondEnd:
		end, _ := strconv.ParseUint(d.Metadata["end"], 10, 64) // absent or odd: not said
		return &BeyondEnd{f, k.cursor, end}
	case refusal.OutcomeUnknown:
		return &OutcomeUnknown{f, k.requestID}
	case refusal.QueueFull, refusal.ShuttingDown, refusal.TooManyCalls:
		return &Unavailable{f, d.RetryAfter}
	case refusal.DiskFloor, refusal.RequestIDsFull, refusal.TooManySubscriptions, refusal.TooManyPipelines:
		return &Exhausted{f}
	case refusal.ClockAhead:
		return &ClockAhead{f}
	case refusal.PipelineHalted:
		return &PipelineHalted{f}
	case refusal.DataDamaged, refusal.UnknownForm:
		return &Damaged{f}
	}
	switch {
	case st.Code() == codes.Unavailable:
		return &Unavailable{f, d.RetryAfter}
	case st.Code() == codes.NotFound && d.Reason != "":
		return &NotFound{f, k.stream}
	case st.Code() == codes.InvalidArgument && d.Reason != "":
		return &InvalidRequest{f, violationsOf(d)}
	}
	return &f
}

func violationsOf(d refusal.Details) []Violation {
	var out []Violation
	for _, v := range d.Violations {
		out = append(out, Violation{v.GetField(), v.GetDescription()})
	}
	return out
}

func conflictOf(f failure, d refusal.Details) error {
	c := &Conflict{failure: f}
	for _, m := range d.Conflicts {
		c.All = append(c.All, FailedExpectation{
			Stream: m.GetStream(), Expected: expectationOf(m.GetExpected()), Actual: m.GetActual(), Head: m.GetHead(),
		})
	}
	if len(c.All) > 0 {
		c.FailedExpectation = c.All[0]
	}
	return c
}

// unknownOutcome is the error of a write that may have been done.
func unknownOutcome(ctx context.Context, k call, err error) error {
	st, _ := status.FromError(err) // always gives a status; foreign errors are Unknown
	return &OutcomeUnknown{failure{k.name(), st, refusal.OutcomeUnknown, refusal.ContextCause(ctx, st)}, k.requestID}
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
	st := refusal.WithDetails(status.New(codes.InvalidArgument, "the request is invalid"),
		&errdetails.ErrorInfo{Reason: refusal.InvalidRequest, Domain: refusal.Domain},
		&errdetails.BadRequest{FieldViolations: fields})
	return &InvalidRequest{failure{op: k.name(), status: st, reason: refusal.InvalidRequest}, violations}
}
