package cursor_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// burst appends what an interleaving test throws in between.
func burst(f *filling) {
	f.put("Kept", 10, "a-1", "b-1")
	f.put("Other", 10, "a-2", "a-1", "$s-1")
	f.put("Kept", 10, "a-1")
}

// TestEachEventIsDeliveredOnceAtEveryInterleavingOfTwoWrites shows I6 and I7 at
// the edge between catching up and live: two bursts of appends land at each
// pair of moments in the run of the cursor, with a tail that holds everything,
// one that holds one group, and none.
func TestEachEventIsDeliveredOnceAtEveryInterleavingOfTwoWrites(t *testing.T) {
	for name, selection := range selections() {
		t.Run(name, func(t *testing.T) {
			for _, groups := range []int{0, 1, 64} {
				first := 0
				for done := false; !done; first++ {
					done = interleave(t, selection, groups, first, first)
					for second := first + 1; ; second++ {
						if interleave(t, selection, groups, first, second) {
							break
						}
					}
				}
				if first < 4 {
					t.Fatalf("only %d moments", first)
				}
			}
		})
	}
}

// interleave runs one cursor with bursts at two moments, and tells whether the
// run was over before the second.
func interleave(t *testing.T, selection cursor.Selection, groups, first, second int) bool {
	t.Helper()
	model := storagetest.NewModelWith(storagetest.ModelOptions{TailGroups: max(groups, 1)})
	f := &filling{t: t, store: model}
	burst(f)
	moment, bursts := 0, 0
	busy := false
	store := &hooked{Store: model, hideTail: func() bool { return groups == 0 }}
	more := func() bool {
		if bursts == 2 {
			return false
		}
		bursts++
		burst(f)
		return true
	}
	early := 0
	store.hook = func() {
		if busy {
			return
		}
		busy = true
		for _, at := range []int{first, second} {
			if at == moment && more() {
				early++
			}
		}
		busy = false
		moment++
	}
	store.idle = more
	c, err := cursor.Open(t.Context(), store, selection, cursor.Beginning())
	if err != nil {
		t.Fatal(err)
	}
	w := newWatch(t, model, selection)
	drain(t, c, w)
	check(t, w, passing(t, model, selection, 0), fmt.Sprintf("tail of %d, bursts at %d and %d", groups, first, second))
	if groups > 1 && slices.Contains(w.notices, cursor.FellBehind) {
		t.Fatalf("fell behind a tail that holds everything")
	}
	return early < 2
}

// check compares what was delivered, and resumes at the cursors that were
// handed out, at most some thirty of them: it must bring exactly the rest (I6).
func check(t *testing.T, w *watch, want []storage.Position, when string) {
	t.Helper()
	if !slices.Equal(w.delivered, want) {
		t.Fatalf("%s: delivered %v, want %v", when, w.delivered, want)
	}
	if w.behind || len(w.notices)%2 != 1 {
		t.Fatalf("%s: notices %v do not end with a caught up", when, w.notices)
	}
	handedOut := slices.Sorted(maps.Keys(w.cursors))
	for i := 0; i < len(handedOut); i += 1 + len(handedOut)/30 {
		at := handedOut[i]
		n := w.cursors[at]
		again := newWatch(t, w.store, w.selection)
		store := &hooked{Store: w.store, hook: func() {}, idle: func() bool { return false }}
		c, err := cursor.Open(t.Context(), store, w.selection, cursor.After(at))
		if err != nil {
			t.Fatalf("%s: resume after %d: %v", when, at, err)
		}
		drain(t, c, again)
		if !slices.Equal(again.delivered, want[n:]) {
			t.Fatalf("%s: resumed after %d: delivered %v, want %v", when, at, again.delivered, want[n:])
		}
	}
}

// TestRandomHistoriesAreDeliveredOrderedUniqueAndFilterExact is the same with
// random appends, sizes, tails and moments.
func TestRandomHistoriesAreDeliveredOrderedUniqueAndFilterExact(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	all := selections()
	names := slices.Sorted(maps.Keys(all))
	for round := range 40 {
		name := names[rng.IntN(len(names))]
		randomRun(t, rng, all[name], fmt.Sprintf("seed %d, round %d, %s", seed, round, name))
	}
}

func randomRun(t *testing.T, rng *rand.Rand, selection cursor.Selection, when string) {
	t.Helper()
	model := storagetest.NewModelWith(storagetest.ModelOptions{TailGroups: 1 + rng.IntN(6)})
	f := &filling{t: t, store: model}
	left := 120
	streams := []string{"a-1", "a-2", "b-1", "$s-1", "a"}
	more := func() bool {
		if left == 0 {
			return false
		}
		for range min(left, 1+rng.IntN(8)) {
			left--
			rng.Shuffle(len(streams), func(i, j int) { streams[i], streams[j] = streams[j], streams[i] })
			size := 1 + rng.IntN(200)
			if rng.IntN(8) == 0 {
				size = 1 + rng.IntN(2*cursor.MaxFrames)
			}
			f.put([]string{"Kept", "Other"}[rng.IntN(2)], size, streams[:1+rng.IntN(4)]...)
		}
		return true
	}
	for range rng.IntN(10) {
		more()
	}
	store := &hooked{Store: model, idle: more}
	store.hook = func() {
		if rng.IntN(30) == 0 {
			more()
		}
	}
	store.hideTail = func() bool { return rng.IntN(20) == 0 }
	c, err := cursor.Open(t.Context(), store, selection, cursor.Beginning())
	if err != nil {
		t.Fatal(when, err)
	}
	w := newWatch(t, model, selection)
	drain(t, c, w)
	check(t, w, passing(t, model, selection, 0), when)
}
