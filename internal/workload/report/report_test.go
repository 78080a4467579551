package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/workload"
)

func round(events int64, micros float64) workload.Round {
	l := workload.Latency{Count: events}
	for range workload.Percentiles {
		l.Microseconds = append(l.Microseconds, micros)
	}
	return workload.Round{
		Seconds: 1, Client: workload.Usage{CPU: time.Duration(events) * 2 * time.Microsecond},
		Server: workload.Usage{CPU: time.Duration(events) * 3 * time.Microsecond, WrittenBytes: events * 800, Commits: events / 10, MemoryBytes: 5 << 20},
		Parts: []workload.Part{{
			Name: "append", Callers: 8, Counts: workload.Counts{Ops: events, Events: events},
			OpsPerSecond: float64(events), EventsPerSecond: float64(events), Latency: l,
		}},
	}
}

func example() *Report {
	r := &Report{StoredBytes: 400, Seconds: 1}
	r.Add([]workload.Result{
		{System: "stet", Case: workload.Case{Kind: workload.KindAppend, Clients: 8}, Rounds: []workload.Round{round(900, 300), round(1000, 200), round(2000, 100)}},
		{System: "stet", Case: workload.Case{Kind: workload.KindFanout, Clients: 8, Subscribers: 2}, Unsupported: "none <here>"},
	})
	return r
}

func TestASummaryIsTheMedianOfTheRoundsWithTheirSpread(t *testing.T) {
	s := example().Results[0].Summary
	if want := (workload.Spread{Median: 1000, Least: 900, Most: 2000}); s.EventsPerSecond != want {
		t.Errorf("got %+v; want %+v", s.EventsPerSecond, want)
	}
	for name, pair := range map[string][2]float64{
		"p50": {s.P50Micros.Median, 200}, "client": {s.ClientCPUMicros.Median, 2}, "server": {s.ServerCPUMicros.Median, 3},
		"written": {s.WrittenPerRaw.Median, 2}, "commit": {s.EventsPerCommit.Median, 10},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v; want %v", name, pair[0], pair[1])
		}
	}
}

func TestTheTableShowsWhatIsMissingToo(t *testing.T) {
	var out strings.Builder
	r := example()
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteBars(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"append 8 x 1", "-10/+100%", "200 us", "none <here>", "█"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestWhatSubscribersOfAMixtureMissIsToldAndIsAnError(t *testing.T) {
	n := round(100, 10)
	n.Parts = append(n.Parts, workload.Part{Name: "deliver", Callers: 2})
	r := &Report{}
	mixed := workload.Result{Case: workload.Case{Kind: workload.KindMixed, Clients: 8, Subscribers: 2}, Rounds: []workload.Round{n, n}}
	r.Add([]workload.Result{mixed})
	if err := r.Misdelivered(); err != nil {
		t.Errorf("nothing is missing: %v", err)
	}
	for i := range r.Results[0].Rounds {
		r.Results[0].Rounds[i].Parts = []workload.Part{n.Parts[0], {Name: "deliver", Callers: 2, Counts: workload.Counts{Gaps: 3, Repeats: 1}}}
	}
	if err := r.Misdelivered(); err == nil || err.Error() != "mixed 8 x 1 to 2: subscribers missed 6 events and got 2 again" {
		t.Errorf("got %v", err)
	}
	var out strings.Builder
	if err := r.WriteTable(&out); err != nil || !strings.Contains(out.String(), "mixed 8 x 1 to 2: 6 gaps, 2 repetitions; deliver (2): ") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

func TestDrawingsAreWellFormed(t *testing.T) {
	bars := Bars{Title: "a < b", Series: []string{"x", "y"}, Groups: []Group{{"one", []float64{1, 0}}, {"two", []float64{5e6, 1e5}}}}
	for name, drawing := range map[string][]byte{"report": example().SVG(), "empty": (&Report{}).SVG(), "bars": bars.SVG(), "lines": Lines{}.SVG()} {
		d := xml.NewDecoder(strings.NewReader(string(drawing)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
