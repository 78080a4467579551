package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// verdict says what a failed attempt means.
type verdict uint8

const (
	// refused: nothing was done, and repeating does not help.
	refused verdict = iota
	// notNow: nothing was done, and repeating may help.
	notNow
	// open: it may have been done, and repeating may help to find out.
	open
	// lost: it may have been done, and repeating does not help.
	lost
)

// judge reads code and reason, never the message. sent tells whether the
// request may have left this machine.
func judge(code codes.Code, reason string, sent bool) verdict {
	switch reason {
	case reasonQueueFull, reasonShuttingDown, reasonCalls:
		return notNow
	case reasonOutcomeUnknown:
		return open
	case reasonInternal:
		return lost
	case "": // the word of the transport or of something in between
	default:
		return refused
	}
	switch code {
	case codes.Unavailable:
		if sent {
			return open
		}
		return notNow
	case codes.Canceled, codes.DeadlineExceeded, codes.Internal, codes.Unknown:
		if sent {
			return lost
		}
	}
	return refused
}

// settles tells whether a refusal also says that no earlier attempt of the same
// request was written: the server judges content, then looks for the request
// it knows, then judges expectations. Other refusals come before it has looked.
func settles(reason string) bool {
	return reason == reasonConflict || reason == reasonInvalidRequest || reason == reasonRequestIDReused
}

// settlesByRequestID tells the same of a request with an id: the server looks
// for it before any refusal by the specification leaves.
func settlesByRequestID(code codes.Code, reason string) bool {
	return reason == reasonRequirement || reason != "" && (code == codes.InvalidArgument || code == codes.NotFound)
}

// try makes a call and repeats it where that is safe and may help: at most
// Options.Attempts times in all, and not when ctx would end during the wait.
func (c *Client) try(ctx context.Context, k call, once func(opts ...grpc.CallOption) error) error {
	doubtful := false
	for n := 1; ; n++ {
		var at peer.Peer // filled in only when the request got a connection
		err := once(grpc.Peer(&at))
		if err == nil {
			return nil
		}
		st, _ := status.FromError(err) // always gives a status; foreign errors are Unknown
		d := detailsOf(st)
		v := judge(st.Code(), d.reason, at.Addr != nil)
		doubtful = doubtful || v == open || v == lost
		again := v == notNow || v == open && (k.repeatable || !k.write)
		if again && n < c.options.Attempts && c.pause(ctx, c.backoff.After(n), d.retryAfter) {
			continue
		}
		if k.write && doubtful && !settles(d.reason) && !(k.requestID != "" && settlesByRequestID(st.Code(), d.reason)) {
			return unknownOutcome(ctx, k, err)
		}
		return errorOf(ctx, k, err)
	}
}

// maxRetryAfter bounds the wait that a server can impose on a call.
const maxRetryAfter = 30 * time.Second

// pause waits before the next attempt; false: it is not worth it.
func (c *Client) pause(ctx context.Context, wait, retryAfter time.Duration) bool {
	if retryAfter > maxRetryAfter {
		return false
	}
	wait = max(wait, retryAfter)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return false
	}
	return c.sleep(ctx, wait) == nil
}
