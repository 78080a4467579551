package client_test

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// is tells whether err has the type T.
func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// Every reason of the API has its type, also below other errors, and keeps its
// status.
func TestEveryReasonHasItsType(t *testing.T) {
	for _, tc := range []struct {
		code   codes.Code
		reason string
		typed  func(error) bool
	}{
		{codes.InvalidArgument, "INVALID_REQUEST", is[*client.InvalidRequest]},
		{codes.Aborted, "CONFLICT", is[*client.Conflict]},
		{codes.NotFound, "STREAM_NOT_FOUND", is[*client.NotFound]},
		{codes.AlreadyExists, "REQUEST_ID_REUSED", is[*client.RequestIDReused]},
		{codes.FailedPrecondition, "HISTORY_CHANGED", is[*client.HistoryChanged]},
		{codes.FailedPrecondition, "CLOCK_AHEAD", is[*client.ClockAhead]},
		{codes.OutOfRange, "BEYOND_END", is[*client.BeyondEnd]},
		{codes.ResourceExhausted, "QUEUE_FULL", is[*client.Unavailable]},
		{codes.ResourceExhausted, "DISK_FLOOR", is[*client.Exhausted]},
		{codes.ResourceExhausted, "REQUEST_IDS_FULL", is[*client.Exhausted]},
		{codes.ResourceExhausted, "TOO_MANY_SUBSCRIPTIONS", is[*client.Exhausted]},
		{codes.ResourceExhausted, "TOO_MANY_PIPELINES", is[*client.Exhausted]},
		{codes.ResourceExhausted, "TOO_MANY_CALLS", is[*client.Unavailable]},
		{codes.Unavailable, "SHUTTING_DOWN", is[*client.Unavailable]},
		{codes.Unavailable, "OUTCOME_UNKNOWN", is[*client.OutcomeUnknown]},
		{codes.FailedPrecondition, "PIPELINE_HALTED", is[*client.PipelineHalted]},
		{codes.DataLoss, "DATA_DAMAGED", is[*client.Damaged]},
		{codes.DataLoss, "UNKNOWN_FORM", is[*client.Damaged]},
		{codes.Internal, "INTERNAL", func(err error) bool { return !is[*client.Unavailable](err) }},
	} {
		f := &fake{getStream: func(int, *stetv1.GetStreamRequest) (*stetv1.GetStreamResponse, error) {
			return nil, refusal(tc.code, tc.reason)
		}}
		c, _ := dial(t, f.start(t).addr, client.Options{Attempts: 1})
		_, err := c.GetStream(limited(t), "a-1")
		err = fmt.Errorf("by the caller: %w", err)
		if !tc.typed(err) || client.Reason(err) != tc.reason || status.Code(err) != tc.code {
			t.Errorf("%s: %T %v, reason %q, code %v", tc.reason, errors.Unwrap(err), err, client.Reason(err), status.Code(err))
		}
		if st, ok := status.FromError(err); !ok || len(st.Details()) != 1 {
			t.Errorf("%s: details were lost", tc.reason)
		}
	}
}

func TestAReasonOfAnotherDomainIsNotOurs(t *testing.T) {
	st, err := status.New(codes.Aborted, "").WithDetails(&errdetails.ErrorInfo{Reason: "CONFLICT", Domain: "proxy.example"})
	if err != nil {
		t.Fatal(err)
	}
	if got := client.Reason(st.Err()); got != "" {
		t.Errorf("reason %q", got)
	}
	if got := client.Reason(refusal(codes.Aborted, "CONFLICT")); got != "CONFLICT" {
		t.Errorf("reason %q of a plain status", got)
	}
	if client.Reason(nil) != "" || client.Reason(errors.New("CONFLICT")) != "" {
		t.Error("a reason out of nothing")
	}
}

func TestNotFoundNamesTheStream(t *testing.T) {
	f := &fake{getStream: func(int, *stetv1.GetStreamRequest) (*stetv1.GetStreamResponse, error) {
		return nil, refusal(codes.NotFound, "STREAM_NOT_FOUND")
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	_, err := c.GetStream(limited(t), "cart-9")
	var missing *client.NotFound
	if !errors.As(err, &missing) || missing.Stream != "cart-9" {
		t.Error(err)
	}
}
