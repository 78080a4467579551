package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// requests collects what a fake was sent.
type requests struct {
	mu   sync.Mutex
	list []*stetv1.AppendRequest
}

func (r *requests) add(a *stetv1.AppendRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, a)
}

func (r *requests) all() []*stetv1.AppendRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list
}

var oneEvent = []client.Event{{Type: "Happened", JSON: "{}"}}

// The server wrote the events, and its reply is lost (invariant I5): the client
// asks again with the very same request.
func TestALostReplyIsAskedForAgainWithTheSameRequest(t *testing.T) {
	var seen requests
	f := &fake{}
	f.append = func(n int, r *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
		seen.add(r)
		if n < 3 {
			f.cut()
		}
		return &stetv1.AppendResponse{FirstVersion: 7, LastVersion: 7, Ids: []string{"made-by-server"}, Replayed: n > 1}, nil
	}
	c, w := dial(t, f.start(t).addr, client.Options{})
	got, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Replayed || got.FirstVersion != 7 || !cmp.Equal(got.IDs, []string{"made-by-server"}) {
		t.Errorf("answer %+v", got)
	}
	if len(seen.all()) != 3 || len(w.all()) < 2 {
		t.Fatalf("%d requests, waits %v", len(seen.all()), w.all())
	}
	for _, r := range seen.all() {
		if !proto.Equal(r, seen.all()[0]) || r.GetRequestId() == "" || r.GetEvents()[0].GetId() != "" {
			t.Errorf("request %v, first %v", r, seen.all()[0])
		}
	}
}

func TestWithoutRequestIDsOnlyAnExactAppendIsRepeated(t *testing.T) {
	for _, tc := range []struct {
		name   string
		expect client.Expectation
		again  bool
	}{
		{"any", client.AnyVersion(), false},
		{"exists", client.StreamExists(), false},
		{"no stream", client.NoStream(), true},
		{"exact version", client.ExactVersion(4), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var seen requests
			f := &fake{}
			f.append = func(n int, r *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
				seen.add(r)
				if n == 1 {
					f.cut()
				}
				return ok(5), nil
			}
			c, _ := dial(t, f.start(t).addr, client.Options{NoRequestIDs: true})
			events := []client.Event{{Type: "A", JSON: "{}"}, {Type: "B", JSON: "{}", ID: "11111111-2222-4333-8444-555555555555"}}
			got, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: tc.expect, Events: events})
			if events[0].ID != "" {
				t.Error("the caller's events were changed")
			}
			if !tc.again {
				var unknown *client.OutcomeUnknown
				if seen.all()[0].GetEvents()[0].GetId() != "" {
					t.Error("an id was made that helps nobody")
				}
				if !errors.As(err, &unknown) || unknown.RequestID != "" || client.Reason(err) != "OUTCOME_UNKNOWN" || len(seen.all()) != 1 {
					t.Fatalf("%v after %d requests; want an unknown outcome after one", err, len(seen.all()))
				}
				return
			}
			if err != nil || len(seen.all()) != 2 || !proto.Equal(seen.all()[0], seen.all()[1]) {
				t.Fatalf("%v after %d requests; want two equal ones", err, len(seen.all()))
			}
			made, err := uuid.Parse(seen.all()[0].GetEvents()[0].GetId())
			if err != nil || made.Version() != 7 || got.IDs[0] != made.String() || got.IDs[1] != events[1].ID {
				t.Errorf("ids %v, sent %v (%v); want a UUIDv7 (S3.4) and the given one", got.IDs, made, err)
			}
		})
	}
}

func TestAGivenRequestIDIsKeptAndEventIDsAreLeftToTheServer(t *testing.T) {
	f := &fake{}
	f.append = func(_ int, r *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
		if r.GetRequestId() != "order-17" || r.GetEvents()[0].GetId() != "" {
			t.Errorf("sent %v", r)
		}
		return ok(1), nil
	}
	for _, o := range []client.Options{{}, {NoRequestIDs: true}} {
		c, _ := dial(t, f.start(t).addr, o)
		if _, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.NoStream(), Events: oneEvent, RequestID: "order-17"}); err != nil {
			t.Error(err)
		}
	}
}

func TestAFullQueueIsTriedAgainAfterTheTimeTheServerAsksFor(t *testing.T) {
	f := &fake{append: func(n int, _ *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
		switch n {
		case 1:
			return nil, refusal(codes.ResourceExhausted, "QUEUE_FULL", retryIn(3*time.Second))
		case 2:
			return nil, refusal(codes.Unavailable, "SHUTTING_DOWN")
		default:
			return ok(1), nil
		}
	}}
	// Also without any means to recognise a repetition: nothing was written.
	c, w := dial(t, f.start(t).addr, client.Options{NoRequestIDs: true, BackoffBase: 100 * time.Millisecond, BackoffMax: time.Second})
	if _, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent}); err != nil {
		t.Fatal(err)
	}
	// 100 ms doubled once is 200 ms; half of it plus half of the other half.
	if want := []time.Duration{3 * time.Second, 150 * time.Millisecond}; !cmp.Equal(w.all(), want) {
		t.Errorf("waits %v, want %v", w.all(), want)
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	for _, attempts := range []int{1, 2, 5} {
		f := &fake{append: func(int, *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
			return nil, refusal(codes.ResourceExhausted, "QUEUE_FULL", retryIn(time.Millisecond))
		}}
		c, w := dial(t, f.start(t).addr, client.Options{Attempts: attempts})
		_, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent})
		var unavailable *client.Unavailable
		if !errors.As(err, &unavailable) || client.Reason(err) != "QUEUE_FULL" || unavailable.RetryAfter != time.Millisecond {
			t.Errorf("%v; want unavailable", err)
		}
		if f.count() != attempts || len(w.all()) != attempts-1 {
			t.Errorf("%d requests and %d waits; want %d and one less", f.count(), len(w.all()), attempts)
		}
	}
}

func TestAWaitBeyondTheDeadlineOrTheBoundIsNotBegun(t *testing.T) {
	for _, asked := range []time.Duration{29 * time.Second, 31 * time.Second} {
		f := &fake{append: func(int, *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
			return nil, refusal(codes.ResourceExhausted, "QUEUE_FULL", retryIn(asked))
		}}
		c, w := dial(t, f.start(t).addr, client.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := c.Append(ctx, client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent})
		cancel()
		if client.Reason(err) != "QUEUE_FULL" || len(w.all()) != 0 {
			t.Errorf("%v after waits %v; want the refusal at once", err, w.all())
		}
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	for _, tc := range []struct {
		code   codes.Code
		reason string
	}{
		{codes.Aborted, "CONFLICT"},
		{codes.InvalidArgument, "INVALID_REQUEST"},
		{codes.AlreadyExists, "REQUEST_ID_REUSED"},
		{codes.FailedPrecondition, "CLOCK_AHEAD"},
		{codes.ResourceExhausted, "DISK_FLOOR"},
		{codes.ResourceExhausted, "REQUEST_IDS_FULL"},
		{codes.DataLoss, "DATA_DAMAGED"},
		{codes.Unavailable, "A_WORD_TO_COME"},
	} {
		f := &fake{append: func(int, *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
			return nil, refusal(tc.code, tc.reason)
		}}
		c, _ := dial(t, f.start(t).addr, client.Options{})
		_, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent})
		if client.Reason(err) != tc.reason || f.count() != 1 {
			t.Errorf("%s: %v after %d requests", tc.reason, err, f.count())
		}
	}
}

// After one doubtful attempt a later refusal says nothing about the first one,
// unless the server gives it only after looking for the request it knows.
func TestADoubtfulAttemptStaysDoubtfulUntilTheServerHasLooked(t *testing.T) {
	for _, tc := range []struct {
		code     codes.Code
		reason   string
		settled  bool
		conflict *stetv1.Conflict
	}{
		{codes.Aborted, "CONFLICT", true, conflictAt("a-1", 1, 2)},
		{codes.Aborted, "CONFLICT", true, conflictIn("a-1", stetv1.Expectation_STATE_NO_STREAM, 2)},
		// These may come to hold, and then the first attempt is written if it is
		// still on its way.
		{codes.Aborted, "CONFLICT", false, conflictAt("a-1", 5, 2)},
		{codes.Aborted, "CONFLICT", false, conflictIn("a-1", stetv1.Expectation_STATE_EXISTS, 0)},
		{codes.AlreadyExists, "REQUEST_ID_REUSED", true, nil},
		{codes.ResourceExhausted, "QUEUE_FULL", false, nil},
		{codes.ResourceExhausted, "DISK_FLOOR", false, nil},
		{codes.Unavailable, "SHUTTING_DOWN", false, nil},
		{codes.Unavailable, "OUTCOME_UNKNOWN", false, nil},
	} {
		f := &fake{}
		f.append = func(n int, _ *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
			if n == 1 {
				return nil, refusal(codes.Unavailable, "OUTCOME_UNKNOWN")
			}
			if tc.conflict != nil {
				return nil, refusal(tc.code, tc.reason, tc.conflict)
			}
			return nil, refusal(tc.code, tc.reason)
		}
		c, _ := dial(t, f.start(t).addr, client.Options{})
		_, err := c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent, RequestID: "mine"})
		var unknown *client.OutcomeUnknown
		if errors.As(err, &unknown) == tc.settled || !tc.settled && unknown.RequestID != "mine" {
			t.Errorf("%s: %v; settled should be %v", tc.reason, err, tc.settled)
		}
	}
}

func TestAServerThatWasNeverReachedIsUnavailableAndNothingIsOpen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c, w := dial(t, addr, client.Options{NoRequestIDs: true})
	_, err = c.Append(limited(t), client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent})
	var unavailable *client.Unavailable
	if !errors.As(err, &unavailable) || client.Reason(err) != "" || status.Code(err) != codes.Unavailable {
		t.Errorf("%v; want unavailable", err)
	}
	if len(w.all()) != 4 {
		t.Errorf("waits %v; want 4", w.all())
	}
}

// deadline is a context whose deadline passes when the test says so.
type deadline struct {
	context.Context
	passed chan struct{}
}

func (d deadline) Done() <-chan struct{} { return d.passed }

func (d deadline) Err() error {
	select {
	case <-d.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestATimeoutLeavesTheOutcomeOpenAndIsFoundByErrorsIs(t *testing.T) {
	release := make(chan struct{})
	ctx := deadline{t.Context(), make(chan struct{})}
	f := &fake{append: func(int, *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
		close(ctx.passed)
		<-release
		return ok(1), nil
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	_, err := c.Append(ctx, client.Append{Stream: "a-1", Expect: client.AnyVersion(), Events: oneEvent})
	close(release)
	var unknown *client.OutcomeUnknown
	if !errors.As(err, &unknown) || unknown.RequestID == "" || !errors.Is(err, context.DeadlineExceeded) || status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v; want an unknown outcome by deadline", err)
	}
}

func TestWhatCannotBeSentIsRefusedWithTheFieldsAndWithoutACall(t *testing.T) {
	f := (&fake{}).start(t)
	c, _ := dial(t, f.addr, client.Options{RequestBytes: 1 << 20})
	bad := "\xff"
	for _, tc := range []struct {
		field  string
		append client.Append
	}{
		{"stream", client.Append{Stream: bad, Events: oneEvent}},
		{"request_id", client.Append{Stream: "a", RequestID: bad, Events: oneEvent}},
		{"events[1].id", client.Append{Stream: "a", Events: []client.Event{{}, {ID: bad}}}},
		{"events[0].type", client.Append{Stream: "a", Events: []client.Event{{Type: bad}}}},
		{"events[0].json", client.Append{Stream: "a", Events: []client.Event{{JSON: bad}}}},
		{"events[0].tags[1]", client.Append{Stream: "a", Events: []client.Event{{Tags: []string{"x", bad}}}}},
		{`events[0].metadata["k"]`, client.Append{Stream: "a", Events: []client.Event{{Metadata: map[string]string{"k": bad}}}}},
		{"events[0].json", client.Append{Stream: "a", Events: []client.Event{{JSON: "{}", Binary: []byte{1}}}}},
		{"events", client.Append{Stream: "a", Events: []client.Event{{Type: "T", JSON: strings.Repeat(" ", 2<<20)}}}},
	} {
		_, err := c.Append(limited(t), tc.append)
		var invalid *client.InvalidRequest
		if !errors.As(err, &invalid) || len(invalid.Violations) != 1 || invalid.Violations[0].Field != tc.field {
			t.Errorf("%s: %v", tc.field, err)
		}
		if client.Reason(err) != "INVALID_REQUEST" || status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: reason %q, code %v", tc.field, client.Reason(err), status.Code(err))
		}
	}
	_, err := c.AppendAtomic(limited(t), client.AtomicAppend{Entries: []client.Entry{{Stream: "a"}, {Stream: bad}}})
	var invalid *client.InvalidRequest
	if !errors.As(err, &invalid) || invalid.Violations[0].Field != "entries[1].stream" {
		t.Errorf("atomic: %v", err)
	}
	if f.count() != 0 {
		t.Errorf("%d calls were made", f.count())
	}
}

func TestAnAtomicConflictNamesEveryFailedEntry(t *testing.T) {
	f := &fake{appendAll: func(_ int, r *stetv1.AppendAtomicRequest) (*stetv1.AppendAtomicResponse, error) {
		if len(r.GetEntries()) != 3 || r.GetRequestId() == "" {
			t.Errorf("sent %v", r)
		}
		return nil, refusal(codes.Aborted, "CONFLICT", conflictAt("a-1", 3, 4), conflictAt("b-1", 0, 9))
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	_, err := c.AppendAtomic(limited(t), client.AtomicAppend{Entries: []client.Entry{
		{Stream: "a-1", Expect: client.ExactVersion(3), Events: oneEvent}, {Stream: "b-1", Expect: client.NoStream()}, {Stream: "c-1", Expect: client.AnyVersion()},
	}})
	var conflict *client.Conflict
	if !errors.As(err, &conflict) {
		t.Fatal(err)
	}
	if conflict.Stream != "a-1" || conflict.Expected != client.ExactVersion(3) || conflict.Actual != 4 || conflict.Head != 104 || len(conflict.All) != 2 || conflict.All[1].Actual != 9 {
		t.Errorf("conflict %+v", conflict)
	}
}

func TestAnAtomicAppendAnswersEntryByEntry(t *testing.T) {
	f := &fake{}
	f.appendAll = func(n int, r *stetv1.AppendAtomicRequest) (*stetv1.AppendAtomicResponse, error) {
		if n == 1 {
			f.cut()
		}
		return &stetv1.AppendAtomicResponse{FirstPosition: 5, LastPosition: 6, Entries: []*stetv1.AppendAtomicResponse_Entry{
			{Stream: "a-1", FirstVersion: 1, LastVersion: 2}, {Stream: "b-1"},
		}}, nil
	}
	c, _ := dial(t, f.start(t).addr, client.Options{NoRequestIDs: true})
	entries := []client.Entry{
		{Stream: "a-1", Expect: client.NoStream(), Events: []client.Event{{Type: "A", JSON: "{}"}, {Type: "B", JSON: "{}"}}},
		{Stream: "b-1", Expect: client.ExactVersion(4)},
	}
	// The pure check would be judged anew, so the lost reply is not asked for again.
	_, err := c.AppendAtomic(limited(t), client.AtomicAppend{Entries: entries})
	var unknown *client.OutcomeUnknown
	if !errors.As(err, &unknown) || f.count() != 1 {
		t.Fatalf("%v after %d calls; want an unknown outcome after one", err, f.count())
	}
	got, err := c.AppendAtomic(limited(t), client.AtomicAppend{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	if got.FirstPosition != 5 || got.Entries[0].LastVersion != 2 || len(got.Entries[0].IDs) != 2 || got.Entries[0].IDs[1] == "" || got.Entries[1].Stream != "b-1" || len(got.Entries[1].IDs) != 0 {
		t.Errorf("answer %+v", got)
	}
	if entries[0].Events[0].ID != "" {
		t.Error("the caller's events were changed")
	}
}

func TestMetadataOfTheErrorSurvivesWrapping(t *testing.T) {
	f := &fake{append: func(int, *stetv1.AppendRequest) (*stetv1.AppendResponse, error) {
		return nil, refusal(codes.InvalidArgument, "INVALID_REQUEST", &errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "events", Description: "are missing"}},
		})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	_, err := c.Append(limited(t), client.Append{Stream: "a-1"})
	st, _ := status.FromError(err)
	if st.Code() != codes.InvalidArgument || len(st.Details()) != 2 {
		t.Errorf("status %v with %d details", st.Code(), len(st.Details()))
	}
	if want := `append to "a-1": events are missing (INVALID_REQUEST)`; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
}
