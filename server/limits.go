package server

import (
	"context"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/tap"

	"github.com/stet-db/stet/storage"
)

const (
	// requestSlack is how much more than a request may have is received, so
	// that a request which is too large gets our error, naming the limit.
	requestSlack = 1 << 20
	// answerSlack is how much larger than the request an answer may be: it
	// names the request's streams again, and an id for each of its events.
	answerSlack = 4 << 20
	// headerBytes bounds the headers of one call.
	headerBytes = 16 << 10
	// handshakeTimeout bounds the time from a connection to its first frames.
	handshakeTimeout = 10 * time.Second
	// unaryTimeout bounds a unary call, whatever its client allows: every wait
	// has an end.
	unaryTimeout = time.Minute
)

// Keepalive finds clients that are gone without a word, within pingAfter and
// pingTimeout, and turns away those that ping more often than pingMin.
const (
	pingAfter   = 30 * time.Second
	pingTimeout = 10 * time.Second
	pingMin     = 10 * time.Second
)

// What a client may send of one call, and of all calls of a connection, before
// the server has taken it. They are fixed: a window that adapts costs a ping,
// its answer and two wake-ups on each side for every request of a quiet
// connection. A larger message widens its own call's window by itself.
const (
	callWindow       = 1 << 20
	connectionWindow = 4 << 20
)

// callWorkers are goroutines that wait for calls. A call's stack grows to some
// 16 KiB, in steps that copy it: in a goroutine of its own that took a fifth of
// the processor time of an append. Calls beyond that many at a time get one of
// their own all the same.
const callWorkers = 256

// limitOptions bound what connections and calls may take.
func limitOptions(c Config) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(c.Limits.RequestBytes + requestSlack),
		grpc.MaxSendMsgSize(c.Limits.RequestBytes + answerSlack),
		grpc.MaxConcurrentStreams(uint32(min(c.StreamsPerConnection, math.MaxUint32))),
		grpc.MaxHeaderListSize(headerBytes),
		grpc.NumStreamWorkers(callWorkers),
		grpc.StaticStreamWindowSize(callWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingMin, PermitWithoutStream: true}),
		grpc.InTapHandle(refuseContentType),
	}
}

// refuseContentType refuses messages that are not protobuf. The server's codec
// is used whatever a client calls its encoding, so without this it would take
// JSON for a damaged message. It runs before the message is decoded, so no
// interceptor could stand in its place.
func refuseContentType(ctx context.Context, call *tap.Info) (context.Context, error) {
	given := call.Header["content-type"]
	if len(given) == 1 {
		switch given[0] {
		case "application/grpc", "application/grpc+proto":
			return ctx, nil
		}
	}
	return ctx, statusOf(storage.Invalid(storage.Violation{
		Field:   "content-type",
		Problem: fmt.Sprintf("is %q; want application/grpc or application/grpc+proto", given),
	}))
}

// limitUnary ends a call after [unaryTimeout]. Streams last as long as their
// clients like; they are bounded in number, by keepalive and by flow control.
func limitUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= unaryTimeout {
		return handler(ctx, req)
	}
	ctx, cancel := context.WithTimeout(ctx, unaryTimeout)
	defer cancel()
	return handler(ctx, req)
}
