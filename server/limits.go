package server

import (
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

const (
	// requestSlack is how much more than a request may have is received, so
	// that a request which is too large gets our error, naming the limit.
	requestSlack = 1 << 20
	// answerSlack is how much larger than the request an answer may be: it
	// names the request's streams again, and an id for each of its events.
	answerSlack = 4 << 20
	// stateAnswerBytes is what an answer about states may have at least: a state
	// has up to 8 MiB, and a change of it somewhat more.
	stateAnswerBytes = 32 << 20
	// unfinishedBytes bounds what the messages that are not whole hold, over all
	// connections: fifty of the largest requests on their way at a time.
	unfinishedBytes = 512 << 20
	// headerBytes bounds the headers of one call.
	headerBytes = 16 << 10
	// handshakeTimeout bounds the time from a connection to its first frames.
	handshakeTimeout = 10 * time.Second
	// unaryTimeout bounds a unary call from its headers on, whatever its client
	// allows: every wait has an end.
	unaryTimeout = time.Minute
	// requestTimeout bounds the receiving of the one request of a call that
	// answers with a stream.
	requestTimeout = time.Minute
	// idleTimeout ends connections without a call, so that they do not keep
	// others out; clients connect again by themselves when they have a call.
	idleTimeout = 5 * time.Minute
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
		grpc.MaxSendMsgSize(max(c.Limits.RequestBytes+answerSlack, stateAnswerBytes)),
		grpc.MaxConcurrentStreams(uint32(min(c.StreamsPerConnection, math.MaxUint32))),
		grpc.MaxHeaderListSize(headerBytes),
		grpc.NumStreamWorkers(callWorkers),
		grpc.StaticStreamWindowSize(callWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout, MaxConnectionIdle: idleTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingMin, PermitWithoutStream: true}),
	}
}
