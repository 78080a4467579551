package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

type subscribeStream = grpc.ServerStreamingServer[stetv1.SubscribeResponse]

const history = "0123456789abcdef0123456789abcdef"

// follow answers like the server, over a log of n events of stream a-1 at even
// positions: messages of one to three events, progress and caught_up. It calls
// before ahead of each message, which may end the call.
func follow(n uint64, r *stetv1.SubscribeRequest, s subscribeStream, before func(message int) error) error {
	byStream := r.GetStream() != ""
	cursor := r.GetAfter()
	place := func(version uint64) uint64 {
		if byStream {
			return version
		}
		return 2 * version
	}
	messages := []*stetv1.SubscribeResponse{{Started: &stetv1.SubscribeResponse_Started{HistoryId: history, StartPosition: cursor, Cursor: cursor, Head: 2 * n}}}
	var batch []*stetv1.RecordedEvent
	flush := func() {
		if len(batch) > 0 {
			messages = append(messages, &stetv1.SubscribeResponse{Events: batch})
			batch = nil
		}
	}
	for v := uint64(1); v <= n; v++ {
		if place(v) <= cursor {
			continue
		}
		batch = append(batch, recorded("a-1", v, 2*v))
		if uint64(len(batch)) > v%3 {
			flush()
			messages = append(messages, &stetv1.SubscribeResponse{Progress: &stetv1.SubscribeResponse_Progress{Cursor: place(v), ScannedTo: 2 * v, Head: 2 * n}})
		}
	}
	flush()
	messages = append(messages, &stetv1.SubscribeResponse{CaughtUp: &stetv1.SubscribeResponse_CaughtUp{Cursor: place(n), Head: 2 * n}})
	for i, m := range messages {
		if err := before(i); err != nil {
			return err
		}
		if err := s.Send(m); err != nil {
			return err
		}
	}
	<-s.Context().Done()
	return s.Context().Err()
}

// until reads deliveries up to caught up, and checks that each event comes once
// and in order.
func until(t *testing.T, c *client.Client, s client.Subscription, n uint64) (versions []uint64, interruptions int) {
	t.Helper()
	for d, err := range c.Subscribe(limited(t), s) {
		if err != nil {
			t.Fatal(err)
		}
		switch d.Kind {
		case client.KindEvent:
			versions = append(versions, d.Event.GetVersion())
			at := d.Event.GetPosition()
			if s.Stream != "" {
				at = d.Event.GetVersion()
			}
			if d.Cursor != at || d.HistoryID != history || d.Head != 2*n {
				t.Fatalf("delivery %+v", d)
			}
		case client.KindInterrupted:
			interruptions++
			if d.Err == nil {
				t.Fatal("an interruption without its reason")
			}
		case client.KindCaughtUp:
			if d.Head == 2*n {
				return versions, interruptions
			}
		}
	}
	t.Fatal("the iterator ended without an error")
	return nil, 0
}

func upTo(n uint64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i) + 1
	}
	return out
}

// Every place where a connection can break, three times each: no gap, no
// repetition (invariant I6).
func TestASubscriptionResumesWhereverItIsCut(t *testing.T) {
	const n = 12
	for name, end := range map[string]error{
		"cut":           errCut,
		"shutting down": refusal(codes.Unavailable, "SHUTTING_DOWN", retryIn(time.Millisecond)),
		"ended with OK": nil,
		"canceled":      status.Error(codes.Canceled, "by a proxy"),
	} {
		for _, s := range []client.Subscription{{}, {Stream: "a-1"}, {Category: "a", After: 0}} {
			for at := range 14 {
				f := &fake{}
				f.subscribe = func(call int, r *stetv1.SubscribeRequest, stream subscribeStream) error {
					if known := r.GetHistoryId(); known != history && known != "" {
						t.Errorf("asked for history %q", known)
					}
					return follow(n, r, stream, func(message int) error {
						if call <= 3 && message == at {
							if errors.Is(end, errCut) {
								f.cut()
							} else if end == nil {
								return errEndOK
							}
							return end
						}
						return nil
					})
				}
				inner := f.subscribe
				f.subscribe = func(call int, r *stetv1.SubscribeRequest, stream subscribeStream) error {
					if err := inner(call, r, stream); !errors.Is(err, errEndOK) {
						return err
					}
					return nil
				}
				c, _ := dial(t, f.start(t).addr, client.Options{})
				versions, interruptions := until(t, c, s, n)
				if !cmp.Equal(versions, upTo(n)) {
					t.Fatalf("%s at message %d of %+v: %v", name, at, s, versions)
				}
				if at < 5 && interruptions == 0 {
					t.Errorf("%s at message %d: not one interruption", name, at)
				}
			}
		}
	}
}

var errEndOK = errors.New("end the call with OK")

func TestAResumedSubscriptionDropsWhatWasDeliveredBefore(t *testing.T) {
	const n = 9
	f := &fake{}
	f.subscribe = func(call int, r *stetv1.SubscribeRequest, s subscribeStream) error {
		if call > 1 {
			r.Start = &stetv1.SubscribeRequest_After{After: r.GetAfter() / 2} // repeats half of it
		}
		return follow(n, r, s, func(message int) error {
			if call < 3 && message == 4 {
				return status.Error(codes.Unavailable, "") // so that what was sent arrives
			}
			return nil
		})
	}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	if versions, _ := until(t, c, client.Subscription{}, n); !cmp.Equal(versions, upTo(n)) {
		t.Error(versions)
	}
}

func TestDisorderOnOneConnectionIsAnErrorBecauseItMayHideAGap(t *testing.T) {
	f := &fake{subscribe: func(_ int, _ *stetv1.SubscribeRequest, s subscribeStream) error {
		return s.Send(&stetv1.SubscribeResponse{
			Started: &stetv1.SubscribeResponse_Started{HistoryId: history},
			Events:  []*stetv1.RecordedEvent{recorded("a-1", 1, 1), recorded("a-1", 3, 3), recorded("a-1", 2, 2)},
		})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	_, err := lastOf(limited(t), c, client.Subscription{})
	if !is[*client.ProtocolError](err) {
		t.Error(err)
	}
}

// lastOf counts the events up to the end of a subscription.
func lastOf(ctx context.Context, c *client.Client, s client.Subscription) (events int, last error) {
	for d, err := range c.Subscribe(ctx, s) {
		if d.Kind == client.KindEvent {
			events++
		}
		last = err
	}
	return events, last
}

func TestAChangedHistoryEndsTheSubscription(t *testing.T) {
	for name, restored := range map[string]func(s subscribeStream) error{
		"refused by the server": func(subscribeStream) error {
			return refusal(codes.FailedPrecondition, "HISTORY_CHANGED")
		},
		"not noticed by the server": func(s subscribeStream) error {
			return s.Send(&stetv1.SubscribeResponse{
				Started: &stetv1.SubscribeResponse_Started{HistoryId: "another"},
				Events:  []*stetv1.RecordedEvent{recorded("b-1", 1, 1000)},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			f.subscribe = func(call int, r *stetv1.SubscribeRequest, s subscribeStream) error {
				if call == 1 {
					return follow(6, r, s, func(message int) error {
						if message == 3 { // by status, so that what was sent arrives
							return status.Error(codes.Unavailable, "")
						}
						return nil
					})
				}
				if r.GetHistoryId() != history || r.GetAfter() == 0 {
					t.Errorf("resumed with %v", r)
				}
				return restored(s)
			}
			c, _ := dial(t, f.start(t).addr, client.Options{})
			events, err := lastOf(limited(t), c, client.Subscription{})
			var changed *client.HistoryChanged
			if !errors.As(err, &changed) || changed.Known != history || client.Reason(err) != "HISTORY_CHANGED" || events > 3 {
				t.Errorf("%v after %d events", err, events)
			}
			if status.Code(err) != codes.FailedPrecondition {
				t.Errorf("code %v", status.Code(err))
			}
		})
	}
}

func TestACursorOfAnotherProcessIsSentWithItsHistory(t *testing.T) {
	f := &fake{subscribe: func(_ int, r *stetv1.SubscribeRequest, _ subscribeStream) error {
		if r.GetHistoryId() != "stored" || r.GetAfter() != 77 || r.GetStream() != "a-1" {
			t.Errorf("asked %v", r)
		}
		return refusal(codes.OutOfRange, "BEYOND_END")
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	_, err := lastOf(limited(t), c, client.Subscription{Stream: "a-1", After: 77, HistoryID: "stored"})
	var beyond *client.BeyondEnd
	if !errors.As(err, &beyond) || beyond.Cursor != 77 || f.count() != 1 {
		t.Errorf("%v after %d calls", err, f.count())
	}
}

// The server says where "now" or a time is; from then on the place is fixed,
// also when nothing was delivered before the cut.
func TestAStartFromNowOrATimeIsFixedByTheFirstAnswer(t *testing.T) {
	for _, s := range []client.Subscription{{FromNow: true}, {FromTime: time.Unix(5, 0)}} {
		f := &fake{}
		f.subscribe = func(call int, r *stetv1.SubscribeRequest, stream subscribeStream) error {
			first := r.GetFromNow() == s.FromNow && r.GetFromTime().AsTime().Equal(s.FromTime) || r.GetFromNow()
			switch call {
			case 1: // breaks before it is answered
				f.cut()
				return nil
			case 2:
				if !first {
					t.Errorf("asked %v", r)
				}
				if err := stream.Send(&stetv1.SubscribeResponse{Started: &stetv1.SubscribeResponse_Started{HistoryId: history, Cursor: 8, Head: 8}}); err != nil {
					return err
				}
				return refusal(codes.Unavailable, "SHUTTING_DOWN")
			}
			if r.GetAfter() != 8 || r.GetHistoryId() != history {
				t.Errorf("resumed with %v", r)
			}
			return follow(6, r, stream, func(int) error { return nil })
		}
		c, _ := dial(t, f.start(t).addr, client.Options{})
		if versions, _ := until(t, c, s, 6); !cmp.Equal(versions, []uint64{5, 6}) {
			t.Error(versions)
		}
	}
}

func TestProgressMovesTheCursorOverWhatTheFilterTookOut(t *testing.T) {
	f := &fake{subscribe: func(call int, r *stetv1.SubscribeRequest, s subscribeStream) error {
		if call == 2 {
			if r.GetAfter() != 500 || r.GetFilter().GetAnyOf()[0].GetTypes()[0] != "Rare" {
				t.Errorf("resumed with %v", r)
			}
			return refusal(codes.Internal, "INTERNAL")
		}
		for _, m := range []*stetv1.SubscribeResponse{
			{Started: &stetv1.SubscribeResponse_Started{HistoryId: history, Head: 900}},
			{Progress: &stetv1.SubscribeResponse_Progress{Cursor: 500, ScannedTo: 500, Head: 950}},
			{FellBehind: &stetv1.SubscribeResponse_FellBehind{Cursor: 400, Head: 940}}, // never leads back
		} {
			if err := s.Send(m); err != nil {
				return err
			}
		}
		return status.Error(codes.Unavailable, "")
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	var got []string
	for d, err := range c.Subscribe(limited(t), client.Subscription{Filter: client.Filter{{Types: []string{"Rare"}}}}) {
		got = append(got, fmt.Sprintf("%v %d %d %d %q", d.Kind, d.Cursor, d.Head, d.ScannedTo, client.Reason(err)))
	}
	want := []string{`started 0 900 0 ""`, `progress 500 950 500 ""`, `fell behind 500 950 0 ""`, `interrupted 500 950 0 ""`, `unknown 0 0 0 "INTERNAL"`}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestTheBackOffGrowsToItsBoundAndBeginsAnewAfterADelivery(t *testing.T) {
	f := &fake{subscribe: func(call int, r *stetv1.SubscribeRequest, s subscribeStream) error {
		switch call {
		case 5: // delivers, then goes away
			return follow(1, r, s, func(message int) error {
				if message == 2 {
					return status.Error(codes.Unavailable, "")
				}
				return nil
			})
		case 7:
			return refusal(codes.Unavailable, "SHUTTING_DOWN", retryIn(time.Hour))
		case 8:
			return refusal(codes.PermissionDenied, "")
		default:
			return status.Error(codes.Unavailable, "")
		}
	}}
	c, w := dial(t, f.start(t).addr, client.Options{BackoffBase: 100 * time.Millisecond, BackoffMax: 300 * time.Millisecond})
	_, err := lastOf(limited(t), c, client.Subscription{})
	if status.Code(err) != codes.PermissionDenied {
		t.Error(err)
	}
	ms := time.Millisecond
	want := []time.Duration{75 * ms, 150 * ms, 225 * ms, 225 * ms, 75 * ms, 150 * ms, 30 * time.Second}
	if !cmp.Equal(w.all(), want) {
		t.Errorf("waits %v, want %v", w.all(), want)
	}
}

func TestTooManySubscriptionsIsWaitedForOnlyWhenResuming(t *testing.T) {
	f := &fake{}
	f.subscribe = func(call int, r *stetv1.SubscribeRequest, s subscribeStream) error {
		switch call {
		case 1:
			return follow(3, r, s, func(message int) error {
				if message == 2 {
					return status.Error(codes.Unavailable, "")
				}
				return nil
			})
		case 2:
			return refusal(codes.ResourceExhausted, "TOO_MANY_SUBSCRIPTIONS")
		case 3:
			return follow(3, r, s, func(int) error { return nil })
		default:
			return refusal(codes.ResourceExhausted, "TOO_MANY_SUBSCRIPTIONS")
		}
	}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	if versions, _ := until(t, c, client.Subscription{}, 3); !cmp.Equal(versions, upTo(3)) {
		t.Error(versions)
	}
	if _, err := lastOf(limited(t), c, client.Subscription{}); !is[*client.Exhausted](err) {
		t.Error(err)
	}
}

func TestASubscriptionEndsWithItsContextOrItsClient(t *testing.T) {
	f := &fake{subscribe: func(_ int, r *stetv1.SubscribeRequest, s subscribeStream) error {
		return follow(2, r, s, func(int) error { return nil })
	}}
	f.start(t)
	for _, closed := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		c, _ := dial(t, f.addr, client.Options{})
		var last error
		for d, err := range c.Subscribe(ctx, client.Subscription{}) {
			last = err
			if d.Kind == client.KindCaughtUp {
				if !closed {
					cancel()
				} else if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		cancel()
		if closed && !errors.Is(last, client.ErrClosed) || !closed && !errors.Is(last, context.Canceled) {
			t.Errorf("closed %v: %v", closed, last)
		}
	}
}

func TestAFaultySubscriptionIsRefusedWithoutACall(t *testing.T) {
	f := (&fake{}).start(t)
	c, _ := dial(t, f.addr, client.Options{})
	for _, s := range []client.Subscription{
		{Stream: "a", Category: "b"}, {After: 1, FromNow: true}, {FromTime: time.Unix(1, 0), FromNow: true}, {Stream: "\xff"},
	} {
		if _, err := lastOf(limited(t), c, s); !is[*client.InvalidRequest](err) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if f.count() != 0 {
		t.Errorf("%d calls", f.count())
	}
}

func TestAFirstMessageThatStartsNothingIsAnError(t *testing.T) {
	f := &fake{subscribe: func(_ int, _ *stetv1.SubscribeRequest, s subscribeStream) error {
		return s.Send(&stetv1.SubscribeResponse{Events: []*stetv1.RecordedEvent{recorded("a-1", 1, 1)}})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	if events, err := lastOf(limited(t), c, client.Subscription{}); events != 0 || !is[*client.ProtocolError](err) {
		t.Errorf("%v after %d events", err, events)
	}
}
