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

// betweenAppends is the pace of the measured appends: modest, so that the times
// are those of appends and not of what has no processor to run on.
const betweenAppends = 50 * time.Millisecond

// TestAppendsBesideDeadSubscribersAreMeasured prints how long appends take
// beside 900 subscribers that read, and beside the same and 100 that never do;
// and without any, which tells what the deliveries themselves cost. They take
// turns inside one run. It asserts that all are answered and that the dead ones
// are stuck, and no time: machines vary.
func TestAppendsBesideDeadSubscribersAreMeasured(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 3 * 40}, prooftest.Work{Floor: 3 * 1000})
	s := layingSiege(t, 1, 1)
	const turns, reading, dead = 2, 900, 100
	took := map[string][]time.Duration{}
	done := 0
	for range turns {
		for _, beside := range []struct {
			name          string
			reading, dead int
		}{{"nobody", 0, 0}, {"reading", reading, 0}, {"dead", reading, dead}} {
			ctx, stop := context.WithCancel(context.Background())
			c := &crowd{s: s, t: t, ctx: ctx}
			c.subscribe(beside.reading, beside.dead)
			s.write(t, 100) // more than the windows of those that do not read
			// A soak has a floor of 1.
			times := s.timed(t, max(work.Floor/3/turns, 20))
			done += len(times)
			took[beside.name] = append(took[beside.name], times...)
			if n := len(s.service.subscriptions.taken); n != beside.reading+beside.dead {
				t.Errorf("%d subscriptions are left, want %d", n, beside.reading+beside.dead)
			}
			c.leave(stop)
			s.wantAllGone(t)
		}
	}
	work.Check(t, "appends", done)
	counters := prooftest.Counters{"appends": uint64(done), "subscribers": reading + dead}
	for _, percent := range []int{50, 99} {
		of := map[string]uint64{}
		for name, all := range took {
			slices.Sort(all)
			of[name] = uint64(all[len(all)*percent/100].Microseconds())
			counters[fmt.Sprintf("p%d_beside_%s_us", percent, name)] = of[name]
		}
		counters[fmt.Sprintf("p%d_dead_to_reading_percent", percent)] = 100 * of["dead"] / max(of["reading"], 1)
		counters[fmt.Sprintf("p%d_dead_to_nobody_percent", percent)] = 100 * of["dead"] / max(of["nobody"], 1)
	}
	work.Report(t, "dead-subscribers", 0, counters, nil)
}

// timed appends one after another, at a pace, and gives the time of each.
func (s *siege) timed(t *testing.T, appends int) []time.Duration {
	t.Helper()
	conn := s.connect(s.Addr().String())
	c := stetv1.NewEventStoreClient(conn)
	pace := time.NewTicker(betweenAppends)
	defer pace.Stop()
	var took []time.Duration
	for i := range appends + 5 {
		r := oneEvent(fmt.Sprintf("cart-%d", i%4))
		<-pace.C
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
