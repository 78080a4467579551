package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/workload"
)

// TestMain makes this binary be the children, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-role" {
		ctx, stop := signalled()
		defer stop()
		if err := start(ctx, os.Args[1:]); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// peers are the systems that need no program built before, with whether they
// keep what they are given.
func peers(t *testing.T) map[string]system {
	t.Helper()
	out := map[string]system{
		"sync always": jetStream(2, true), "default sync": jetStream(2, false), "echo": echo(2), "pebble": barePebble(), "parts": parts(2),
	}
	if bin, err := findPostgres(); err == nil {
		out["postgres"] = postgres(bin)
	} else {
		t.Log(err)
	}
	return out
}

func openTo(t *testing.T, dir string) string {
	t.Helper()
	for at := dir; at != filepath.Dir(os.TempDir()) && at != "/"; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.Mode().Perm()&0o055 != 0o055 {
			if err := os.Chmod(at, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return filepath.Join(dir, "data")
}

func TestEveryPeerRunsWhatItSupportsAndCountsIt(t *testing.T) {
	p, err := workload.NewPayload(workload.StandardJSONBytes, workload.StandardMetadataBytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	data := workload.Dataset{Name: "bench", Streams: 30, Length: 20}
	for name, s := range peers(t) {
		t.Run(name, func(t *testing.T) {
			dir := openTo(t, t.TempDir())
			r := begin(t, s, dir, true)
			told := 0
			if err := r.driver.Fill(t.Context(), data, p, func(n int) { told += n }); err != nil {
				t.Fatal(err)
			}
			end(t, r)
			r = begin(t, s, dir, false) // what was filled is there after a restart
			defer end(t, r)
			if got := countAll(t, r.driver, s.name == "bare Pebble"); !s.limit && (got != data.Events() || told != got) {
				t.Fatalf("told of %d events and read %d; want %d", told, got, data.Events())
			}
			m := &measured{system: s, results: map[string]*workload.Result{}}
			m.plan(rows)
			for _, c := range m.order {
				runOne(t, r.driver, c, p, data)
			}
			if !s.limit {
				conflicts(t, r.driver, p)
			}
		})
	}
}

// runOne measures for longer where a busy machine let nothing happen.
func runOne(t *testing.T, d workload.Driver, c workload.Case, p *workload.Payload, data workload.Dataset) {
	t.Helper()
	c.Clients, c.Subscribers = min(c.Clients, 4), min(c.Subscribers, 3)
	for duration := 60 * time.Millisecond; ; duration *= 4 {
		round, err := c.Run(t.Context(), d, p, data, workload.Load{Duration: duration})
		if err != nil {
			if !isUnsupported(err) {
				t.Errorf("%v: %v", c, err)
			}
			return
		}
		counted := &round.Parts[0]
		if nothing := counted.Events+counted.Conflicts == 0; nothing && duration < 10*time.Second {
			continue
		} else if nothing || counted.Gaps+counted.Repeats != 0 {
			t.Errorf("%v: counted %+v", c, counted.Counts)
		}
		return
	}
}

func isUnsupported(err error) bool {
	return err != nil && strings.Contains(err.Error(), workload.ErrUnsupported.Error())
}

// conflicts shows that what was refused was not written, and the rest was.
func conflicts(t *testing.T, d workload.Driver, p *workload.Payload) {
	t.Helper()
	before := countAll(t, d, false)
	w, err := d.Writer(t.Context(), workload.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []workload.Append{
		{Events: p.Events(0, 1), Unmet: true}, {Events: p.Events(0, 3), Unmet: true}, {Events: p.Events(0, 1)}, {Events: p.Events(0, 3)},
	} {
		a.Stream = "conflicts-1"
		_, err := w.Append(t.Context(), &a)
		if refused := err != nil && strings.Contains(err.Error(), "conflict"); refused != a.Unmet || !refused && err != nil {
			t.Errorf("unmet %v, %d events: %v", a.Unmet, len(a.Events), err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if n, err := d.ReadStream(t.Context(), "conflicts-1"); n != 4 || err != nil {
		t.Errorf("the stream has %d events, %v; want 4", n, err)
	}
	if after := countAll(t, d, false); after != before+4 {
		t.Errorf("%d events, then %d; want 4 more", before, after)
	}
}

func countAll(t *testing.T, d workload.Driver, raw bool) (sum int) {
	t.Helper()
	if err := d.ReadAll(t.Context(), !raw, func(n int) bool { sum += n; return true }); err != nil {
		t.Fatal(err)
	}
	return sum
}

func begin(t *testing.T, s system, dir string, filling bool) *running {
	t.Helper()
	r, err := s.start(context.Background(), dir, filling)
	if err != nil {
		t.Fatal(err)
	}
	if r.version == "" || r.pid != 0 && r.took <= 0 {
		t.Errorf("version %q, ready after %v", r.version, r.took)
	}
	return r
}

func end(t *testing.T, r *running) {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func TestRatiosSayHowManyTimesStetIsBetter(t *testing.T) {
	result := func(rate, p50 float64) *measured {
		l := workload.Latency{Count: 1}
		for range workload.Percentiles {
			l.Microseconds = append(l.Microseconds, p50)
		}
		c := appending(8, 1, 0)
		return &measured{results: map[string]*workload.Result{c.String(): {Case: c, Rounds: []workload.Round{{Parts: []workload.Part{{EventsPerSecond: rate, Latency: l}}}}}}}
	}
	own, peer := result(20_000, 100), result(5_000, 300)
	fast := row{c: appending(8, 1, 0), value: rate, target: 17e3, stretch: 30e3}
	soon := row{c: appending(8, 1, 0), value: latency(50), unit: microseconds, lower: true, target: 90}
	for got, want := range map[string]string{
		fast.times(own, peer): "4.00", soon.times(own, peer): "3.00",
		fast.ofLimit(own, peer, result(40_000, 50)): "400 %", soon.ofLimit(own, result(1, 50)): "50 %",
		fast.goal(own): "17.0 k/s (30.0 k/s) **met**", soon.goal(own): "90 us missed", fast.times(own, nil): "",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestChoosingIsByWords(t *testing.T) {
	s, err := parse([]string{"-systems", "jetstream, pebble", "-rows", "written,cold", "-quick"})
	if err != nil {
		t.Fatal(err)
	}
	systems, err := s.chosen()
	if err != nil || len(systems) != 3 {
		t.Errorf("%d systems, %v; want 3", len(systems), err)
	}
	if rows := s.chosenRows(); len(rows) != 3 {
		t.Errorf("%d rows; want 3", len(rows))
	}
	if _, err := parse([]string{"-rounds", "0"}); err == nil {
		t.Error("0 rounds are accepted")
	}
}
