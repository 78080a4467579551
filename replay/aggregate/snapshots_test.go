package aggregate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// every is a specification with a snapshot after so many events.
func cartEvery(t testing.TB, n int) string {
	return strings.Replace(example(t, "cart"), `"cart": {`, fmt.Sprintf(`"cart": {"snapshot_every": %d,`, n), 1)
}

// item adds one to a cart.
func item(id string, n int) *aggregate.Command {
	return command("cart", id, "had_item_added", fmt.Sprintf(`{"sku":"s-%d","name":"Thing","price":%d.50,"quantity":%d}`, n, n%100, n%7+1), user)
}

// fill appends n items in batches and waits for the snapshots.
func (k *kit) fill(id string, n int) {
	k.Helper()
	for done := 0; done < n; {
		c := item(id, done)
		c.Batch = true
		for done++; done < n && len(c.Events) < 500; done++ {
			c.Events = append(c.Events, item(id, done).Events[0])
		}
		k.do(c)
	}
	k.settle()
}

func (k *kit) settle() {
	k.Helper()
	if err := k.AwaitSnapshots(context.Background()); err != nil {
		k.Fatal(err)
	}
}

// S1.11, S2.7: with a snapshot every 100 events, reading 10,000 of them replays
// at most 100.
func TestALongStreamIsReadFromItsNewestSnapshot(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, cartEvery(t, 100))
		k.fill("a", 10_050)
		for _, full := range []bool{false, true} {
			out, err := k.State(context.Background(), aggregate.StateQuery{Type: "cart", ID: "a", FullReplay: full})
			if err != nil {
				t.Fatal(err)
			}
			if out.Version != 10_050 || out.Value.Field("items").Len() != 10_050 {
				t.Errorf("version %d, %d items", out.Version, out.Value.Field("items").Len())
			}
			switch {
			case full && (out.Replayed != 10_050 || out.Snapshot != 0):
				t.Errorf("a full replay began at %d and took %d events", out.Snapshot, out.Replayed)
			case !full && (out.Replayed > 100 || out.Snapshot != 10_000):
				t.Errorf("it began at %d and took %d events", out.Snapshot, out.Replayed)
			}
		}
		// A point in the past, once it was asked for.
		q := aggregate.StateQuery{Type: "cart", ID: "a", At: atLength(5_099)}
		for _, most := range []uint64{5_099, 99} {
			out, err := k.State(context.Background(), q)
			if err != nil || out.Replayed > most || out.Version != 5_099 {
				t.Errorf("replayed %d, at most %d; version %d, %v", out.Replayed, most, out.Version, err)
			}
			k.settle()
		}
	})
}

// S0.22, S1.12, S2.6: changed handlers count at once for old events, snapshots
// or not.
func TestChangedHandlersCountAtOnceThoughThereAreSnapshots(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, cartEvery(t, 10))
		k.fill("a", 105)
		before := k.state("cart", "a", aggregate.Point{})
		changed := strings.Replace(cartEvery(t, 10), `{ "append": { "target": "items", "value": "$.data" } }`,
			`{ "increment": { "target": "count", "by": "$.data.quantity" } }`, 1)
		out := k.put(changed)
		if !out.Written || out.Version != 2 || len(out.Changes) == 0 {
			t.Errorf("%+v", out)
		}
		k.now("cart", "a", `{"count":420}`)
		k.put(cartEvery(t, 10))
		if after := k.state("cart", "a", aggregate.Point{}); after != before {
			t.Error("the first handlers make another state than at first")
		}
	})
}

// I14, S1.12: dropping all snapshots changes no answer, at any point, whatever
// happened on the way.
func TestSnapshotsChangeNoAnswer(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	onEachStore(t, func(t *testing.T, store caching) {
		rng := rand.New(rand.NewPCG(seed, 1))
		k := newKit(t, store, cartEvery(t, 7))
		specs := []string{
			cartEvery(t, 7), cartEvery(t, 3), strings.Replace(cartEvery(t, 5), `"$.data"`, `"$.data.sku"`, 1),
			strings.Replace(cartEvery(t, 4), `"$.data"`, `"$.data.missing"`, 1),
		}
		for round := range 30 {
			switch rng.IntN(5) {
			case 0:
				k.put(specs[rng.IntN(len(specs))])
			case 1:
				if err := k.DropSnapshots(context.Background()); err != nil {
					t.Fatal(err)
				}
			case 2:
				k.settle()
			}
			for range rng.IntN(12) {
				k.do(item(fmt.Sprint("c", rng.IntN(3)), round))
			}
			id := fmt.Sprint("c", rng.IntN(3))
			n, err := k.Length(context.Background(), "cart", id)
			if err != nil {
				continue // not there yet
			}
			at := atLength(1 + storage.Version(rng.Uint64N(uint64(n))))
			var answers [2]string
			for i, full := range []bool{false, true} {
				out, err := k.State(context.Background(), aggregate.StateQuery{Type: "cart", ID: id, At: at, FullReplay: full})
				if err != nil {
					t.Fatal(err)
				}
				answers[i] = fmt.Sprint(out.Value, out.Version, out.Position, out.CreatedAt, out.UpdatedAt, out.Skipped, out.Warnings)
			}
			if answers[0] != answers[1] {
				t.Fatalf("round %d, %s at %d:\nwith    %s\nwithout %s", round, id, *at.Length, answers[0], answers[1])
			}
		}
	})
}
