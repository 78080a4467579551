package refusal

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A pipeline's caller sees the same as a unary call's.
func TestARefusalInAPipelineReadsAsAStatusDoes(t *testing.T) {
	st := StatusOf(&stetv1.Error{
		Code: int32(codes.Aborted), Reason: Conflict, Message: "no",
		Violations: []*stetv1.FieldViolation{{Field: "stream", Description: "is odd"}},
		Conflicts:  []*stetv1.Conflict{{Stream: "a-1", Actual: 7, Head: 9}},
	})
	d := DetailsOf(st)
	if st.Code() != codes.Aborted || st.Message() != "no" || d.Reason != Conflict {
		t.Errorf("%v, reason %q", st, d.Reason)
	}
	if len(d.Violations) != 1 || d.Violations[0].GetField() != "stream" || d.Violations[0].GetDescription() != "is odd" {
		t.Errorf("violations %v", d.Violations)
	}
	if len(d.Conflicts) != 1 || d.Conflicts[0].GetStream() != "a-1" || d.Conflicts[0].GetActual() != 7 || d.Conflicts[0].GetHead() != 9 {
		t.Errorf("conflicts %v", d.Conflicts)
	}
}

func TestDetailsOfOthersAreNotOurs(t *testing.T) {
	st := WithDetails(status.New(codes.Unavailable, ""),
		&errdetails.ErrorInfo{Reason: Conflict, Domain: "proxy.example"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if d := DetailsOf(st); d.Reason != "" || d.RetryAfter != time.Second {
		t.Errorf("%+v", d)
	}
	if d := DetailsOf(WithHistory(st, "h-2")); d.Reason != HistoryChanged || d.Metadata["history_id"] != "h-2" {
		t.Errorf("%+v", d)
	}
}

func TestWhatCannotBeEncodedIsLeftOut(t *testing.T) {
	st := WithDetails(status.New(codes.InvalidArgument, "said in words"),
		&errdetails.ErrorInfo{Reason: "\xff", Domain: Domain}, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if d := DetailsOf(st); st.Message() != "said in words" || d.Reason != "" || d.RetryAfter != time.Second {
		t.Errorf("%v: %+v", st, d)
	}
}

func TestTheContextIsTheCauseOnlyOfItsOwnEcho(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	limited, release := context.WithTimeout(t.Context(), time.Hour)
	defer release()
	for _, c := range []struct {
		name string
		ctx  context.Context
		code codes.Code
		want error
	}{
		{"canceled", ended, codes.Canceled, context.Canceled},
		{"another failure after it was canceled", ended, codes.Unavailable, nil},
		{"canceled by something in between", t.Context(), codes.Canceled, nil},
		{"the server's clock was first", limited, codes.DeadlineExceeded, context.DeadlineExceeded},
		{"a deadline that is not ours", t.Context(), codes.DeadlineExceeded, nil},
	} {
		if got := ContextCause(c.ctx, status.New(c.code, "")); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOnlyRefusalsThatLookedForTheRequestSettleIt(t *testing.T) {
	for reason, want := range map[string]bool{
		Conflict: false, InvalidRequest: true, RequestIDReused: true, QueueFull: false, ShuttingDown: false, RequirementNotMet: false, "": false,
	} {
		if Settles(Details{Reason: reason}) != want {
			t.Errorf("%q settles: want %v", reason, want)
		}
	}
	behind := &stetv1.Conflict{Expected: &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: 5}}, Actual: 4}
	beyond := &stetv1.Conflict{Expected: behind.GetExpected(), Actual: 6}
	if Settles(Details{Reason: Conflict, Conflicts: []*stetv1.Conflict{behind}}) {
		t.Error("an expectation that the stream may come to meet settles")
	}
	if !Settles(Details{Reason: Conflict, Conflicts: []*stetv1.Conflict{behind, beyond}}) {
		t.Error("an expectation that fails for ever does not settle")
	}
	for _, c := range []struct {
		code   codes.Code
		reason string
		want   bool
	}{
		{codes.FailedPrecondition, RequirementNotMet, true},
		{codes.NotFound, "UNKNOWN_TYPE", true},
		{codes.InvalidArgument, "INVALID_DATA", true},
		{codes.NotFound, "", false},
		{codes.Unavailable, ShuttingDown, false},
	} {
		if got := SettlesByRequestID(c.code, c.reason); got != c.want {
			t.Errorf("%v %q settles: %v", c.code, c.reason, got)
		}
	}
}
