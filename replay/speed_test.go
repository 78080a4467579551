package replay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
)

// item is the payload of an event of a cart.
func item(i int) string {
	return fmt.Sprintf(`{"sku":"shirt-%d","name":"Blue T-Shirt","price":29.99,"quantity":2}`, i)
}

// stored are a cart's events as the store gives them.
func stored(n int) []storage.Event {
	out := make([]storage.Event, n)
	for i := range out {
		out[i] = storage.Event{
			Stream: "cart-1", Version: storage.Version(i + 1), Position: storage.Position(i + 1), RecordedAt: storage.Instant(i),
			Type: "had_item_added", Kind: storage.PayloadJSON, Payload: []byte(item(i)),
		}
	}
	return out
}

// BenchmarkFoldOfACart folds a thousand decoded events, again and again. Beside
// the rate by the clock stands the rate by the processor's time, collecting
// garbage included, which says more on a machine that others use.
func BenchmarkFoldOfACart(b *testing.B) {
	r := cartRules(b)
	events := make([]replay.Event, 1000)
	for i, e := range stored(len(events)) {
		events[i] = replay.NewEvent(&e)
	}
	fold := func() {
		f := replay.NewFold(r)
		for i := range events {
			f.Apply(&events[i])
		}
		if s := f.State(); s.Version != 1000 {
			b.Fatal(s.Version)
		}
	}
	measure(b, len(events), fold)
}

// BenchmarkDecodeAndFoldOfACart also reads the payload of each event.
func BenchmarkDecodeAndFoldOfACart(b *testing.B) {
	r := cartRules(b)
	events := stored(1000)
	measure(b, len(events), func() {
		f := replay.NewFold(r)
		for i := range events {
			e := replay.NewEvent(&events[i])
			f.Apply(&e)
		}
	})
}

// measure repeats what takes so many events.
func measure(b *testing.B, events int, task func()) {
	b.ReportAllocs()
	before := machine.Self().CPU
	for b.Loop() {
		task()
	}
	done := float64(b.N) * float64(events)
	b.ReportMetric(done/b.Elapsed().Seconds(), "events/s")
	if used := machine.Self().CPU - before; used > time.Millisecond {
		b.ReportMetric(done/used.Seconds(), "events/cpu-s")
	}
}

// The ceilings are what was measured and a little room: under the race detector
// pools forget now and then, and parsing takes one allocation more.
// Who needs more raises them on purpose.
func TestFoldingAllocatesNoMoreThanItDid(t *testing.T) {
	r := cartRules(t)
	const events = 1000
	all := stored(events)
	decoded := make([]replay.Event, events)
	for i := range all {
		decoded[i] = replay.NewEvent(&all[i])
	}
	for _, c := range []struct {
		name    string
		ceiling float64 // allocations of an event
		task    func(f *replay.Fold, i int)
	}{
		{"fold", 3.5, func(f *replay.Fold, i int) { f.Apply(&decoded[i]) }},
		{"decode and fold", 9, func(f *replay.Fold, i int) {
			e := replay.NewEvent(&all[i])
			f.Apply(&e)
		}},
	} {
		got := testing.AllocsPerRun(5, func() {
			f := replay.NewFold(r)
			for i := range events {
				c.task(f, i)
			}
		}) / events
		t.Logf("%s: %.2f allocations of an event", c.name, got)
		if got > c.ceiling {
			t.Errorf("%s: %.2f allocations of an event; at most %.2f are allowed", c.name, got, c.ceiling)
		}
	}
}
