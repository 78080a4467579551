package storage

import (
	"context"
	"iter"
)

// Store is the port between those who serve events and an engine that keeps
// them. Package storagetest holds its conformance suite.
//
// All methods are safe for concurrent use. Errors are those of this package,
// the context's, or an engine's own failure.
type Store interface {
	// Append judges the request against everything before it and adds its
	// events, all or none. When it returns nil they are durable (I1). A refusal
	// is returned only after everything that it was judged against is durable
	// (I7). When ctx ends first, the outcome is open: what was accepted is still
	// written. A full queue is [ErrQueueFull].
	Append(ctx context.Context, a *Append) (Appended, error)

	// Submit is Append for pipelines: it queues the request, waiting for room
	// while the queue is full, and returns. done is then called once with what
	// Append would have returned, in the order of submission for requests of one
	// lane. It runs on the store's goroutines and must not block. When Submit
	// returns an error, done is not called and nothing is written.
	Submit(ctx context.Context, a *Append, done func(Appended, error)) error

	// Head is the highest durable position. Never decreases.
	Head() Position

	// AwaitHead waits until the head is above the given position and returns
	// it, or the error of ctx, or [ErrShuttingDown] once the store closes.
	AwaitHead(ctx context.Context, above Position) (Position, error)

	// ReadAll yields the events of the range in log order, or the reverse. It
	// ends at the bound or with an error, never short in silence. It takes no
	// lock that a writer waits for.
	ReadAll(ctx context.Context, r AllRange) iter.Seq2[Recorded, error]

	// ReadStream yields the events of the range in stream order, or the
	// reverse; otherwise as ReadAll. A stream that is not visible at the head of
	// the range yields a [StreamNotFoundError].
	ReadStream(ctx context.Context, r StreamRange) iter.Seq2[Recorded, error]

	// Tail gives the group of newest events that holds position after+1, when
	// that is durable and still in memory. It never touches the disk.
	Tail(after Position) (Group, bool)

	// Stream describes a stream as of the given head, which must not be above
	// Head. A [StreamNotFoundError] when it is not visible there.
	Stream(ctx context.Context, name string, head Position) (StreamInfo, error)

	// Streams lists at most limit streams visible at head, in the byte order of
	// their names, whose names begin with prefix and are greater than after.
	Streams(ctx context.Context, q StreamsQuery) ([]StreamInfo, error)

	// PositionAt is the first position up to head whose recorded time is at or
	// after t; head+1 when there is none.
	PositionAt(ctx context.Context, t Instant, head Position) (Position, error)

	// VersionAt is the first version of the stream, among those up to head,
	// whose recorded time is at or after t; one above the last when there is
	// none. A [StreamNotFoundError] as in Stream.
	VersionAt(ctx context.Context, stream string, t Instant, head Position) (Version, error)

	// RecordedAt is the time of the event at the position, which must be
	// between 1 and Head.
	RecordedAt(ctx context.Context, p Position) (Instant, error)

	// Info describes the store; constant while it is open.
	Info() Info

	// Stats are counters and gauges for metrics.
	Stats() Stats

	// Close finishes what was submitted, refuses what comes, and releases the
	// store. Readers must have ended.
	Close() error
}

// AllRange is a range of the log: positions From to Until, From included and
// Until not. Whatever it says, nothing above the durable head is given.
type AllRange struct {
	// From is the lowest position; 0 is the same as 1.
	From Position
	// Until is the first position above the range; 0: up to the head.
	Until Position
	// Backwards yields the highest position first.
	Backwards bool
}

// StreamRange is a range of a stream: versions From to Until, From included
// and Until not, as visible at Head.
type StreamRange struct {
	// Stream is the name.
	Stream string
	// From is the lowest version; 0 is the same as 1.
	From Version
	// Until is the first version above the range; 0: up to the end.
	Until Version
	// Head is the position that the read is pinned to; 0: the store's head.
	Head Position
	// Backwards yields the highest version first.
	Backwards bool
	// Info, when not nil, is set to what Stream says at Head, before the first
	// event is yielded, or the end is reached without one. It spares whoever
	// needs both a search of its own. When the read fails first it says nothing.
	Info *StreamInfo
}

// StreamsQuery asks for a page of streams.
type StreamsQuery struct {
	// Prefix of the names; empty: all.
	Prefix string
	// After is the name after which the page begins, excluded; empty: from the
	// first.
	After string
	// Limit is the most streams to give; must be positive.
	Limit int
	// Head is the position that the listing is pinned to.
	Head Position
	// WithServerStreams includes names that begin with "$" when Prefix is
	// empty.
	WithServerStreams bool
}

// Group is a run of the newest events, encoded once for all subscribers. It is
// immutable and shared: nobody writes to Frames.
type Group struct {
	// First and Last are the positions of the first and the last event; no
	// position between them is missing.
	First, Last Position
	// Frames are the events as elements of a repeated message field with number
	// 1, one after another: what a streaming answer begins with.
	Frames []byte
}

// Info describes a store.
type Info struct {
	// History is the identity of the log.
	History HistoryID
	// Format is the number of the storage format.
	Format uint32
	// Durability is when an append is acknowledged: "sync", or "memory" for the
	// reference model.
	Durability string
}

// Stats are counters since the store was opened, and gauges.
type Stats struct {
	// Head is the highest durable position.
	Head Position
	// Queued is the number of appends waiting to be judged, QueueLimit their
	// bound.
	Queued, QueueLimit int
	// Accepted, Refused and Replayed count appends by outcome, Events the
	// events accepted.
	Accepted, Refused, Replayed, Events uint64
	// Batches counts commits with a sync of their own.
	Batches uint64
	// SyncMicros is the median of the latest commits' time from handing over to
	// durable, in microseconds; 0: there was none.
	SyncMicros int64
	// RequestIDs is the number of remembered request ids, RequestIDLimit their
	// bound.
	RequestIDs, RequestIDLimit uint64
	// DiskBytes is the size of the store's files, DiskFreeBytes what its file
	// system has left, TailBytes the memory of the newest events.
	DiskBytes, DiskFreeBytes, TailBytes uint64
	// ScrubbedPosition is how far the present look for damage has come, or the
	// last one where none is running. ScrubProblems is how many places were
	// found damaged since the store was opened.
	ScrubbedPosition Position
	ScrubProblems    uint64
}
