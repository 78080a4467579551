package sequencer

import (
	"math/rand/v2"
	"testing"

	"github.com/stet-db/stet/storage"
)

// Whatever the cache lets go of, a value read ahead is used only when it is
// still true. The test writes names at random and asks for them with readings
// of random age.
func TestValuesReadAheadAreUsedOnlyWhenStillTrue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	var c cache[int]
	c.init(4)
	type reading struct {
		asOf  storage.Position
		value map[string]int
	}
	truth := map[string]int{}
	all := names(12)
	var last storage.Position
	var old []reading
	used, trusted := 0, 0
	for range 20_000 {
		name := all[rnd.IntN(len(all))]
		switch rnd.IntN(4) {
		case 0: // a write, in a batch of its own
			c.shrink(last)
			last++
			truth[name] = int(last)
			c.put(name, int(last))
		case 1: // a reading ahead
			snapshot := map[string]int{}
			for k, v := range truth {
				snapshot[k] = v
			}
			old = append(old, reading{last, snapshot})
			if len(old) > 5 {
				old = old[1:]
			}
		case 2: // the writer reads
			c.shrink(last)
			if v, ok := c.get(name); ok && v != truth[name] {
				t.Fatalf("%s is cached as %d, but it is %d", name, v, truth[name])
			}
		default: // a reading is used
			if len(old) == 0 {
				continue
			}
			h := old[rnd.IntN(len(old))]
			if _, ok := c.get(name); ok {
				continue
			}
			used++
			if c.trusts(h.asOf) {
				trusted++
				if h.value[name] != truth[name] {
					t.Fatalf("%s read as %d at %d is trusted, but it is %d", name, h.value[name], h.asOf, truth[name])
				}
			}
		}
	}
	if trusted == 0 || trusted == used {
		t.Fatalf("%d of %d readings were trusted: the test shows nothing", trusted, used)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	var c cache[int]
	c.init(100)
	for i, name := range names(10_000) {
		c.shrink(storage.Position(i))
		c.put(name, i)
	}
	if n := len(c.young) + len(c.old); n > 200 {
		t.Fatalf("%d names are cached with a limit of 100", n)
	}
}
