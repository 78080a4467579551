package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
)

// withRounds is a system with one case and the rates of its rounds.
func withRounds(name string, c workload.Case, failed int, rates ...float64) *measured {
	l := workload.Latency{Count: 1}
	for range workload.Percentiles {
		l.Microseconds = append(l.Microseconds, 100)
	}
	result := &workload.Result{Case: c}
	for _, v := range rates {
		result.Rounds = append(result.Rounds, workload.Round{Parts: []workload.Part{{EventsPerSecond: v, Latency: l}}})
	}
	return &measured{
		system: system{name: name}, results: map[string]*workload.Result{c.String(): result},
		order: []workload.Case{c}, failed: map[string]int{c.String(): failed},
	}
}

func TestATargetIsMetByTheWorstRoundOnly(t *testing.T) {
	c := appending(8, 1, 0)
	r := row{c: c, value: rate, target: 17e3, stretch: 30e3}
	for want, m := range map[string]*measured{
		"17.0 k/s (30.0 k/s) **stretch met**":   withRounds("Stet", c, 0, 31e3, 32e3, 33e3),
		"17.0 k/s (30.0 k/s) **met**":           withRounds("Stet", c, 0, 18e3, 32e3, 33e3),
		"17.0 k/s (30.0 k/s) met in the median": withRounds("Stet", c, 0, 16e3, 18e3, 33e3),
		"17.0 k/s (30.0 k/s) missed":            withRounds("Stet", c, 0, 16e3, 16e3, 33e3),
		"17.0 k/s (30.0 k/s)":                   withRounds("Stet", c, 3),
	} {
		if got := r.goal(m); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	if got := r.goal(withRounds("Stet", c, 1, 31e3, 32e3)); !strings.HasSuffix(got, "met in the median") {
		t.Errorf("with a round that failed: %q", got)
	}
}

func TestALiveTargetIsNotMetWithGaps(t *testing.T) {
	c := workload.Case{Kind: workload.KindFanout, Clients: 256, Batch: 1, Subscribers: 100, Raw: true}
	r := row{c: c, value: rate, target: 2e6}
	m := withRounds("Stet", c, 0, 3e6)
	m.results[c.String()].Rounds[0].Parts[0].Gaps = 2
	m.results[c.String()].Rounds[0].BehindSeconds = 1.5
	if got := r.goal(m); got != "2.00 M/s missed: 2 gaps or repetitions" {
		t.Errorf("got %q", got)
	}
	if got := (&bench{}).gaps(m); !strings.Contains(got, "2 were missing") || !strings.Contains(got, "after 1.5 s at most") {
		t.Errorf("got %q", got)
	}
}

func TestWhatFailedIsToldApartFromWhatIsNotThere(t *testing.T) {
	c := appending(8, 1, 0)
	r := row{c: c, value: rate}
	for want, m := range map[string]*measured{
		"failed":                 withRounds("JetStream", c, 3),
		"-":                      withRounds("JetStream", c, 0),
		"100 /s (1 of 3 rounds)": withRounds("JetStream", c, 2, 100),
		"0 /s":                   withRounds("JetStream", c, 0, 0),
	} {
		if got := r.figure(m); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	open := row{value: coldOpen, unit: seconds}
	broken := &measured{failures: []string{"round 1: it did not start"}}
	if got := open.figure(broken); got != "failed" {
		t.Errorf("a store that did not open: %q", got)
	}
	b := &bench{measured: []*measured{broken}}
	if err := b.failed(); err == nil || b.anything() {
		t.Errorf("a run that failed: %v, with figures %v", err, b.anything())
	}
}

func TestSharesAreOfTheSameLimitOnly(t *testing.T) {
	c := appending(8, 100, 0)
	own, grpc, slow, fast := withRounds("Stet", c, 0, 100e3), withRounds("bare gRPC", c, 0, 400e3), withRounds("bare Pebble", c, 0, 200e3), withRounds("bare Pebble", c, 0, 500e3)
	share := func(there limit, engine *measured) string {
		b := &bench{measured: []*measured{own, grpc, engine}, syncs: [2]time.Duration{100 * time.Microsecond}}
		r := row{c: c, value: rate, target: 300e3, there: there}
		if there.value < 1000 {
			r = row{c: c, value: latency(50), unit: microseconds, lower: true, target: 360, there: there}
		}
		return b.ofTargets(&r, own)
	}
	for _, try := range []struct{ got, want string }{
		{share(grpcThere(400e3), slow), "25 % (target: 75 %)"},
		{share(pebbleThere(400e3), slow), "50 % (target: 75 %)"},
		{share(pebbleThere(400e3), fast), ""},
		{share(syncedThere(180), slow), "200 % (target: 50 %)"},
		{share(limit{}, slow), ""},
	} {
		if try.got != try.want {
			t.Errorf("got %q; want %q", try.got, try.want)
		}
	}
}

func TestWhatWasNotReadAtBothEndsIsNotKnown(t *testing.T) {
	told := []bool{true, false}
	o := observer{running: &running{commits: func() (int64, bool) {
		known := told[0]
		told = told[1:]
		return 1000, known
	}}}
	_, before := o.begin()
	o.end()
	round := workload.Round{Server: workload.Usage{Commits: 5, Switches: -3}}
	o.known(&round)
	if before.Commits != 1000 || round.Server != (workload.Usage{}) {
		t.Errorf("%d commits at the beginning; afterwards %+v; want nothing", before.Commits, round.Server)
	}
	if got := cell("%.0f us", workload.Spread{}); got != "" {
		t.Errorf("nothing is written as %q", got)
	}
	if text := (&bench{}).writtenBy(); !strings.Contains(text, "write_bytes") {
		t.Errorf("without a device: %q", text)
	}
	if text := (&bench{disk: machine.Disk{Name: "vda1"}}).writtenBy(); !strings.Contains(text, "`vda1`") {
		t.Errorf("with a device: %q", text)
	}
}
