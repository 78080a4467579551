package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"

	"github.com/stet-db/stet/storage"
)

// arrivals bounds the calls at a time over all connections, from their headers
// to their end: also those whose request never comes whole, which no
// interceptor sees.
type arrivals struct {
	limit   int64
	open    atomic.Int64
	refused atomic.Uint64
}

// take counts a call, if there is room. False: there are too many.
func (a *arrivals) take() bool {
	if a.open.Add(1) > a.limit {
		a.leave()
		a.refused.Add(1)
		return false
	}
	return true
}

func (a *arrivals) leave() { a.open.Add(-1) }

// arrive is what happens to a call before its request is received. A unary
// call gets its deadline here, so that [unaryTimeout] also bounds the receiving
// of a request that comes byte by byte.
func (s *Server) arrive(ctx context.Context, call *tap.Info) (context.Context, error) {
	if err := contentTypeFault(call.Header["content-type"]); err != nil {
		return refuseEarly(ctx, err)
	}
	if !s.arrivals.take() {
		return refuseEarly(ctx, &tooManyError{What: "calls", Reason: ReasonTooManyCalls, Limit: int(s.arrivals.limit), RetryAfter: retryTooManyCalls})
	}
	if m := s.calls.byMethod[call.FullMethodName]; m != nil && m.streaming {
		context.AfterFunc(ctx, s.arrivals.leave)
		return ctx, nil
	}
	return withUnaryTimeout(ctx, s.arrivals.leave), nil
}

// withUnaryTimeout is a context that ends after [unaryTimeout] at the latest.
// Streams have none: they last as long as their clients like, and are bounded
// in number, by keepalive and by flow control. after is called when the given
// context has ended, which a call's does with the call.
func withUnaryTimeout(ctx context.Context, after func()) context.Context {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= unaryTimeout {
		context.AfterFunc(ctx, after)
		return ctx
	}
	bounded, cancel := context.WithTimeout(ctx, unaryTimeout)
	context.AfterFunc(ctx, func() {
		cancel()
		after()
	})
	return bounded
}

// earlyDeadline is the longest deadline of a call that is refused on the spot.
const earlyDeadline = time.Second

type refusedKey struct{}

// refuseEarly refuses a call before its request is received. The transport
// forgets to stop the timer of such a call's deadline: one far off would hold
// memory until then, and a client could make any number of them. So a call with
// such a deadline is let in, to be refused by [refuseArrived].
func refuseEarly(ctx context.Context, err error) (context.Context, error) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) > earlyDeadline {
		return withUnaryTimeout(context.WithValue(ctx, refusedKey{}, err), func() {}), nil
	}
	return ctx, statusOf(err)
}

// refusedUnary and refusedStream end calls that [refuseEarly] let in.
func refusedUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err, ok := ctx.Value(refusedKey{}).(error); ok {
		return nil, statusOf(err)
	}
	return handler(ctx, req)
}

func refusedStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err, ok := stream.Context().Value(refusedKey{}).(error); ok {
		return statusOf(err)
	}
	return handler(srv, stream)
}

// contentTypeFault refuses messages that are not protobuf. The server's codec
// is used whatever a client calls its encoding, so without this it would take
// JSON for a damaged message.
func contentTypeFault(given []string) error {
	if len(given) == 1 {
		switch given[0] {
		case "application/grpc", "application/grpc+proto":
			return nil
		}
	}
	return storage.Invalid(storage.Violation{
		Field:   "content-type",
		Problem: fmt.Sprintf("is %q; want application/grpc or application/grpc+proto", given),
	})
}
