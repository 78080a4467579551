package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/client/internal/refusal"
)

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
		d := refusal.DetailsOf(st)
		v := refusal.Judge(st.Code(), d.Reason, at.Addr != nil)
		doubtful = doubtful || v == refusal.Open || v == refusal.Lost
		again := v == refusal.NotNow || v == refusal.Open && (k.repeatable || !k.write)
		if again && n < c.options.Attempts && c.pause(ctx, c.backoff.After(n), d.RetryAfter) {
			continue
		}
		if k.write && doubtful && !refusal.Settles(d) && !(k.requestID != "" && refusal.SettlesByRequestID(st.Code(), d.Reason)) {
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
