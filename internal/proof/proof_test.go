package proof_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func record(t *testing.T, name string) proof.Record {
	t.Helper()
	r, err := proof.Read("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheLatestProofReachesTheBars(t *testing.T) {
	r := record(t, "proof-latest.json")
	if len(r.Layers) == 0 {
		t.Fatal("no full proof is recorded in docs/proof-latest.json; run make proof")
	}
	for _, missed := range r.Missed() {
		t.Error(missed)
	}
	for _, p := range fault.Points() {
		if _, there := r.Points[p.String()]; !there {
			t.Errorf("fault point %s is new since the latest proof; run make proof", p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Layers)) {
		t.Logf("%s: %v, seeds %d, %v s", name, r.Layers[name].Counters, r.Layers[name].Seeds, r.Layers[name].Seconds)
	}
}

func TestTheLatestSoakSawNoViolation(t *testing.T) {
	r := record(t, "soak-latest.json")
	for _, violated := range r.Violated() {
		t.Error(violated)
	}
}

func TestThePageTellsWhatTheCountersSay(t *testing.T) {
	page, err := os.ReadFile("../../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := proof.Page(string(page), record(t, "proof-latest.json"), record(t, "soak-latest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want != string(page) {
		t.Error("docs/guarantees.md does not tell what the counters say; run go run ./internal/prove page")
	}
	if _, err := proof.Page("a page without a section", proof.New(), proof.New()); err == nil {
		t.Error("a page without a section was taken")
	}
}

// reached is a record that reaches all bars.
func reached() proof.Record {
	r := proof.New()
	for _, b := range proof.Bars {
		r.Layers[b.Layer] = proof.Layer{Runs: 1, Counters: maps.Clone(b.Least)}
	}
	delete(r.Layers, "fuzz-*")
	delete(r.Layers, "model-*")
	delete(r.Layers, "virtual-*")
	for _, name := range []string{"virtual-a", "virtual-b", "virtual-c", "virtual-d"} {
		r.Layers[name] = proof.Layer{Runs: 1, Counters: proof.Counters{"virtual_minutes": 3000}}
	}
	r.Layers["model-crashed"] = proof.Layer{Runs: 1, Counters: proof.Counters{"histories": 3000, "steps": 50_000}}
	for _, target := range strings.Split("abcdefghijklmnopqrst", "") {
		r.Layers["fuzz-"+target] = proof.Layer{Runs: 1, Counters: proof.Counters{"executions": 60_000}}
	}
	for _, p := range fault.Points() {
		r.Points[p.String()] = proof.PointHits
	}
	return r
}

func TestAProofBelowABarIsNoticed(t *testing.T) {
	if missed := reached().Missed(); len(missed) > 0 {
		t.Fatalf("all is reached, and still: %q", missed)
	}
	cases := map[string]func(r proof.Record) proof.Record{
		"one less": func(r proof.Record) proof.Record { r.Layers["kills"].Counters["kills"]--; return r },
		"a layer is missing": func(r proof.Record) proof.Record {
			delete(r.Layers, "deliveries")
			return r
		},
		"something was lost": func(r proof.Record) proof.Record { r.Layers["kills"].Counters["lost"] = 1; return r },
		"the control lost none": func(r proof.Record) proof.Record {
			r.Layers["bitflips-without-checksums"].Counters["silent"] = 0
			return r
		},
		"a target is missing":    func(r proof.Record) proof.Record { delete(r.Layers, "fuzz-a"); return r },
		"a point was not passed": func(r proof.Record) proof.Record { r.Points["judged"] = 9; return r },
		"a layer failed":         func(r proof.Record) proof.Record { r.About.Failures = []string{"go test"}; return r },
		"nothing says why there were no full disks": func(r proof.Record) proof.Record {
			delete(r.Layers, "full-disk")
			return r
		},
		"xfs was left out": func(r proof.Record) proof.Record {
			r.Layers["power-cuts"].Counters["xfs_cuts"] = 0
			return r
		},
	}
	for name, change := range cases {
		if missed := change(reached()).Missed(); len(missed) != 1 && name != "a layer is missing" && name != "nothing says why there were no full disks" || len(missed) == 0 {
			t.Errorf("%s: %q", name, missed)
		}
	}
	without := reached()
	delete(without.Layers, "power-cuts")
	without.About.Skipped = []string{"power-cuts: skipped: no loop devices"}
	if missed := without.Missed(); len(missed) > 0 {
		t.Errorf("skipped with a reason, and still: %q", missed)
	}
	without.About.Skipped = []string{"power-cuts-without-sync: skipped: no loop devices", "full-disk: skipped: no loop devices"}
	if missed := without.Missed(); len(missed) != 3 {
		t.Errorf("others are skipped with a reason, and that excuses: %q", missed)
	}
}

func TestALayerIsForgottenWithAllThatItLeft(t *testing.T) {
	r, other := proof.New(), proof.New()
	for _, name := range []string{"kills", "kills-too"} {
		r.Add(proof.Record{
			Layers: map[string]proof.Layer{name: {Runs: 1, Points: map[string]uint64{"judged": 2}}},
			Points: map[string]uint64{"judged": 2},
		})
		r.About.Skipped = append(r.About.Skipped, name+": skipped: no disk")
	}
	r.Forget("kills")
	if len(r.Layers) != 1 || r.Points["judged"] != 2 || len(r.About.Skipped) != 1 || r.Layers["kills-too"].Points["judged"] != 2 {
		t.Errorf("left: %+v", r)
	}
	other.Add(r)
	other.Forget("kills-too")
	if len(r.Layers) != 1 || other.Points["judged"] != 0 || len(other.Layers) != 0 {
		t.Errorf("left: %+v and %+v", r, other)
	}
}

func TestRecordsAreAddedUpAndKept(t *testing.T) {
	sum := proof.New()
	for range 2 {
		sum.Add(proof.Record{
			Layers: map[string]proof.Layer{"one": {Runs: 1, Seeds: []uint64{42}, Seconds: 1.5, Counters: proof.Counters{"done": 3, "trials_of_all_percent": 7}}},
			Points: map[string]uint64{"judged": 2},
		})
	}
	file := filepath.Join(t.TempDir(), "counters.json")
	if err := sum.Write(file); err != nil {
		t.Fatal(err)
	}
	r, err := proof.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	one := r.Layers["one"]
	if one.Runs != 2 || len(one.Seeds) != 2 || one.Seconds != 3 || one.Counters["done"] != 6 || one.Counters["trials_of_all_percent"] != 7 || r.Points["judged"] != 4 {
		t.Errorf("got %+v", r)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Read(file); err == nil {
		t.Error("a broken file was read")
	}
	if r, err := proof.Read(filepath.Join(t.TempDir(), "none")); err != nil || len(r.Layers) > 0 {
		t.Errorf("a file that is not there: %+v, %v", r, err)
	}
	if err := sum.Write(filepath.Join(t.TempDir(), "no", "directory")); err == nil {
		t.Error("written where nothing is")
	}
}
