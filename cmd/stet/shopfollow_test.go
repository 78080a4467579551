package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/relaytest"
)

// shopRows is how many rows the year has.
const shopRows = 541_909

// follower subscribes and checks what it is given.
type follower struct {
	name   string
	filter client.Filter
	// cutEvery cuts its connection after that many events, three times.
	cutEvery int

	events, progress, interrupted int
	last                          uint64
}

// follow runs until the head that end names is reached.
func (f *follower) follow(ctx context.Context, t *testing.T, addr string, end uint64) {
	between := relaytest.New(t, addr)
	api, err := client.Dial(between.Addr(), client.Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}()
	cuts := 0
	for d, err := range api.Subscribe(ctx, client.Subscription{Filter: f.filter}) {
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			return
		}
		switch d.Kind {
		case client.KindEvent:
			p := d.Event.GetPosition()
			if p <= f.last || (f.filter == nil && p != f.last+1) {
				t.Errorf("%s: position %d after %d", f.name, p, f.last)
			}
			f.last = p
			f.events++
			if f.cutEvery > 0 && cuts < 3 && f.events%f.cutEvery == 0 {
				cuts++
				between.Cut()
			}
		case client.KindProgress:
			f.progress++
		case client.KindInterrupted:
			f.interrupted++
		}
		if d.Cursor >= end {
			return
		}
	}
}

// S4 of the issue; S2.10, S2.18, S3.16. A subscriber that starts at the
// beginning while the import runs and is cut three times gets every event once,
// in order; a filtered one exactly its own, with progress in between.
func TestFollowersOfTheShopsYearGetEachEventOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP (counted): a year of invoices takes a while")
	}
	source := filepath.Join(shopData(t), "online-retail.csv.gz")
	shipped(t)
	dir := t.TempDir()
	d, env := startServer(t, dir)
	all := &follower{name: "all", cutEvery: 120_000}
	filtered := &follower{name: "filtered", filter: client.Filter{{Types: []string{"LineCancelled"}, AllTags: []string{"customer:17850.0"}}, {Types: []string{"DebtAdjusted"}}}}
	var followers sync.WaitGroup
	for _, f := range []*follower{all, filtered} {
		followers.Go(func() { f.follow(t.Context(), t, d.addr, shopRows) })
	}
	if out, err := stet(t, dir, env, append([]string{"import", source, "--progress", "side"}, shopArgs...)...); err != nil {
		t.Fatal(out, err)
	}
	followers.Wait()
	t.Logf("all: %d events, %d interruptions; filtered: %d events, %d notices of progress", all.events, all.interrupted, filtered.events, filtered.progress)
	if all.events != shopRows || all.interrupted != 3 {
		t.Errorf("%d events after %d cuts; want %d after 3", all.events, all.interrupted, shopRows)
	}
	want := 0
	api, err := client.Dial(d.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range api.ReadAll(t.Context(), client.LogRead{}) {
		if err != nil {
			t.Fatal(err)
		}
		cancelled := e.GetType() == "LineCancelled" && strings.Contains(strings.Join(e.GetTags(), " "), "customer:17850.0")
		if cancelled || e.GetType() == "DebtAdjusted" {
			want++
		}
	}
	if err := api.Close(); err != nil {
		t.Error(err)
	}
	if filtered.events != want || want == 0 || filtered.progress == 0 {
		t.Errorf("the filtered follower got %d events and %d notices of progress; want %d events", filtered.events, filtered.progress, want)
	}
}

// S2 of the issue; S4.6, S1.20. The year is imported, the server is killed in
// the middle, and a second run completes it; then the whole is exported and
// restored into a new store, whose export is the same to the byte.
func TestTheShopsYearSurvivesAKillAndARestore(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP (counted): a year of invoices takes a while")
	}
	source := filepath.Join(shopData(t), "online-retail.csv.gz")
	shipped(t)
	dir := t.TempDir()
	d, env := startServer(t, dir)
	args := append([]string{"import", source, "--progress", "side"}, shopArgs...)
	first := exec.Command("stet", args...)
	first.Dir, first.Env = dir, env
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	// Returns once so many events are in the log.
	if _, err := stet(t, dir, env, "tail", "--all", "--count", "200000"); err != nil {
		t.Fatal(err)
	}
	if err := d.end(syscall.SIGKILL); err == nil {
		t.Fatal("the server survived")
	}
	if err := first.Wait(); err == nil {
		t.Fatal("the import ended before the server was killed")
	}
	d, env = startServer(t, dir)
	if out, err := stet(t, dir, env, args...); err != nil {
		t.Fatal(out, err)
	}
	var got tally
	got.read(t, d.addr)
	if got.net.String() != "9747747.934" || got.types["LineSold"] != 530_103 {
		t.Errorf("net value %v, %d lines sold", &got.net, got.types["LineSold"])
	}
	if out, err := stet(t, dir, env, "export", "year.ndjson"); err != nil {
		t.Fatal(out, err)
	}
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	for _, command := range [][]string{
		{"verify"},
		{"import", "year.ndjson", "--preserve", "--data", "restored"},
		{"verify", "--data", "restored"},
	} {
		if out, err := stet(t, dir, env, command...); err != nil {
			t.Fatal(out, err)
		}
	}
	_, env = startServer(t, dir, "--data", "restored")
	if out, err := stet(t, dir, env, "export", "again.ndjson"); err != nil {
		t.Fatal(out, err)
	}
	sameFiles(t, filepath.Join(dir, "year.ndjson"), filepath.Join(dir, "again.ndjson"))
}

func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	one, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(other) {
		t.Errorf("%s and %s differ: %d and %d bytes", filepath.Base(a), filepath.Base(b), len(one), len(other))
	}
}
