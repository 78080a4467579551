package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// S0.16: stream ids are unique and rising, whatever page, order and filter they
// are read with.
func TestStreamIDsAreTheSameHoweverEventsAreRead(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "cart"))
		var want []string
		for i := range 23 {
			k.clock.step.Store(int64(i%5) * 300) // several in one millisecond
			event := "was_created"
			if i%3 == 0 {
				event = "was_checked_out"
			}
			want = append(want, k.do(command("cart", "a", event, "", user)).StreamIDs...)
		}
		read := func(q aggregate.EventsQuery) map[storage.Version]string {
			q.Type, q.ID = "cart", "a"
			got := map[storage.Version]string{}
			for {
				page, err := k.Events(context.Background(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Events {
					got[e.Version] = e.StreamID.String()
				}
				if q.After = page.Next; q.After == 0 {
					return got
				}
			}
		}
		for limit := 1; limit < 25; limit += 3 {
			for _, reverse := range []bool{false, true} {
				for _, types := range [][]string{nil, {"was_checked_out"}} {
					got := read(aggregate.EventsQuery{Limit: limit, Reverse: reverse, EventTypes: types})
					if types == nil && len(got) != len(want) || types != nil && len(got) != 8 {
						t.Fatalf("limit %d, reverse %v: %d events", limit, reverse, len(got))
					}
					for v, id := range got {
						if id != want[v-1] {
							t.Errorf("limit %d, reverse %v, types %v: version %d is %s, and was %s when written", limit, reverse, types, v, id, want[v-1])
						}
					}
				}
			}
		}
		for v := 2; v <= len(want); v++ {
			if want[v-1] == want[v-2] {
				t.Errorf("versions %d and %d are both %s", v-1, v, want[v-1])
			}
		}
	})
}

// S1.18, S3.9: events by time, the beginning included and the end not.
func TestEventsAreChosenByTime(t *testing.T) {
	k := newKit(t, newModel(t), example(t, "cart"))
	var at []storage.Instant
	for range 5 {
		at = append(at, k.do(command("cart", "a", "was_created", "", user)).RecordedAt)
	}
	from, until := aggregate.MomentOf(at[1]), aggregate.MomentOf(at[3])
	for _, c := range []struct {
		q    aggregate.EventsQuery
		want string
	}{
		{aggregate.EventsQuery{From: &from, Until: &until}, "2 3"},
		{aggregate.EventsQuery{From: &from}, "2 3 4 5"},
		{aggregate.EventsQuery{Until: &until, Reverse: true}, "3 2 1"},
		{aggregate.EventsQuery{After: 2, Until: &until}, "3"},
		{aggregate.EventsQuery{After: 4, From: &from, Reverse: true}, "3 2"},
		{aggregate.EventsQuery{After: 5}, ""},
		{aggregate.EventsQuery{After: 1 << 63}, ""},
		{aggregate.EventsQuery{From: &until, Until: &from}, ""},
	} {
		c.q.Type, c.q.ID = "cart", "a"
		page, err := k.Events(context.Background(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range page.Events {
			got = append(got, fmt.Sprint(e.Version))
		}
		if strings.Join(got, " ") != c.want || page.Next != 0 {
			t.Errorf("%+v: %v, next %d", c.q, got, page.Next)
		}
	}
}

func TestQuestionsThatCannotBeAnsweredSaySo(t *testing.T) {
	k := newKit(t, newModel(t), example(t, "cart"))
	k.do(command("cart", "a", "was_created", "", user))
	ctx := context.Background()
	moment := aggregate.MomentOf(0)
	for _, c := range []struct {
		code string
		q    aggregate.StateQuery
	}{
		{aggregate.CodeUnknownType, aggregate.StateQuery{Type: "card", ID: "a"}},
		{aggregate.CodeNotFound, aggregate.StateQuery{Type: "cart", ID: "b"}},
		{aggregate.CodeNotFound, aggregate.StateQuery{Type: "cart", ID: "a/b%"}},
		{aggregate.CodeBeforeFirstEvent, aggregate.StateQuery{Type: "cart", ID: "a", At: atLength(0)}},
		{aggregate.CodeBeforeFirstEvent, aggregate.StateQuery{Type: "cart", ID: "a", At: aggregate.Point{Time: &moment}}},
		{aggregate.CodeBeforeFirstEvent, aggregate.StateQuery{Type: "cart", ID: "a", Effective: &moment}},
		{aggregate.CodeInvalidRequest, aggregate.StateQuery{Type: "cart", ID: "a", At: aggregate.Point{Length: length(1), Time: &moment}}},
		{aggregate.CodePositionTooFar, aggregate.StateQuery{Type: "cart", ID: "a", MinPosition: 2_000_000}},
		{aggregate.CodeInvalidRequest, aggregate.StateQuery{Type: "cart", ID: "a", MinPosition: 3, Wait: time.Minute}},
		{aggregate.CodePositionNotYet, aggregate.StateQuery{Type: "cart", ID: "a", MinPosition: 3, Wait: time.Millisecond}},
	} {
		_, err := k.State(ctx, c.q)
		k.isRefusal(err, c.code)
	}
	if got := k.state("cart", "a", atLength(99)); got != `{"items":[],"status":"active"}` {
		t.Errorf("beyond the end: %s", got)
	}
	for _, limit := range []int{-1, aggregate.MaxEvents + 1} {
		_, err := k.Events(ctx, aggregate.EventsQuery{Type: "cart", ID: "a", Limit: limit})
		k.isRefusal(err, aggregate.CodeInvalidRequest)
		_, err = k.Trace(ctx, aggregate.TraceQuery{Type: "cart", ID: "a", Limit: limit})
		k.isRefusal(err, aggregate.CodeInvalidRequest)
	}
}

// S1.25: a reader waits until the log has reached what it knows of.
func TestAReaderWaitsForAPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := storagetest.NewModel()
		defer closed(t, m)
		s, err := aggregate.Open(t.Context(), m, aggregate.Options{Clock: newHandClock()})
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan error, 1)
		go func() { answer <- s.Await(t.Context(), 1, 0) }()
		synctest.Wait()
		if _, err := s.PutSpec(t.Context(), aggregate.PutSpec{Text: []byte(example(t, "cart"))}); err != nil {
			t.Fatal(err)
		}
		if err := <-answer; err != nil {
			t.Errorf("after the position was reached: %v", err)
		}
		start := time.Now()
		var r *aggregate.Refusal
		if err := s.Await(t.Context(), 2, 0); !errors.As(err, &r) || r.Kind != aggregate.Unavailable || time.Since(start) != aggregate.DefaultWait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// S3.5, S1.23: events from before there was a specification, and payloads that
// no handler can take, are passed over and counted.
func TestStrangeEventsDoNotKeepAStateFromBeingMade(t *testing.T) {
	k := newKit(t, newModel(t), "")
	for i, e := range []storage.NewEvent{
		raw(t, 1, "was_created", `{}`, nil),
		raw(t, 2, "something_else", `[1]`, nil),
		raw(t, 3, "had_item_added", `[1]`, nil),
		raw(t, 4, "had_item_added", `{"x":1e-10000000}`, nil),
		raw(t, 5, "was_checked_out", `{}`, func(e *storage.Event) { e.Kind = storage.PayloadBinary }),
		raw(t, 6, "had_item_added", `{"x":"@.status"}`, nil),
	} {
		if _, err := k.Append(context.Background(), storagetest.One(storage.Instant(i), storagetest.Expect("cart-a", storage.ExpectAny(), e)), ""); err != nil {
			t.Fatal(err)
		}
	}
	k.put(example(t, "cart"))
	out, err := k.State(context.Background(), aggregate.StateQuery{Type: "cart", ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out.Value, out.Version, out.Skipped, out.WarningCount()); got != `{"items":[{"x":"@.status"}],"status":"active"} 6 1 3` {
		t.Errorf("%s", got)
	}
}

func TestTimesAreReadInTheirUnit(t *testing.T) {
	for text, want := range map[string]string{
		"1705914000":                   "1705914000000000 +1000000",
		"0":                            "0 +1000000",
		"-1":                           "-1000000 +1000000",
		"99999999999":                  "99999999999000000 +1000000",
		"100000000000":                 "100000000000000 +1000",
		"1705914000123":                "1705914000123000 +1000",
		"2024-01-22T09:00:00Z":         "1705914000000000 +1000000",
		"2024-01-22T10:00:00+01:00":    "1705914000000000 +1000000",
		"2024-01-22T09:00:00.5Z":       "1705914000500000 +100000",
		"2024-01-22T09:00:00.500Z":     "1705914000500000 +1000",
		"2024-01-22T09:00:00.1234567Z": "1705914000123456 +1",
		"":                             "", "now": "", "1.5": "", "1e9": "", "2024-01-22": "", "2024-01-22T09:00:00": "",
		"99999999999999999999": "", "-99999999999999": "", "253402300800000": "", "9223372036854775807": "",
	} {
		m, err := aggregate.ParseMoment(text)
		got := ""
		if err == nil {
			got = fmt.Sprintf("%d %+d", m.First, m.Until-m.First)
		}
		if got != want {
			t.Errorf("%q: got %q (%v), want %q", text, got, err, want)
		}
	}
}
