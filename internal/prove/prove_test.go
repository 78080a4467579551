package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheLayersNameTestsThatThereAre(t *testing.T) {
	t.Chdir("../..")
	all, err := layers()
	if err != nil {
		t.Fatal(err)
	}
	fuzzed := 0
	for _, l := range all {
		if strings.HasPrefix(l.name, "fuzz ") {
			fuzzed += l.targets
			continue
		}
		files, err := filepath.Glob(filepath.Join(l.dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text += string(content)
		}
		names := strings.Split(l.tests, "|")
		for _, name := range names {
			if !regexp.MustCompile(`(?m)^func ` + name + `\(`).MatchString(text) {
				t.Errorf("%s: there is no %s in %s", l.name, name, l.dir)
			}
		}
		if max(l.targets, 1) != len(names) {
			t.Errorf("%s has %d tests, and shares the time of a run by %d", l.name, len(names), l.targets)
		}
	}
	if fuzzed < 20 {
		t.Errorf("%d fuzz targets, want at least 20", fuzzed)
	}
}

// odd is a module with a test that reports and one that fails.
func odd(t *testing.T) []layer {
	t.Helper()
	t.Chdir(t.TempDir())
	code := `package odd
import ("os"; "testing"; "fmt")
func TestFine(t *testing.T) {
	fmt.Println("proof: fine: skipped: no disk")
	text := fmt.Sprintf("{\"layers\": {\"fine\": {\"runs\": 1, \"seeds\": [%s], \"counters\": {\"done\": 3}, \"fault_points\": {\"judged\": 2}}}, \"fault_points\": {\"judged\": 2}}", os.Getenv("STET_PROOF_SEED"))
	if err := os.WriteFile(os.Getenv("STET_PROOF_FILE"), []byte(text), 0o600); err != nil { t.Fatal(err) }
}
func TestBad(t *testing.T) { t.Error("went wrong") }
func TestLong(t *testing.T) { select {} }
`
	for name, text := range map[string]string{
		"go.mod": "module example.test/odd\n\ngo 1.26\n", "odd_test.go": code, "docs/guarantees.md": "# Odd\n\n" + strings.Join(sectionLines(t), "\n") + "\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return []layer{
		{name: "fine", dir: ".", tests: "^TestFine$", often: 1},
		{name: "bad", dir: ".", tests: "^TestBad$", often: 1},
		{name: "long", dir: ".", tests: "^TestLong$", often: 1},
	}
}

// sectionLines are those that the page must have.
func sectionLines(t *testing.T) []string {
	t.Helper()
	_, err := proof.Page("", proof.New(), proof.New())
	if err == nil {
		t.Fatal("an empty page was taken")
	}
	return regexp.MustCompile(`<!--.*?-->`).FindAllString(err.Error(), -1)
}

func (r *runner) fresh(t *testing.T, file string) (out *strings.Builder) {
	t.Helper()
	out = &strings.Builder{}
	*r = runner{out: &lines{to: out}, work: t.TempDir(), built: map[string]string{}, record: proof.New(), file: file, began: time.Now(), seed: 7}
	return out
}

func TestAProofRunsEachLayerAndTellsHowToRepeatWhatFailed(t *testing.T) {
	all := odd(t)
	var r runner
	out := r.fresh(t, latestProof)
	err := r.full(t.Context(), all[:2], false, 2)
	if err == nil || !strings.Contains(err.Error(), "bad: ") || !strings.Contains(err.Error(), "kills: kills is 0") {
		t.Errorf("got %v, want what failed and the bars that were missed", err)
	}
	got, err := proof.Read(latestProof)
	if err != nil {
		t.Fatal(err)
	}
	fine := got.Layers["fine"]
	if fine.Counters["done"] != 3 || len(fine.Seeds) != 1 || got.Points["judged"] != 2 || len(got.About.Failures) != 1 || len(got.About.Skipped) != 1 {
		t.Errorf("recorded %+v", got)
	}
	if command := got.About.Failures[0]; !strings.Contains(out.String(), command) || !strings.Contains(command, "STET_PROOF=full STET_PROOF_SEED=") || !strings.Contains(command, "-run '^TestBad$' ./.") {
		t.Errorf("the command to repeat it is %q, and was shown: %s", command, out)
	}
	kept, err := filepath.Glob(filepath.Join(failures, "bad-*.txt"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || !strings.Contains(string(text), "went wrong") {
		t.Errorf("kept %q, %v", text, err)
	}
	if page, err := os.ReadFile(guarantees); err != nil || !strings.Contains(string(page), "go test -count=1 -timeout 2h -run '^TestBad$'") {
		t.Errorf("the page says %q, %v", page, err)
	}
	r.forget(all[0])
	r.forget(all[1])
	if len(r.record.Layers) > 0 || len(r.record.About.Failures) > 0 || len(r.record.About.Skipped) > 0 || r.record.Points["judged"] > 0 {
		t.Errorf("not forgotten: %+v", r.record)
	}
}

func TestASoakAddsUpWhatItsRunsDid(t *testing.T) {
	all := odd(t)
	var r runner
	out := r.fresh(t, latestSoak)
	if err := r.soak(t.Context(), all[:1], 500*time.Millisecond, time.Second, false); err != nil {
		t.Fatal(err)
	}
	fine := r.record.Layers["fine"]
	if fine.Runs == 0 || fine.Counters["done"] != uint64(3*fine.Runs) || len(fine.Seeds) != fine.Runs || !strings.Contains(out.String(), "soak: fine: ") {
		t.Errorf("%+v, and %s", fine, out)
	}
	r.fresh(t, latestSoak)
	if err := r.soak(t.Context(), all[1:2], time.Hour, time.Second, true); err == nil || !strings.Contains(err.Error(), "violations") {
		t.Errorf("a failure that was to end the soak: %v", err)
	}
}

func TestAnInterruptedSoakLeavesItsSums(t *testing.T) {
	all := odd(t)
	var r runner
	out := r.fresh(t, latestSoak)
	if _, err := r.program(t.Context(), all[2]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.out = cancelling{out, cancel}
	if err := r.soak(ctx, all[2:], time.Hour, time.Second, false); err != nil {
		t.Errorf("an interrupt is no failure: %v", err)
	}
	if _, err := os.Stat(latestSoak); err != nil || !strings.Contains(out.String(), "0 failed runs") {
		t.Errorf("%v; %s", err, out)
	}
}

// cancelling cancels with the first line written.
type cancelling struct {
	*strings.Builder
	cancel context.CancelFunc
}

func (c cancelling) Write(p []byte) (int, error) {
	defer c.cancel()
	return c.Builder.Write(p)
}

func TestCommandsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Chdir("../..")
	for _, args := range [][]string{nil, {"other"}, {"full", "-only", "("}, {"soak", "-only", "nothing"}, {"soak", "-only", "mutants", "-for", "1s"}} {
		if len(args) > 0 && args[0] == "soak" && args[2] == "mutants" {
			var r runner
			r.fresh(t, "")
			if err := r.soak(t.Context(), []layer{{name: "mutants"}}, time.Second, time.Second, false); err == nil {
				t.Error("a soak of what makes no choices")
			}
			continue
		}
		if err := command(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	var out strings.Builder
	if err := command(t.Context(), []string{"list", "-only", "kills"}, &out); err != nil || !strings.Contains(out.String(), "./cmd/stet") {
		t.Errorf("%v, %s", err, &out)
	}
}
