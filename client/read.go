package client

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// StreamRead asks for the events of one stream that are durable when the
// request arrives.
type StreamRead struct {
	// Stream is the name; [*NotFound] when it was never written to.
	Stream string
	// From is the version to begin at, included; 0: the start, or the end when
	// Backwards.
	From uint64
	// FromTime and UntilTime bound the recorded time; the first is included, the
	// second not. Zero: no bound.
	FromTime, UntilTime time.Time
	// Backwards gives the newest first.
	Backwards bool
	// Limit is the most events to give, counted after the filter; 0: no limit.
	Limit uint64
	// Filter chooses events.
	Filter Filter
}

// LogRead asks for the events of the whole log that are durable when the
// request arrives. Those of streams whose names begin with "$" are left out,
// unless the filter names such a prefix or category.
type LogRead struct {
	// From is the position to begin at, included; 0: the start, or the end when
	// Backwards.
	From uint64
	// FromTime, UntilTime, Backwards, Limit and Filter are as in [StreamRead].
	FromTime, UntilTime time.Time
	// Backwards gives the newest first.
	Backwards bool
	// Limit is the most events to give, counted after the filter; 0: no limit.
	Limit uint64
	// Filter chooses events; the server scans the log for them.
	Filter Filter
}

// ReadStream yields the events of a stream in order. It ends when all were
// given, or with an error; a connection that breaks in the middle is an error,
// because going on would read at another head. Each range over it reads anew.
func (c *Client) ReadStream(ctx context.Context, r StreamRead) iter.Seq2[*stetv1.RecordedEvent, error] {
	return eventsOf(c.ReadStreamBatches(ctx, r))
}

// ReadAll yields the events of the log in order; otherwise as
// [Client.ReadStream].
func (c *Client) ReadAll(ctx context.Context, r LogRead) iter.Seq2[*stetv1.RecordedEvent, error] {
	return eventsOf(c.ReadAllBatches(ctx, r))
}

// ReadStreamBatches is [Client.ReadStream] with the answer as it comes: batches
// of events, with how far the stream was scanned, the head and the stream's
// version. The last one has done set.
func (c *Client) ReadStreamBatches(ctx context.Context, r StreamRead) iter.Seq2[*stetv1.ReadStreamResponse, error] {
	k := call{op: "read", stream: r.Stream}
	var faults faults
	faults.text("stream", r.Stream)
	request := &stetv1.ReadStreamRequest{
		Stream:      r.Stream,
		FromVersion: r.From,
		FromTime:    timestamp(r.FromTime),
		UntilTime:   timestamp(r.UntilTime),
		Backwards:   r.Backwards,
		Limit:       r.Limit,
		Filter:      r.Filter.message(&faults),
	}
	return batches(ctx, c, k, faults.err(k), func(ctx context.Context, opts ...grpc.CallOption) (grpc.ServerStreamingClient[stetv1.ReadStreamResponse], error) {
		return c.api.ReadStream(ctx, request, opts...)
	})
}

// ReadAllBatches is [Client.ReadAll] with the answer as it comes: batches of
// events, with how far the log was scanned and the head. A filtered read gives
// batches without events to show its progress. The last one has done set.
func (c *Client) ReadAllBatches(ctx context.Context, r LogRead) iter.Seq2[*stetv1.ReadAllResponse, error] {
	k := call{op: "read the log"}
	var faults faults
	request := &stetv1.ReadAllRequest{
		FromPosition: r.From,
		FromTime:     timestamp(r.FromTime),
		UntilTime:    timestamp(r.UntilTime),
		Backwards:    r.Backwards,
		Limit:        r.Limit,
		Filter:       r.Filter.message(&faults),
	}
	return batches(ctx, c, k, faults.err(k), func(ctx context.Context, opts ...grpc.CallOption) (grpc.ServerStreamingClient[stetv1.ReadAllResponse], error) {
		return c.api.ReadAll(ctx, request, opts...)
	})
}

// batch is an answer of a read.
type batch[M any] interface {
	*M
	GetEvents() []*stetv1.RecordedEvent
	GetDone() bool
}

// eventsOf flattens batches.
func eventsOf[M any, B batch[M]](in iter.Seq2[B, error]) iter.Seq2[*stetv1.RecordedEvent, error] {
	return func(yield func(*stetv1.RecordedEvent, error) bool) {
		for b, err := range in {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range b.GetEvents() {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// batches yields the answers of a read up to the one that says it is complete.
func batches[M any, B batch[M]](
	ctx context.Context, c *Client, k call, fault error,
	start func(context.Context, ...grpc.CallOption) (grpc.ServerStreamingClient[M], error),
) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		if fault != nil {
			yield(nil, fault)
			return
		}
		// An early end of the loop ends the call.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, message, err := first(ctx, c, k, start)
		for err == nil {
			b := B(message)
			if !yield(b, nil) {
				return
			}
			if b.GetDone() {
				if err := finish(k, stream); err != nil {
					yield(nil, err)
				}
				return
			}
			if message, err = stream.Recv(); err != nil {
				err = readError(ctx, k, err)
			}
		}
		yield(nil, err)
	}
}

// first starts a read and gets its first answer. Up to there it is repeated
// like any other call.
func first[M any](
	ctx context.Context, c *Client, k call,
	start func(context.Context, ...grpc.CallOption) (grpc.ServerStreamingClient[M], error),
) (stream grpc.ServerStreamingClient[M], message *M, err error) {
	err = c.try(ctx, k, func(opts ...grpc.CallOption) (err error) {
		if stream, err = start(ctx, opts...); err != nil {
			return err
		}
		if message, err = stream.Recv(); errors.Is(err, io.EOF) {
			return nil // told below, by the missing message
		}
		return err
	})
	if err == nil && message == nil {
		err = readError(ctx, k, io.EOF)
	}
	return stream, message, err
}

// finish takes the end of a complete answer, so that the server sees the call
// end well.
func finish[M any](k call, stream grpc.ServerStreamingClient[M]) error {
	if _, err := stream.Recv(); err == nil {
		return protocolError(k, "the server answered on after the end")
	}
	return nil // whatever ended the call: the answer was complete
}

// readError is the error of a read that ended before it was complete.
func readError(ctx context.Context, k call, err error) error {
	if errors.Is(err, io.EOF) {
		return protocolError(k, "the server ended the answer without saying that it is complete")
	}
	return errorOf(ctx, k, err)
}
