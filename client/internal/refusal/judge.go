package refusal

import (
	"slices"

	"google.golang.org/grpc/codes"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Verdict says what a failed attempt means.
type Verdict uint8

const (
	// Refused: nothing was done, and repeating does not help.
	Refused Verdict = iota
	// NotNow: nothing was done, and repeating may help.
	NotNow
	// Open: it may have been done, and repeating may help to find out.
	Open
	// Lost: it may have been done, and repeating does not help.
	Lost
)

// Judge reads code and reason, never the message. sent tells whether the
// request may have left this machine.
func Judge(code codes.Code, reason string, sent bool) Verdict {
	switch reason {
	case QueueFull, ShuttingDown, TooManyCalls:
		return NotNow
	case OutcomeUnknown:
		return Open
	case Internal:
		return Lost
	case "": // the word of the transport or of something in between
	default:
		return Refused
	}
	switch code {
	case codes.Unavailable:
		if sent {
			return Open
		}
		return NotNow
	case codes.Canceled, codes.DeadlineExceeded, codes.Internal, codes.Unknown:
		if sent {
			return Lost
		}
	}
	return Refused
}

// Settles tells whether a refusal also says that no earlier attempt of the same
// request was or will be written: the server judges content, then looks for the
// request it knows, then judges expectations. Other refusals come before it has
// looked. A conflict says so only when it is final.
func Settles(d Details) bool {
	if d.Reason == Conflict {
		return slices.ContainsFunc(d.Conflicts, final)
	}
	return d.Reason == InvalidRequest || d.Reason == RequestIDReused
}

// final tells that the expectation fails for ever, as versions only grow. One that
// the stream may still come to meet could let an earlier attempt in which is on
// its way while this one is refused.
func final(c *stetv1.Conflict) bool {
	switch kind := c.GetExpected().GetKind().(type) {
	case *stetv1.Expectation_Version:
		return c.GetActual() > kind.Version
	case *stetv1.Expectation_State_:
		return kind.State == stetv1.Expectation_STATE_NO_STREAM
	default:
		return false
	}
}

// SettlesByRequestID tells of a request with an id that no earlier attempt was
// written: the server looks for it before any refusal by the specification leaves.
// Unlike [Settles] it does not tell that none will be: a requirement may pass.
func SettlesByRequestID(code codes.Code, reason string) bool {
	return reason == RequirementNotMet || reason != "" && (code == codes.InvalidArgument || code == codes.NotFound)
}
