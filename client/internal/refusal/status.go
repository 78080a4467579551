package refusal

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Details are what a status carries beside code and message.
type Details struct {
	// Reason is the API's word; empty when the server gave none.
	Reason string
	// Metadata are facts by name, as docs/errors.md lists them.
	Metadata map[string]string
	// Violations are the faults of a request.
	Violations []*errdetails.BadRequest_FieldViolation
	// Conflicts are the expectations that failed.
	Conflicts []*stetv1.Conflict
	// RetryAfter is the wait that the server asks for; 0: it did not.
	RetryAfter time.Duration
}

// DetailsOf reads the details of a status. A reason of another domain is none.
func DetailsOf(st *status.Status) Details {
	var d Details
	for _, detail := range st.Details() {
		switch m := detail.(type) {
		case *errdetails.ErrorInfo:
			if m.GetDomain() == Domain {
				d.Reason, d.Metadata = m.GetReason(), m.GetMetadata()
			}
		case *errdetails.BadRequest:
			d.Violations = append(d.Violations, m.GetFieldViolations()...)
		case *errdetails.RetryInfo:
			d.RetryAfter = m.GetRetryDelay().AsDuration()
		case *stetv1.Conflict:
			d.Conflicts = append(d.Conflicts, m)
		}
	}
	return d
}

// StatusOf gives a refusal inside a pipeline the form that it has elsewhere.
func StatusOf(e *stetv1.Error) *status.Status {
	st := WithDetails(status.New(codes.Code(e.GetCode()), e.GetMessage()),
		&errdetails.ErrorInfo{Reason: e.GetReason(), Domain: Domain})
	if violations := e.GetViolations(); len(violations) > 0 {
		fields := make([]*errdetails.BadRequest_FieldViolation, len(violations))
		for i, v := range violations {
			fields[i] = &errdetails.BadRequest_FieldViolation{Field: v.GetField(), Description: v.GetDescription()}
		}
		st = WithDetails(st, &errdetails.BadRequest{FieldViolations: fields})
	}
	for _, c := range e.GetConflicts() {
		st = WithDetails(st, protoadapt.MessageV1Of(c))
	}
	return st
}

// WithDetails adds details; those that cannot be encoded (text that is not
// UTF-8) are left out, as the status says the same in words.
func WithDetails(st *status.Status, list ...protoadapt.MessageV1) *status.Status {
	for _, detail := range list {
		if fuller, err := st.WithDetails(detail); err == nil {
			st = fuller
		}
	}
	return st
}

// WithHistory marks a status as a changed history.
func WithHistory(st *status.Status, actual string) *status.Status {
	return WithDetails(st, &errdetails.ErrorInfo{
		Reason: HistoryChanged, Domain: Domain, Metadata: map[string]string{"history_id": actual},
	})
}

// ContextCause is the context's error where the status is its echo, so that
// errors.Is finds context.Canceled and context.DeadlineExceeded. The server
// knows the deadline, too, and its answer may come just before ours fires.
func ContextCause(ctx context.Context, st *status.Status) error {
	if st.Code() != codes.Canceled && st.Code() != codes.DeadlineExceeded {
		return nil
	}
	if _, limited := ctx.Deadline(); limited && st.Code() == codes.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
