package client_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/relaytest"
)

// patient bounds the tests over a real server.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Eight writers race on one stream with exact expectations, while connections
// are cut and appends repeated: every version is there once, and every loser
// learns the actual version (S0.27, S1.2, S1.5, invariants I2, I4, I5).
func TestEightWritersRaceAndEveryVersionIsThereOnce(t *testing.T) {
	for name, o := range map[string]client.Options{"by request id": {}, "by expectation and event ids": {NoRequestIDs: true}} {
		t.Run(name, func(t *testing.T) {
			const writers, each = 8, 15
			between := relaytest.New(t, serveFor(t, t.TempDir()).addr)
			var answered, conflicts atomic.Int64
			var mu sync.Mutex
			owner := map[uint64]string{} // by version
			var all sync.WaitGroup
			for w := range writers {
				c := impatient(t, between.Addr(), o)
				all.Go(func() {
					version := uint64(0)
					for i := 0; i < each; {
						payload := fmt.Sprintf(`{"writer":%d,"n":%d}`, w, i)
						got, err := c.Append(patient(t), client.Append{
							Stream: "race-1", Expect: client.ExactVersion(version),
							Events: []client.Event{{Type: "Raced", JSON: payload}},
						})
						if answered.Add(1)%40 == 0 {
							between.Cut()
						}
						var conflict *client.Conflict
						if errors.As(err, &conflict) {
							if conflict.Actual <= version || conflict.Expected != client.ExactVersion(version) || conflict.Head < conflict.Actual {
								t.Errorf("expected %d: conflict %+v", version, conflict.FailedExpectation)
								return
							}
							version = conflict.Actual
							conflicts.Add(1)
							continue
						}
						if err != nil {
							t.Errorf("writer %d: %v", w, err)
							return
						}
						version = got.LastVersion
						mu.Lock()
						if other, taken := owner[version]; taken {
							t.Errorf("version %d was given to %s and %s", version, other, payload)
						}
						owner[version] = payload
						mu.Unlock()
						i++
					}
				})
			}
			all.Wait()
			next := uint64(1)
			for e, err := range impatient(t, between.Addr(), o).ReadStream(patient(t), client.StreamRead{Stream: "race-1"}) {
				if err != nil {
					t.Fatal(err)
				}
				if e.GetVersion() != next || e.GetJson() != owner[next] {
					t.Fatalf("version %d is %s; want version %d, %s", e.GetVersion(), e.GetJson(), next, owner[next])
				}
				next++
			}
			if next-1 != writers*each || conflicts.Load() == 0 {
				t.Errorf("%d events, %d conflicts; want %d and some", next-1, conflicts.Load(), writers*each)
			}
		})
	}
}

// write appends the events from to until in a pipeline, over ten streams, every
// fifth of type "Rare".
func write(t *testing.T, c *client.Client, from, until int) {
	t.Helper()
	p, err := c.Pipeline(patient(t), client.PipelineOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	for i := from; i < until; i++ {
		kind := "Usual"
		if i%5 == 0 {
			kind = "Rare"
		}
		_, err := p.Append(patient(t), client.Append{
			Stream: "load-" + strconv.Itoa(i%10), Expect: client.AnyVersion(),
			Events: []client.Event{{Type: kind, JSON: fmt.Sprintf(`{"n":%d}`, i), Tags: []string{"n:" + strconv.Itoa(i%3)}}},
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Subscribers that start while the log is written and are cut three times get
// each event once and in order, and a filtered one exactly its events (S1.6,
// S2.10, S3.16, invariant I6). Each quarter is written while they resume.
func TestASubscriptionCutThreeTimesGetsEachEventOnce(t *testing.T) {
	const n, quarter = 1200, 300
	server := serveFor(t, t.TempDir())
	writer := impatient(t, server.addr, client.Options{})
	for name, tc := range map[string]struct {
		what client.Subscription
		want func(i int) bool
	}{
		"the log":    {client.Subscription{}, func(int) bool { return true }},
		"a stream":   {client.Subscription{Stream: "load-3"}, func(i int) bool { return i%10 == 3 }},
		"a category": {client.Subscription{Category: "load"}, func(int) bool { return true }},
		"a filter": {
			client.Subscription{Filter: client.Filter{{Types: []string{"Rare"}, AllTags: []string{"n:0"}}}},
			func(i int) bool { return i%15 == 0 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			between := relaytest.New(t, server.addr)
			c := impatient(t, between.Addr(), client.Options{})
			head, err := writer.Head(patient(t))
			if err != nil {
				t.Fatal(err)
			}
			if tc.what.Stream == "" {
				tc.what.After = head.GetHead()
			} else if info, err := writer.GetStream(patient(t), tc.what.Stream); err == nil {
				tc.what.After = info.GetVersion()
			}
			var want []string
			for i := range n {
				if tc.want(i) {
					want = append(want, fmt.Sprintf(`{"n":%d}`, i))
				}
			}
			var writing sync.WaitGroup
			writing.Go(func() { write(t, writer, 0, quarter) })
			defer writing.Wait()
			var got []string
			interruptions := 0
			for d, err := range c.Subscribe(patient(t), tc.what) {
				if err != nil {
					t.Fatalf("after %d events: %v", len(got), err)
				}
				if d.Kind == client.KindInterrupted {
					interruptions++
				}
				if d.Kind != client.KindEvent {
					continue
				}
				got = append(got, d.Event.GetJson())
				if at := len(got) * 4 / len(want) * quarter; len(got)*4%len(want) == 0 && at < n {
					between.Cut()
					writing.Go(func() { write(t, writer, at, at+quarter) })
				}
				if len(got) == len(want) {
					break
				}
			}
			if !cmp.Equal(got, want) || interruptions < 3 {
				t.Errorf("%d events, want %d, after %d interruptions: %s", len(got), len(want), interruptions, cmp.Diff(want, got))
			}
		})
	}
}

// All in flight at once, each on the version that the one before it makes.
func TestAPipelineIsJudgedInTheOrderOfItsAppends(t *testing.T) {
	const n = 500
	c := impatient(t, serveFor(t, t.TempDir()).addr, client.Options{})
	p, err := c.Pipeline(patient(t), client.PipelineOptions{InFlight: n})
	if err != nil {
		t.Fatal(err)
	}
	var results []*client.Result
	for i := range uint64(n) {
		expect := client.ExactVersion(i)
		if i%50 == 49 {
			expect = client.ExactVersion(0) // a refusal hurts no other
		}
		r, err := p.Append(patient(t), client.Append{Stream: "chain-1", Expect: expect, Events: []client.Event{{Type: "Linked", JSON: "{}"}}})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
		if i%50 == 49 {
			fill, err := p.Append(patient(t), client.Append{Stream: "chain-1", Expect: client.ExactVersion(i), Events: []client.Event{{Type: "Linked", JSON: "{}"}}})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, fill)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	version := uint64(0)
	for _, r := range results {
		got, err := r.Wait(patient(t))
		if expected, _ := r.Sent().Expect.Version(); expected != version {
			var conflict *client.Conflict
			if !errors.As(err, &conflict) || conflict.Actual != version {
				t.Fatalf("expected %d at %d: %v", expected, version, err)
			}
			continue
		}
		version++
		if err != nil || got.FirstVersion != version || got.LastVersion != version || len(got.IDs) != 1 {
			t.Fatalf("append %d: %+v %v", version, got, err)
		}
	}
	if version != n {
		t.Errorf("%d events", version)
	}
}

// A server that shuts down and comes back is a pause; a server with another
// log behind the same address is not the same place.
func TestASubscriptionOutlivesARestartButNotAnotherHistory(t *testing.T) {
	dir := t.TempDir()
	first := serveFor(t, dir)
	between := relaytest.New(t, first.addr)
	c := impatient(t, between.Addr(), client.Options{})
	add := func(n int) client.Append {
		return client.Append{
			Stream: "a-1", Expect: client.AnyVersion(), RequestID: "request-" + strconv.Itoa(n),
			Events: []client.Event{{Type: "Happened", JSON: fmt.Sprintf(`{"n":%d}`, n)}},
		}
	}
	before, err := c.Append(patient(t), add(1))
	if err != nil {
		t.Fatal(err)
	}
	var seen []uint64
	var last error
	for d, err := range c.Subscribe(patient(t), client.Subscription{}) {
		last = err
		if d.Kind != client.KindEvent {
			continue
		}
		seen = append(seen, d.Event.GetPosition())
		switch len(seen) {
		case 1:
			first.stop()
			between.Lead(serveFor(t, dir).addr)
			again, err := c.Append(patient(t), add(1))
			if err != nil || !again.Replayed || again.FirstPosition != before.FirstPosition || !cmp.Equal(again.IDs, before.IDs) {
				t.Errorf("repeated after the restart: %+v %v, first %+v", again, err, before)
			}
			if _, err := c.Append(patient(t), add(2)); err != nil {
				t.Fatal(err)
			}
		case 2:
			other := serveFor(t, t.TempDir())
			between.Lead(other.addr)
		}
	}
	var changed *client.HistoryChanged
	if !errors.As(last, &changed) || changed.Actual == "" || changed.Actual == changed.Known || !cmp.Equal(seen, []uint64{1, 2}) {
		t.Errorf("%v after %v", last, seen)
	}
}

func TestEveryAnswerOfTheServerIsUnderstood(t *testing.T) {
	c := impatient(t, serveFor(t, t.TempDir()).addr, client.Options{})
	ctx := patient(t)
	occurred := time.Date(2011, 12, 9, 12, 50, 0, 123, time.UTC)
	sent := client.Event{
		ID: "0193d3c1-7a44-7aaa-8bbb-0123456789ab", Type: "OrderPlaced", JSON: `{ "total" : 12.50 }`, OccurredAt: occurred,
		Metadata: map[string]string{"correlation_id": "c", "actor_id": "a"}, Tags: []string{"z", "customer:42"}, SchemaVersion: 3,
	}
	appendedTo, err := c.AppendAtomic(ctx, client.AtomicAppend{Entries: []client.Entry{
		{Stream: "order-1", Expect: client.NoStream(), Events: []client.Event{sent, {Type: "Raw", Binary: []byte{0, 1}}}},
		{Stream: "cart-1", Expect: client.NoStream()},
	}})
	if err != nil || appendedTo.LastPosition != 2 || len(appendedTo.Entries[0].IDs) != 2 || appendedTo.Entries[0].IDs[0] != sent.ID {
		t.Fatalf("%+v %v", appendedTo, err)
	}
	for e, err := range c.ReadStream(ctx, client.StreamRead{Stream: "order-1", Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		got := client.Event{
			ID: e.GetId(), Type: e.GetType(), JSON: e.GetJson(), OccurredAt: e.GetOccurredAt().AsTime(),
			Metadata: e.GetMetadata(), Tags: e.GetTags(), SchemaVersion: e.GetSchemaVersion(),
		}
		if !cmp.Equal(got, sent) || !e.GetRecordedAt().AsTime().Equal(appendedTo.RecordedAt) {
			t.Error(cmp.Diff(sent, got))
		}
	}
	_, err = c.AppendAtomic(ctx, client.AtomicAppend{Entries: []client.Entry{
		{Stream: "order-1", Expect: client.ExactVersion(1), Events: oneEvent}, {Stream: "cart-1", Expect: client.StreamExists()},
	}})
	var conflict *client.Conflict
	if !errors.As(err, &conflict) || len(conflict.All) != 2 || conflict.Actual != 2 || conflict.Head != 2 || conflict.All[1].Expected != client.StreamExists() {
		t.Errorf("%v", err)
	}
	if _, err := c.Append(ctx, client.Append{Stream: "order-1", Events: oneEvent}); !is[*client.InvalidRequest](err) {
		t.Errorf("no expectation: %v", err)
	}
	request := client.Append{Stream: "order-1", Expect: client.AnyVersion(), Events: oneEvent, RequestID: "r"}
	if _, err := c.Append(ctx, request); err != nil {
		t.Error(err)
	}
	request.Stream = "order-2"
	if _, err := c.Append(ctx, request); !is[*client.RequestIDReused](err) {
		t.Errorf("other content: %v", err)
	}
	if _, err := c.GetStream(ctx, "nobody-1"); !is[*client.NotFound](err) {
		t.Errorf("unknown stream: %v", err)
	}
	if _, err := collect(c.ReadStream(ctx, client.StreamRead{Stream: "nobody-1"})); !is[*client.NotFound](err) {
		t.Errorf("unknown stream: %v", err)
	}
	if positions, err := collect(c.ReadAll(ctx, client.LogRead{Backwards: true})); err != nil || !cmp.Equal(positions, []uint64{3, 2, 1}) {
		t.Errorf("backwards: %v %v", positions, err)
	}
	var beyond *client.BeyondEnd
	if _, err := lastOf(ctx, c, client.Subscription{After: 99}); !errors.As(err, &beyond) || beyond.Cursor != 99 || beyond.End != 3 {
		t.Errorf("beyond the end: %v", err)
	}
	info, err := c.Info(ctx)
	if err != nil || info.GetHead() != 3 || info.GetLimits().GetEventBytes() == 0 {
		t.Errorf("%v %v", info, err)
	}
}

// Requests of 7, 9 and 11 events of a megabyte: allowed, refused by the server,
// and more than it receives. Neither refusal breaks the pipeline.
func TestATooLargeRequestIsRefusedAndBreaksNothing(t *testing.T) {
	c := impatient(t, serveFor(t, t.TempDir()).addr, client.Options{})
	p, err := c.Pipeline(patient(t), client.PipelineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{7, 9, 11} {
		large := client.Append{Stream: "large-1", Expect: client.AnyVersion()}
		for range n {
			large.Events = append(large.Events, client.Event{Type: "Filled", Binary: make([]byte, 1_000_000)})
		}
		_, err := c.Append(patient(t), large)
		r, piped := p.Append(patient(t), large)
		if piped == nil {
			_, piped = r.Wait(patient(t))
		}
		for _, err := range []error{err, piped} {
			if n == 7 && err != nil || n > 7 && !is[*client.InvalidRequest](err) {
				t.Errorf("%d events: %v", n, err)
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
