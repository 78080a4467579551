package client

import (
	"context"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Result is what becomes of an append in a [Pipeline]. Safe for concurrent use.
type Result struct {
	sent    Append
	request *stetv1.AppendPipelineRequest
	done    chan struct{}

	// Written once, before done is closed; read after.
	appended Appended
	err      error
}

// Wait returns the outcome, as [Client.Append] would, or ctx's error when that
// ends first; the append goes on then.
func (r *Result) Wait(ctx context.Context) (Appended, error) {
	select {
	case <-r.done:
		return r.appended, r.err
	default:
	}
	select {
	case <-r.done:
		return r.appended, r.err
	case <-ctx.Done():
		return Appended{}, fmt.Errorf("wait for the outcome of an append to %q: %w", r.sent.Stream, ctx.Err())
	}
}

// Done is closed when the outcome is there.
func (r *Result) Done() <-chan struct{} { return r.done }

// Sent is the append with the event ids that the client made: what to repeat
// after [*OutcomeUnknown].
func (r *Result) Sent() Append { return r.sent }

func (r *Result) resolve(appended Appended, err error) {
	r.appended, r.err = appended, err
	close(r.done)
}

// statusOf gives a refusal inside a pipeline the form that it has elsewhere.
func statusOf(e *stetv1.Error) *status.Status {
	st := withDetails(status.New(codes.Code(e.GetCode()), e.GetMessage()),
		&errdetails.ErrorInfo{Reason: e.GetReason(), Domain: domain})
	if violations := e.GetViolations(); len(violations) > 0 {
		fields := make([]*errdetails.BadRequest_FieldViolation, len(violations))
		for i, v := range violations {
			fields[i] = &errdetails.BadRequest_FieldViolation{Field: v.GetField(), Description: v.GetDescription()}
		}
		st = withDetails(st, &errdetails.BadRequest{FieldViolations: fields})
	}
	for _, c := range e.GetConflicts() {
		st = withDetails(st, protoadapt.MessageV1Of(c))
	}
	return st
}
