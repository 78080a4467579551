package refusal

import (
	"testing"

	"google.golang.org/grpc/codes"
)

func TestOnlyWhatCannotHaveBeenWrittenIsJudgedSo(t *testing.T) {
	for _, tc := range []struct {
		code   codes.Code
		reason string
		sent   bool
		want   Verdict
	}{
		{codes.Unavailable, "", false, NotNow},
		{codes.Unavailable, "", true, Open},
		{codes.DeadlineExceeded, "", true, Lost},
		{codes.DeadlineExceeded, "", false, Refused},
		{codes.Canceled, "", true, Lost},
		{codes.Internal, "", true, Lost},
		{codes.Unknown, "", true, Lost},
		{codes.Internal, "INTERNAL", true, Lost},
		{codes.Unauthenticated, "", true, Refused},
		{codes.ResourceExhausted, "", true, Refused},
		{codes.Unavailable, "OUTCOME_UNKNOWN", true, Open},
		{codes.Unavailable, "SHUTTING_DOWN", true, NotNow},
	} {
		if got := Judge(tc.code, tc.reason, tc.sent); got != tc.want {
			t.Errorf("%v %q sent %v: %v, want %v", tc.code, tc.reason, tc.sent, got, tc.want)
		}
	}
}
