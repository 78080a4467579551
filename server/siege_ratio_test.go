package server

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/prooftest"
)

// TestAppendsBesideAThousandSubscribersAreMeasured prints how long appends take
// beside 1,000 subscribers of which 100 never read, and without them, in turns
// inside one run. It asserts that all are answered, and no time: machines vary.
func TestAppendsBesideAThousandSubscribersAreMeasured(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 2 * 50}, prooftest.Work{Floor: 20 * 500})
	s := layingSiege(t, 1, 1)
	const turns = 2
	each := work.Floor / turns
	var without, beside []time.Duration
	for range turns {
		without = append(without, s.timed(t, each)...)
		ctx, stop := context.WithCancel(context.Background())
		c := &crowd{s: s, t: t, ctx: ctx}
		subscribersThatNeverRead(c)
		beside = append(beside, s.timed(t, each)...)
		c.leave(stop)
	}
	work.Check(t, "appends beside subscribers", len(beside))
	of := func(all []time.Duration, percent int) uint64 {
		slices.Sort(all)
		return uint64(all[len(all)*percent/100].Microseconds())
	}
	ratio := func(percent int) uint64 { return 100 * of(beside, percent) / max(of(without, percent), 1) }
	work.Report(t, "appends-beside-subscribers", 0, prooftest.Counters{
		"appends": uint64(len(without) + len(beside)), "subscribers": siegeSubscriptions, "never_reading": 100,
		"p50_us_without": of(without, 50), "p50_us_beside": of(beside, 50), "p50_percent": ratio(50),
		"p99_us_without": of(without, 99), "p99_us_beside": of(beside, 99), "p99_percent": ratio(99),
	}, nil)
}

// timed appends one after another and gives the time of each.
func (s *siege) timed(t *testing.T, appends int) []time.Duration {
	t.Helper()
	conn := s.connect(s.Addr().String())
	c := stetv1.NewEventStoreClient(conn)
	var took []time.Duration
	for i := range appends + 5 {
		r := oneEvent(fmt.Sprintf("cart-%d", i%4))
		began := time.Now()
		if _, err := c.Append(waiting(t), r); err != nil {
			t.Fatal(err)
		}
		if i >= 5 { // connected, warm
			took = append(took, time.Since(began))
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	return took
}
