package prooftest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/proof"
)

// Work is how much a layer has to do: at least Floor and at most Goal pieces,
// and no new piece after Box, if the floor is reached.
type Work struct {
	Floor, Goal int
	Box         time.Duration

	began time.Time
}

// Choose is the work for this run: check in the checks of every change, full
// in a proof. In a soak it is as much as fits into the time asked for.
func Choose(t testing.TB, check, full Work) *Work {
	t.Helper()
	chosen := check
	switch level := os.Getenv("STET_PROOF"); level {
	case "":
	case "full":
		chosen = full
	case "soak":
		box, err := time.ParseDuration(cmp.Or(os.Getenv("STET_PROOF_TIME"), "10m"))
		if err != nil {
			t.Fatalf("STET_PROOF_TIME: %v", err)
		}
		chosen = Work{Floor: min(check.Floor, 1), Goal: 1 << 40, Box: box}
	default:
		t.Fatalf("STET_PROOF is %q; want full, soak, or nothing", level)
	}
	chosen.began = time.Now()
	return &chosen
}

// Full tells whether this run is more than the checks of every change.
func Full() bool { return os.Getenv("STET_PROOF") != "" }

// More tells whether another piece is to be done when so many are.
func (w *Work) More(done int) bool {
	return done < w.Floor || done < w.Goal && time.Since(w.began) < w.Box
}

// Check fails the test below the floor.
func (w *Work) Check(t testing.TB, what string, done int) {
	t.Helper()
	if done < w.Floor {
		t.Errorf("%d %s, want at least %d", done, what, w.Floor)
	}
}

// Seed is the seed of this run, printed so that it can be repeated.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("STET_PROOF_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("STET_PROOF_SEED: %v", err)
		}
	}
	t.Logf("proof: seed %d", seed)
	return seed
}

// Counters are what a layer did, by name.
type Counters = proof.Counters

// Report prints what a layer did, and writes it to the file of counters if one
// is named. hits may be nil.
func (w *Work) Report(t testing.TB, name string, seed uint64, counters Counters, hits *fault.Hits) {
	t.Helper()
	var line strings.Builder
	for _, key := range slices.Sorted(maps.Keys(counters)) {
		fmt.Fprintf(&line, " %s=%d", key, counters[key])
	}
	took := time.Since(w.began)
	fmt.Fprintf(os.Stdout, "proof: %s:%s seed=%d took=%v\n", name, line.String(), seed, took.Round(time.Millisecond))
	file := os.Getenv("STET_PROOF_FILE")
	if file == "" || t.Failed() {
		return
	}
	r, err := proof.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	more := proof.New()
	layer := proof.Layer{Runs: 1, Seeds: seeds(seed), Seconds: float64(took.Milliseconds()) / 1000, Counters: counters}
	if hits != nil {
		more.Points = hits.ByName()
		layer.Points = more.Points
	}
	more.Layers[name] = layer
	r.Add(more)
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
}

func seeds(seed uint64) []uint64 {
	if seed == 0 {
		return nil
	}
	return []uint64{seed}
}
