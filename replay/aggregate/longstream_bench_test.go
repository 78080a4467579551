package aggregate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// BenchmarkRequireOnALongStream withdraws from an account of 10,000 events,
// which has to be read before it is judged: from its newest snapshot, and from
// its first event where there are none.
func BenchmarkRequireOnALongStream(b *testing.B) {
	for _, c := range []struct{ name, every string }{{"snapshots", `"snapshot_every":100,`}, {"none", ""}} {
		b.Run(c.name, func(b *testing.B) {
			k := newKit(b, onDisk(b), strings.Replace(benchBank, `"snapshot_every":100,`, c.every, 1))
			k.longAccount("a", 10_000)
			b.ReportAllocs()
			for b.Loop() {
				k.do(command("account", "a", "Withdrawn", `{"amount":0.01}`, nil))
			}
		})
	}
}

// longAccount has that many deposits.
func (k *kit) longAccount(id string, events int) {
	k.Helper()
	k.do(command("account", id, "Opened", "{}", nil))
	for done := 1; done < events; {
		c := command("account", id, "Deposited", `{"amount":1.25}`, nil)
		c.Batch = true
		for done++; done < events && len(c.Events) < 500; done++ {
			c.Events = append(c.Events, c.Events[0])
		}
		k.do(c)
	}
	k.settle()
}

// S5 of the issue: a condition on a stream of 10,000 events reads a snapshot and
// at most 100 events, which shows in what it allocates.
func TestAConditionOnALongStreamReadsItsTailOnly(t *testing.T) {
	k := newKit(t, newModel(t), benchBank)
	k.longAccount("a", 10_000)
	out, err := k.State(context.Background(), aggregate.StateQuery{Type: "account", ID: "a"})
	if err != nil || out.Replayed > 100 || out.Version != 10_000 {
		t.Fatalf("replayed %d of %d, %v", out.Replayed, out.Version, err)
	}
	const ceiling = 100 * 40 // of an event: to read, decode and fold it; 10,000 would take 100 times as many
	got := testing.AllocsPerRun(10, func() { k.do(command("account", "a", "Withdrawn", `{"amount":0.01}`, nil)) })
	t.Logf("%.0f allocations of a command on a stream of 10,000 events", got)
	if got > ceiling {
		t.Errorf("%.0f allocations of a command; at most %d are allowed", got, ceiling)
	}
}

// The ceilings are what was measured, and a little room: pools forget now and
// then, above all under the race detector. Who needs more raises them on
// purpose.
func TestHoldingAnEventToItsRulesAllocatesNoMoreThanItDid(t *testing.T) {
	k := newKit(t, newModel(t), benchBank)
	k.do(command("account", "a", "Opened", "{}", nil))
	a := rawDeposit(t)
	for _, c := range []struct {
		name    string
		ceiling float64
		task    func()
	}{
		{"execute", 130, func() { k.do(command("account", "a", "Deposited", `{"amount":0.01}`, nil)) }},
		{"raw append", 110, func() {
			if _, err := k.Append(context.Background(), a, ""); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		got := testing.AllocsPerRun(50, c.task)
		t.Logf("%s: %.0f allocations", c.name, got)
		if got > c.ceiling {
			t.Errorf("%s: %.0f allocations; at most %.0f are allowed", c.name, got, c.ceiling)
		}
	}
}

func rawDeposit(t *testing.T) *storage.Append {
	t.Helper()
	return &storage.Append{
		Entries: []storage.Entry{{Stream: "account-a", Expectation: storage.ExpectAny(), Events: []storage.NewEvent{raw(t, 1, "Deposited", `{"amount":0.01}`, func(e *storage.Event) { e.Metadata = nil })}}}, Time: 1,
	}
}
