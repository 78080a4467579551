package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/client/internal/refusal"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Subscribe yields events and notices until the loop ends, ctx ends, or an
// error that waiting does not mend, such as [*HistoryChanged] or [*BeyondEnd],
// which is the last thing yielded. Each matching event comes once and in order,
// also across reconnections (invariant I6): when the connection breaks or the
// server shuts down, it yields KindInterrupted, waits with a growing back-off,
// and resumes after the last event delivered, in the same history.
//
// To go on in another process, store Cursor and HistoryID of what was handled
// and give them as [Subscription].After and HistoryID. Each range over the
// iterator starts anew.
func (c *Client) Subscribe(ctx context.Context, s Subscription) iter.Seq2[Delivery, error] {
	return func(yield func(Delivery, error) bool) {
		var faults faults
		s.validate(&faults)
		f := &follower{
			client: c, what: s, filter: s.Filter.message(&faults), op: subscribeOp(s), yield: yield,
			history: s.HistoryID,
			cursor:  s.After,
			placed:  s.FromTime.IsZero() && !s.FromNow,
		}
		err := faults.err(f.call())
		if err == nil {
			err = f.client.during(ctx, f.run)
		}
		if !errors.Is(err, errStopped) {
			yield(Delivery{}, err)
		}
	}
}

func subscribeOp(s Subscription) string {
	switch {
	case s.Stream != "":
		return "subscribe to" // the call adds the stream
	case s.Category != "":
		return fmt.Sprintf("subscribe to category %q", s.Category)
	default:
		return "subscribe to the log"
	}
}

// errStopped: the loop over the iterator ended, so nothing may be yielded.
var errStopped = errors.New("stopped by the caller")

// follower is one range over a subscription. Its fields belong to the goroutine
// that ranges.
type follower struct {
	client *Client
	what   Subscription
	filter *stetv1.Filter
	op     string
	yield  func(Delivery, error) bool

	// history and cursor are where to resume: everything that passes up to
	// cursor was delivered.
	history string
	cursor  uint64
	// placed tells that cursor is known. Before, a start from now or from a time
	// is the server's to find.
	placed bool
	head   uint64
	// started tells that a connection was answered once; failures counts the
	// connections since the last one that delivered something.
	started  bool
	failures int
}

func (f *follower) call() call {
	return call{op: f.op, stream: f.what.Stream, history: f.history, cursor: f.cursor}
}

// run follows over one connection after another. It never returns nil.
func (f *follower) run(ctx context.Context) error {
	for {
		err := f.connection(ctx)
		if errors.Is(err, errStopped) || isProtocolError(err) {
			return err
		}
		if !f.resumable(ctx, err) {
			return errorOf(ctx, f.call(), err)
		}
		f.failures++
		if !f.yield(f.delivery(Delivery{Kind: KindInterrupted, Err: errorOf(ctx, f.call(), err)}), nil) {
			return errStopped
		}
		st, _ := status.FromError(err) // always gives a status
		wait := max(f.client.backoff.After(f.failures), min(refusal.DetailsOf(st).RetryAfter, maxRetryAfter))
		if err := f.client.sleep(ctx, wait); err != nil {
			return errorOf(ctx, f.call(), status.FromContextError(err).Err())
		}
	}
}

// resumable tells whether connecting again may help.
func (f *follower) resumable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	st, _ := status.FromError(err) // always gives a status
	switch reason := refusal.DetailsOf(st).Reason; reason {
	case "":
	case refusal.TooManySubscriptions:
		return f.started // the server may not have noticed yet that the last one broke
	default:
		return reason == refusal.ShuttingDown || reason == refusal.QueueFull || reason == refusal.TooManyCalls
	}
	switch st.Code() {
	case codes.Unavailable:
		return true
	case codes.Canceled, codes.DeadlineExceeded:
		return true // not by our context, so by something in between
	default:
		return false
	}
}

// connection follows over one connection until it ends, and never returns nil.
func (f *follower) connection(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := f.client.api.Subscribe(ctx, f.what.request(f.filter, f.placed, f.cursor, f.history))
	if err != nil {
		return err
	}
	message, err := receive(stream)
	if err != nil {
		return err
	}
	if err := f.start(message); err != nil {
		return err
	}
	resumedAfter := f.cursor
	for {
		if err := f.deliver(message, resumedAfter); err != nil {
			return err
		}
		if message, err = receive(stream); err != nil {
			return err
		}
		if message.GetStarted() != nil {
			return protocolError(f.call(), "the server started the subscription twice")
		}
		f.failures = 0
	}
}

// receive takes an orderly end for an interruption: a subscription has none.
func receive(stream grpc.ServerStreamingClient[stetv1.SubscribeResponse]) (*stetv1.SubscribeResponse, error) {
	message, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil, status.Error(codes.Unavailable, "the server ended the subscription")
	}
	return message, err
}

// start takes the first message of a connection.
func (f *follower) start(message *stetv1.SubscribeResponse) error {
	s := message.GetStarted()
	if s == nil {
		return protocolError(f.call(), "the server's first message does not start the subscription")
	}
	if f.history != "" && s.GetHistoryId() != f.history {
		// The server checks this itself; a cursor must never meet another log.
		st := status.Newf(codes.FailedPrecondition, "the log's history is %s, not %s", s.GetHistoryId(), f.history)
		return refusal.WithHistory(st, s.GetHistoryId()).Err()
	}
	f.history = s.GetHistoryId()
	if !f.placed {
		f.cursor, f.placed = s.GetCursor(), true
	}
	f.started = true
	f.head = s.GetHead()
	return f.notice(KindStarted, 0, f.head, 0)
}

// deliver yields what a message carries.
func (f *follower) deliver(message *stetv1.SubscribeResponse, resumedAfter uint64) error {
	for _, e := range message.GetEvents() {
		if err := f.event(e, resumedAfter); err != nil {
			return err
		}
	}
	if n := message.GetCaughtUp(); n != nil {
		if err := f.notice(KindCaughtUp, n.GetCursor(), n.GetHead(), 0); err != nil {
			return err
		}
	}
	if n := message.GetFellBehind(); n != nil {
		if err := f.notice(KindFellBehind, n.GetCursor(), n.GetHead(), 0); err != nil {
			return err
		}
	}
	if n := message.GetProgress(); n != nil {
		return f.notice(KindProgress, n.GetCursor(), n.GetHead(), n.GetScannedTo())
	}
	return nil
}

// event yields an event unless it was delivered before. Going back to a place
// that was passed on this very connection is not a repetition but disorder, and
// may hide a gap.
func (f *follower) event(e *stetv1.RecordedEvent, resumedAfter uint64) error {
	at := e.GetPosition()
	if f.what.Stream != "" {
		at = e.GetVersion()
	}
	if at <= resumedAfter || at == f.cursor {
		return nil
	}
	if at < f.cursor {
		return protocolError(f.call(), fmt.Sprintf("the server sent %d after %d", at, f.cursor))
	}
	f.cursor = at
	if e.GetRecordedAt().AsTime().Before(f.what.FromTime) {
		return nil // after a cut the server is asked by cursor, so it cannot know
	}
	return f.send(Delivery{Kind: KindEvent, Event: e})
}

// notice yields a notice. Its cursor may pass over events that the filter took
// out; it never leads back.
func (f *follower) notice(kind Kind, cursor, head, scannedTo uint64) error {
	f.cursor = max(f.cursor, cursor)
	f.head = max(f.head, head)
	return f.send(Delivery{Kind: kind, ScannedTo: scannedTo})
}

func (f *follower) send(d Delivery) error {
	if !f.yield(f.delivery(d), nil) {
		return errStopped
	}
	return nil
}

func (f *follower) delivery(d Delivery) Delivery {
	d.Cursor, d.HistoryID, d.Head = f.cursor, f.history, f.head
	return d
}
