package prooftest

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	r, err := proof.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	one := r.Layers["one"]
	if one.Counters["done"] != 3 || r.Layers["other"].Counters["done"] != 4 || one.Runs != 1 || one.Seeds[0] != 42 || r.Points["judged"] != 2 {
		t.Errorf("got %+v", r)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Read(file); err == nil {
		t.Error("a broken file was read")
	}
}
