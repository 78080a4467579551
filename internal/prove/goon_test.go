package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/proof"
)

// commit commits what is in the directory.
func commit(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "--all"},
		{"-c", "user.name=a", "-c", "user.email=a@b.ch", "-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "--message=next"},
	} {
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
}

// goesOn begins a run of some layers, and gives what it begins with.
func goesOn(t *testing.T, seed uint64) (r proof.Record, said string) {
	t.Helper()
	var out strings.Builder
	err := withRunner(&out, latestProof, seed, true, func(run *runner) error {
		r = run.record
		return errors.Join(run.save(), removed(guarantees), os.WriteFile(guarantees, []byte("changed\n"+strings.Join(sectionLines(t), "\n")+"\n"), 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, out.String()
}

// A record says of all its layers that they were run at its commit.
func TestAProofGoesOnOnlyWithARecordOfTheSameCommit(t *testing.T) {
	odd(t)
	commit(t)
	first, _ := goesOn(t, 5)
	first.Layers["fine"] = proof.Layer{Runs: 1, Counters: proof.Counters{"done": 3}}
	first.Points["judged"] = 2
	keep := func() {
		t.Helper()
		if err := first.Write(latestProof); err != nil {
			t.Fatal(err)
		}
	}

	keep()
	r, said := goesOn(t, 6)
	if r.Layers["fine"].Counters["done"] != 3 || r.About.Seed != 5 || r.About.Began != first.About.Began || strings.Contains(said, "begun anew") {
		t.Errorf("of the same commit: %+v, %s", r, said)
	}

	dropped := func(what string) {
		t.Helper()
		keep()
		r, said := goesOn(t, 6)
		if len(r.Layers) > 0 || len(r.Points) > 0 || r.About.Seed != 6 || !strings.Contains(said, "begun anew") {
			t.Errorf("%s: %+v, %s", what, r, said)
		}
	}
	if err := os.WriteFile("more_test.go", []byte("package odd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dropped("with changes that are in no commit")
	first.About.Commit += dirty
	dropped("with perhaps other changes than before")
	commit(t)
	first.About.Commit = strings.TrimSuffix(first.About.Commit, dirty)
	dropped("of another commit")
	first.About = here()
	first.About.Cores++
	dropped("of another machine")
	if err := os.RemoveAll(".git"); err != nil {
		t.Fatal(err)
	}
	first.About = here()
	dropped("without a commit")
}
