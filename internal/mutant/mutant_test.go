package mutant_test

import (
	"bytes"
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/internal/prooftest"
)

// noticing is the test that must fail when a fault is built in.
type noticing struct {
	name mutant.Name
	// dir is the package, test the test in it.
	dir, test string
	// quick: also in the checks of every change.
	quick bool
}

const (
	powerCuts = "TestNothingThatAnybodyKnewOfIsLostInAPowerCut"
	badDisks  = "TestNothingIsLostWhicheverOperationOfTheDiskFails"
	linear    = "TestWhatClientsAreToldIsLinearizable"
	commits   = "TestNothingIsShownOfACommitWhoseSyncFails"
	edges     = "TestEachEventIsDeliveredOnceAtEveryInterleavingOfTwoWrites"
)

var table = []noticing{
	{mutant.NoSync, "storage/embedded", powerCuts, true},
	{mutant.AnswerEarly, "storage/embedded", powerCuts, true},
	{mutant.PublishEarly, "storage/embedded", powerCuts, true},
	{mutant.BatchSplit, "storage/embedded", powerCuts, true},
	{mutant.RefusalEarly, "storage/embedded", powerCuts, false},
	{mutant.ReplayEarly, "storage/embedded", powerCuts, false},
	{mutant.RequestRowApart, "storage/embedded", powerCuts, false},
	{mutant.TimeMayFall, "storage/embedded", powerCuts, false},
	{mutant.SyncWaitIgnored, "storage/embedded", badDisks, false},
	{mutant.SyncErrorIgnored, "storage/embedded", badDisks, true},
	{mutant.RetryAnyContent, "storage/embedded", "TestTheStoreFulfilsThePort", true},
	{mutant.IndexRowLost, "storage/embedded", powerCuts, false},
	{mutant.NameUnlearned, "storage/embedded", "TestTheStoreFulfilsThePort", true},
	{mutant.NamesHalfLearned, "storage/embedded", powerCuts, false},
	{mutant.DiskFloorOff, "storage/embedded", "TestAppendsStopAtTheDiskFloorAndGoOnByThemselves", true},
	{mutant.StreamUncapped, "storage/embedded", commits, true},
	{mutant.PositionEarly, "client", linear, false},
	{mutant.StagedIgnored, "client", linear, false},
	{mutant.RetryForgotten, "client", linear, false},
	{mutant.StaleHintTrusted, "storage/sequencer", "TestValuesReadAheadAreUsedOnlyWhenStillTrue", true},
	{mutant.QueueUnbounded, "storage/sequencer", "TestAFullQueueRefusesAppendAndHoldsSubmitBack", false},
	{mutant.LeaderUncounted, "storage/sequencer", "TestNobodyLeadsWhileWhoWritesIsNotDone", true},
	{mutant.CatchUpEdge, "replay/cursor", edges, true},
	{mutant.LiveDropsOne, "replay/cursor", edges, true},
	{mutant.BehindSkips, "replay/cursor", edges, true},
	{mutant.ProgressIsHead, "replay/cursor", "TestStartsWhereAsked", true},
	{mutant.HoleIsEnd, "storage/pebblestore", "TestReadingMeetsDamageAsAnError", false},
	{mutant.FormatOldest, "storage/pebblestore", "TestTheFormatIsPinned", false},
	{mutant.SumsOff, "storage/pebblestore", "TestNoDamageOfAFileIsSilent", false},
	{mutant.ChecksumUnchecked, "storage/record", "TestEveryChangeOfASealedEventIsDetected", true},
	{mutant.FilterAfterLimit, "server", "TestReadsAnswerEveryQuestionAsThePlainWordsSay", false},
	{mutant.SnapshotOfAnyRules, "replay/aggregate", "TestNoAnswerOfAnyExampleDependsOnSnapshots", true},
	{mutant.DrainForgets, "server", "TestADrainAnswersWhatAPipelineTook", false},
}

// The table is about every fault, and every fault is built in somewhere.
func TestTheTableHasEveryFault(t *testing.T) {
	if len(table) < 20 {
		t.Errorf("%d faults, want at least 20", len(table))
	}
	file, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[mutant.Name]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok {
			name, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			declared[mutant.Name(name)] = true
		}
		return true
	})
	for _, row := range table {
		if !declared[row.name] {
			t.Errorf("%s is in the table twice, or is no fault", row.name)
		}
		delete(declared, row.name)
		if !hasTest(t, row.dir, row.test) {
			t.Errorf("%s: there is no %s in %s", row.name, row.test, row.dir)
		}
	}
	for name := range declared {
		t.Errorf("no test is named that notices %s", name)
	}
	if mutant.On("") && os.Getenv("STET_MUTANT") != "" {
		t.Error("a fault is built in without a name")
	}
}

func hasTest(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte("func "+test+"("))
	})
}

// With STET_MUTANTS=all each fault, with quick about half of them, otherwise the
// one of that name, is built in and must make its test fail, which without it
// passes. By itself none is: that takes minutes.
func TestEveryFaultIsNoticed(t *testing.T) {
	level := os.Getenv("STET_MUTANTS")
	if level == "" {
		t.Skip("set STET_MUTANTS to all, quick, or a fault's name, as make mutants does")
	}
	work := prooftest.Choose(t, prooftest.Work{}, prooftest.Work{})
	programs := map[string]string{}
	count := prooftest.Counters{}
	sound := map[string]bool{}
	for _, row := range table {
		if level == "quick" && !row.quick || level != "quick" && level != "all" && level != string(row.name) {
			continue
		}
		if programs[row.dir] == "" {
			programs[row.dir] = built(t, row.dir)
		}
		if !sound[row.dir+row.test] {
			sound[row.dir+row.test] = true
			if output, err := run(t, programs[row.dir], row, ""); err != nil {
				t.Fatalf("%s fails without a fault: %v\n%s", row.test, err, output)
			}
		}
		began := time.Now()
		output, err := run(t, programs[row.dir], row, row.name)
		if err == nil {
			t.Errorf("%s is not noticed by %s in %s\n%s", row.name, row.test, row.dir, output)
			continue
		}
		if why := saysNothing(output); why != "" {
			t.Errorf("the run of %s with %s failed and tells nothing of the fault: %s\n%s", row.test, row.name, why, output)
			continue
		}
		count["faults_noticed"]++
		t.Logf("%-20s noticed by %s in %v: %s", row.name, row.test, time.Since(began).Round(time.Millisecond), firstComplaint(output))
	}
	if count["faults_noticed"] == 0 {
		t.Errorf("no fault was noticed; is there one called %s?", level)
	}
	work.Report(t, "mutants-"+level, 0, count, nil)
}

// built is the test program of a package with the faults in it.
func built(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "test")
	c := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "mutants", "-o", program, "./"+dir)
	c.Dir = "../.."
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build the tests of %s: %v\n%s", dir, err, output)
	}
	return program
}

func run(t *testing.T, program string, row noticing, name mutant.Name) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, "-test.run=^"+row.test+"$", "-test.timeout=170s", "-test.failfast")
	c.Dir = workplace(t, row.dir)
	c.Env = append(os.Environ(), "STET_MUTANT="+string(name), "STET_PROOF=", "STET_PROOF_FILE=", "STET_PROOF_SEED=")
	c.WaitDelay = 10 * time.Second
	output, err := c.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s with %q did not end", row.test, name)
	}
	return string(output), err
}

// workplace is a directory for what a failing test writes down. The examples
// are where they are from the package's own directory.
func workplace(t *testing.T, dir string) string {
	t.Helper()
	root := t.TempDir()
	examples, err := filepath.Abs("../../examples")
	if err == nil {
		err = errors.Join(os.Symlink(examples, filepath.Join(root, "examples")), os.MkdirAll(filepath.Join(root, dir), 0o750))
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, dir)
}
