package workload

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func payload(t *testing.T) *Payload {
	t.Helper()
	p, err := NewPayload(StandardJSONBytes, StandardMetadataBytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var data = Dataset{Name: "bench", Streams: 50, Length: 20}

// measured runs a case for a second of the bubble's time on a system that takes
// 10 ms for each thing.
func measured(t *testing.T, c Case, f *fake, load Load) Round {
	t.Helper()
	if c.NeedsData() {
		if err := f.Fill(t.Context(), data, payload(t), func(int) {}); err != nil {
			t.Fatal(err)
		}
	}
	// Half a step more, so that nothing ends at the very end of the window.
	load.Warmup, load.Duration, load.sleep = 505*time.Millisecond, time.Second, func(d time.Duration) { <-time.After(d) }
	round, err := c.Run(t.Context(), f, payload(t), data, load)
	if err != nil {
		t.Fatal(err)
	}
	return round
}

func TestWhatEndsInsideTheWindowIsCountedExactly(t *testing.T) {
	for _, test := range []struct {
		c    Case
		want Counts
	}{
		{Case{Kind: KindAppend, Clients: 3}, Counts{Ops: 300, Events: 300}},
		{Case{Kind: KindAppend, Clients: 2, Batch: 10}, Counts{Ops: 200, Events: 2000}},
		{Case{Kind: KindAppend, Clients: 2, Batch: 600}, Counts{Ops: 200, Events: 120_000}},
		{Case{Kind: KindAppend, Clients: 2, InFlight: 4}, Counts{Ops: 800, Events: 800}},
		{Case{Kind: KindAppend, Clients: 2, ConflictPercent: 100}, Counts{Ops: 200, Conflicts: 200}},
		{Case{Kind: KindReadStreams, Clients: 4}, Counts{Ops: 400, Events: 8000}},
		{Case{Kind: KindReadStreams, Clients: 1, Hot: true}, Counts{Ops: 100, Events: 2000}},
		{Case{Kind: KindReadAll, Clients: 1}, Counts{Ops: 1, Events: 1000}},
		{Case{Kind: KindFanout, Clients: 2, Subscribers: 5}, Counts{Events: 1000}},
		{Case{Kind: KindValidated, Clients: 3}, Counts{Ops: 300, Events: 300}},
		{Case{Kind: KindState, Clients: 64}, Counts{Ops: 6400, Events: 128_000}},
	} {
		t.Run(test.c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(10 * time.Millisecond)
				round := measured(t, test.c, f, Load{})
				if got := round.Parts[0].Counts; got != test.want {
					t.Errorf("counted %+v; want %+v", got, test.want)
				}
				if round.Seconds != 1 {
					t.Errorf("the window was %v s; want 1", round.Seconds)
				}
				if l := round.Parts[0].Latency; test.c.Kind == KindAppend && (l.Count != test.want.Ops || l.At(50).Round(time.Millisecond) != 10*time.Millisecond) {
					t.Errorf("%d latencies, the median %v; want %d of 10ms", l.Count, l.At(50), test.want.Ops)
				}
			})
		})
	}
}

func TestAMixtureCountsEachOfItsRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		round := measured(t, Case{Kind: KindMixed, Clients: 2, Readers: 3, Subscribers: 4}, newFake(10*time.Millisecond), Load{})
		want := map[string]int64{"append": 200, "read streams": 6000, "deliver": 800}
		for i, p := range round.Parts {
			if p.Events != want[p.Name] {
				t.Errorf("%s: %d events; want %d", p.Name, p.Events, want[p.Name])
			}
			if i == 0 && p.Name != "append" {
				t.Errorf("the first part is %s; want append", p.Name)
			}
		}
	})
}

func TestSomeConflictsAreCountedBesideWhatIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10 * time.Millisecond)
		got := measured(t, Case{Kind: KindAppend, Clients: 4, ConflictPercent: 30, RequestIDs: true}, f, Load{}).Parts[0].Counts
		if got.Ops != 400 || got.Events+got.Conflicts != 400 || got.Conflicts < 60 || got.Conflicts > 180 {
			t.Errorf("counted %+v", got)
		}
		if f.requestIDs.Load() != 4 {
			t.Errorf("%d writers were asked for request ids; want 4", f.requestIDs.Load())
		}
	})
}

func TestAnOpenLoopShowsAStallThatAClosedLoopHides(t *testing.T) {
	for _, c := range []Case{{Kind: KindAppend, Clients: 1}, {Kind: KindDelivery, Clients: 1, Subscribers: 1}} {
		p90 := func(rate float64) (late time.Duration) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(10 * time.Millisecond)
				f.stallAt, f.stall = 60, 300*time.Millisecond
				round := measured(t, c, f, Load{Rate: rate})
				late = round.Parts[0].Latency.At(90)
			})
			return late
		}
		if closed := p90(0); closed > 12*time.Millisecond {
			t.Errorf("%v: the 90th percentile of the closed loop is %v; want about 10ms", c, closed)
		}
		if open := p90(80); open < 100*time.Millisecond {
			t.Errorf("%v: the 90th percentile of the open loop is %v; want above 100ms", c, open)
		}
	}
}

func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	for _, rate := range []float64{50, 1000, 1e6} {
		synctest.Test(t, func(t *testing.T) {
			got := measured(t, Case{Kind: KindAppend, Clients: 20}, newFake(10*time.Millisecond), Load{Rate: rate}).Parts[0].Ops
			if want := int64(min(rate, 2000)); got < want-1 || got > want+1 {
				t.Errorf("%d operations at a rate of %v; want %d", got, rate, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		got := measured(t, Case{Kind: KindDelivery, Clients: 1, Subscribers: 1}, newFake(9*time.Millisecond), Load{Rate: 100}).Parts[0].Ops
		if got < 99 || got > 101 {
			t.Errorf("%d deliveries at a rate of 100; want as many", got)
		}
	})
}

func TestSubscribersCountWhatTheyMissAndGetTwice(t *testing.T) {
	for _, c := range []Case{{Kind: KindFanout, Clients: 1, Subscribers: 3}, {Kind: KindMixed, Clients: 1, Subscribers: 3, Readers: 1}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(10 * time.Millisecond)
			f.lose, f.repeat = 70, 80
			if c.NeedsData() {
				f.lose, f.repeat = uint64(data.Events())+70, uint64(data.Events())+80
			}
			r := Result{Case: c, Rounds: []Round{measured(t, c, f, Load{})}}
			got := r.Sum()
			if got.Gaps != 3 || got.Repeats != 3 {
				t.Errorf("%v: counted %+v; want 3 gaps and 3 repetitions", c, got)
			}
			if first := r.Rounds[0].Parts[0]; got.Ops != first.Ops || got.Events != first.Events {
				t.Errorf("%v: the sum is %+v; want what the first part did, %+v", c, got, first.Counts)
			}
		})
	}
}

func TestDeliveryIsTimedFromTheStartOfTheAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := measured(t, Case{Kind: KindDelivery, Clients: 1, Subscribers: 1}, newFake(11*time.Millisecond), Load{}).Parts[0].Latency
		// One in 11 + 3 ms, of which none ends at the very end of the window.
		if l.Count != 71 || l.At(50).Round(time.Millisecond) != 11*time.Millisecond {
			t.Errorf("%d deliveries, the median after %v; want 71 after 11ms", l.Count, l.At(50))
		}
	})
}

// broken fails other than by a conflict.
type broken struct{ *fake }

var errBroken = errors.New("broken")

func (b broken) Writer(ctx context.Context, o WriterOptions) (Writer, error) {
	w, err := b.fake.Writer(ctx, o)
	return brokenWriter{w}, err
}

type brokenWriter struct{ Writer }

func (brokenWriter) Append(context.Context, *Append) (uint64, error) { return 0, errBroken }
func (brokenWriter) Send(_ context.Context, _ *Append, done func(error)) error {
	done(errBroken)
	return nil
}

func (broken) ReadStream(context.Context, string) (int, error) { return 19, nil }

func TestAFailureEndsTheRun(t *testing.T) {
	for _, test := range []struct {
		c    Case
		want string
	}{
		{Case{Kind: KindAppend, Clients: 2}, "broken"},
		{Case{Kind: KindAppend, Clients: 2, InFlight: 2}, "broken"},
		{Case{Kind: KindFanout, Clients: 2, Subscribers: 2}, "broken"},
		{Case{Kind: KindDelivery, Clients: 1}, "broken"},
		{Case{Kind: KindReadStreams, Clients: 2}, "has 19 events; want 20"},
		{Case{Kind: KindReadAll, Clients: 1}, "the log is empty"},
	} {
		_, err := test.c.Run(t.Context(), broken{newFake(0)}, payload(t), data, Load{Duration: time.Minute})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v ended with %v; want %q", test.c, err, test.want)
		}
	}
}

func TestEventsHaveTheSizesThatWereAskedFor(t *testing.T) {
	for _, size := range [][2]int{{100, 0}, {256, 64}, {256, 20}, {5000, 300}} {
		p, err := NewPayload(size[0], size[1], 7)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 * payloadVariety {
			e, metadata := p.Events(i, 1)[0], 0
			for k, v := range e.Metadata {
				metadata += len(k) + len(v)
			}
			if len(e.JSON) != size[0] || metadata != size[1] {
				t.Fatalf("event %d has %d and %d bytes; want %v", i, len(e.JSON), metadata, size)
			}
		}
	}
	if _, err := NewPayload(10, 64, 1); err == nil {
		t.Error("10 bytes of JSON are accepted")
	}
}

func TestAPlanMakesARowForEachPairAndNamesAllFaults(t *testing.T) {
	cases, err := Plan{Kinds: []Kind{KindAppend, KindReadAll, KindFanout, KindMixed}, Clients: []int{1, 8}, Batches: []int{1, 10}, Subscribers: 2}.Cases()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cases {
		got = append(got, c.String())
	}
	want := "append 1 x 1, append 1 x 10, append 8 x 1, append 8 x 10, read-all 1, read-all 1 raw, read-all 8, read-all 8 raw, " +
		"fanout 1 x 1 to 2 raw, fanout 1 x 10 to 2 raw, fanout 8 x 1 to 2 raw, fanout 8 x 10 to 2 raw, " +
		"mixed 1 x 1 to 2 8 readers raw, mixed 1 x 10 to 2 8 readers raw, mixed 8 x 1 to 2 8 readers raw, mixed 8 x 10 to 2 8 readers raw"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v; want %s", got, want)
	}
	_, err = Plan{Kinds: []Kind{KindAppend, "nonsense"}, Clients: []int{0}, Batches: []int{0, 1}, Reading: "aloud"}.Cases()
	for _, fault := range []string{"clients is 0", "nonsense", "a batch of 0 events", "aloud"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not name %s", err, fault)
		}
	}
}

// What rules cost is told by the same appends without them, in the same rounds,
// and to streams of another name.
func TestAppendsUnderRulesStandBesideThoseWithout(t *testing.T) {
	cases, err := Plan{Kinds: []Kind{KindAppend, KindValidated, KindState}, Clients: []int{64}, SnapshotEvery: 100}.Cases()
	var names []string
	for _, c := range cases {
		names = append(names, c.String())
	}
	if got := strings.Join(names, ", "); err != nil || got != "append 64 x 1, validated 64 x 1, state 64 snapshots every 100" {
		t.Errorf("cases %s, %v", got, err)
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10 * time.Millisecond)
		measured(t, Case{Kind: KindValidated, Clients: 1}, f, Load{})
		rules := f.rules.Load()
		if rules == nil || len(rules.Names) != 2 {
			t.Fatalf("rules %+v", rules)
		}
		for stream := range f.mu.streams {
			if !strings.HasPrefix(stream, rules.Names[1]+"-") {
				t.Fatalf("an append to %s is not under the rules of %q", stream, rules.Names)
			}
		}
	})
}

// withoutRules is a system that derives no states.
type withoutRules struct{ Driver }

func TestASystemWithoutRulesSaysSo(t *testing.T) {
	for _, kind := range []Kind{KindValidated, KindState} {
		_, err := Case{Kind: kind, Clients: 1}.Run(t.Context(), withoutRules{newFake(0)}, payload(t), data, Load{})
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
