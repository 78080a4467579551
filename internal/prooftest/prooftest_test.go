package prooftest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// latest is where a proof leaves its counters, which are committed.
const latest = "../../docs/proof-latest.json"

// bars are what a proof must have done at least, by layer and counter; pointHits
// how often it must have passed each fault point.
var bars = map[string]Counters{
	"crash-schedules":  {"crash_schedules": 10_000, "retries_replayed": 1000},
	"disk-fault-sweep": {"trials": 1500, "trials_of_all_percent": 100},
	"linearizability":  {"operations_checked": 200_000, "replies_dropped": 100, "servers_restarted": 10, "subscriptions_resumed": 1000},
	"bitflips":         {"images": 5000},

	"bitflips-without-checksums": {"images": 500, "silent": 1},
	"power-cuts-are-no-damage":   {"images": 5000},
	"mutants-all":                {"faults_noticed": 20},
}

const pointHits = 10

// none are what must not have happened, where no bar asks for it.
var none = []string{"lost", "violations", "silent", "untyped", "touched", "deleted", "false_alarms"}

func TestTheLatestProofReachesTheBars(t *testing.T) {
	r, err := read(latest)
	if err != nil {
		t.Fatal(err)
	}
	for name, wanted := range bars {
		found, there := r.Layers[name]
		if !there {
			t.Errorf("%s is missing; run make proof", name)
			continue
		}
		for counter, least := range wanted {
			if got := found.Counters[counter]; got < least {
				t.Errorf("%s: %s is %d, want at least %d", name, counter, got, least)
			}
		}
		for _, counter := range none {
			if got := found.Counters[counter]; got != 0 && wanted[counter] == 0 {
				t.Errorf("%s: %s is %d, want none", name, counter, got)
			}
		}
	}
	for _, p := range fault.Points() {
		if n := r.Points[p.String()]; n < pointHits {
			t.Errorf("fault point %s was passed %d times, want at least %d", p, n, pointHits)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Layers)) {
		t.Logf("%s: %v, seed %d, %v s", name, r.Layers[name].Counters, r.Layers[name].Seed, r.Layers[name].Seconds)
	}
}

func TestALayerGoesOnToItsFloorAndThenToItsGoalOrTheEndOfItsTime(t *testing.T) {
	t.Setenv("STET_PROOF", "")
	short := Choose(t, Work{Floor: 3, Goal: 10}, Work{})
	if !short.More(2) || short.More(3) {
		t.Error("with no time left it must end at the floor")
	}
	long := Choose(t, Work{Floor: 3, Goal: 10, Box: 1 << 60}, Work{})
	if !long.More(9) || long.More(10) {
		t.Error("with time left it must end at the goal")
	}
	t.Setenv("STET_PROOF", "full")
	full := Choose(t, Work{}, Work{Floor: 7, Goal: 7})
	if !full.More(6) || full.More(7) || !Full() {
		t.Error("a proof must do what it is asked for")
	}
	t.Setenv("STET_PROOF", "soak")
	t.Setenv("STET_PROOF_TIME", "1h")
	if soak := Choose(t, Work{Goal: 5}, Work{}); !soak.More(6) {
		t.Error("a soak must use its time")
	}
}

func TestCountersOfLayersGatherInOneFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proof.json")
	t.Setenv("STET_PROOF_FILE", file)
	t.Setenv("STET_PROOF_SEED", "42")
	work := Choose(t, Work{}, Work{})
	var hits fault.Hits
	hits.Add(fault.Judged)
	work.Report(t, "one", Seed(t), Counters{"done": 3}, &hits)
	work.Report(t, "other", Seed(t), Counters{"done": 4}, &hits)
	r, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.Layers["one"].Counters["done"] != 3 || r.Layers["other"].Counters["done"] != 4 || r.Layers["one"].Seed != 42 || r.Points["judged"] != 2 {
		t.Errorf("got %+v", r)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(file); err == nil {
		t.Error("a broken file was read")
	}
}
