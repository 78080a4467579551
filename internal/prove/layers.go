package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// layer is a test, or some, that a proof runs as one.
type layer struct {
	name string
	// dir is the package, tests a regular expression of names.
	dir, tests string
	// race: also with the race detector, in a soak always.
	race bool
	// alone: its bounds are on memory or times that others beside it would spoil.
	alone bool
	// env is beside what tells the level, the seed and the file.
	env []string
	// often is how often a soak chooses it; 0: never, it has no choices.
	often int
	// targets is how many tests of this layer take the time of a soak's run one
	// after the other.
	targets int
}

// layers are all of them. The letters of the invariants that each holds are in
// docs/guarantees.md.
func layers() ([]layer, error) {
	out := []layer{
		{name: "model", dir: "storage/embedded", tests: "TestTheStoreAnswersAsTheModelDoes|TestACrashedStoreAnswersAsTheModelDoes|TestWhereBatchesEndChangesNoAnswer", race: true, often: 3, targets: 3},
		{name: "crash-schedules", dir: "storage/embedded", tests: "TestNothingThatAnybodyKnewOfIsLostInAPowerCut", race: true, often: 4},
		{name: "disk-fault-sweep", dir: "storage/embedded", tests: "TestNothingIsLostWhicheverOperationOfTheDiskFails", often: 2},
		{name: "damage", dir: "storage/pebblestore", tests: "TestNoDamageOfAFileIsSilent|TestWithoutChecksumsDamageIsSilent|TestAPowerCutIsNoDamage", often: 3, targets: 3},
		{name: "linearizability", dir: "client", tests: "TestWhatClientsAreToldIsLinearizable", race: true, often: 4},
		{name: "deliveries", dir: "client", tests: "TestEveryDeliveryIsAskedForInOrderOnceAndNoneIsMissing", often: 3},
		{name: "kills", dir: "cmd/stet", tests: "TestNothingAcknowledgedIsLostByKills", often: 3},
		{name: "drains", dir: "cmd/stet", tests: "TestSIGTERMUnderLoadLosesNothingAndEndsInTime", often: 2},
		{name: "power-cuts", dir: "cmd/stet", tests: "TestNothingAcknowledgedIsLostByPowerCuts|TestWithoutSyncsPowerCutsLoseWhatWasAcknowledged", often: 2, targets: 2},
		{name: "full-disk", dir: "cmd/stet", tests: "TestAFullDiskLosesNothingAndIsLeftBehindByItself", often: 2},
		{name: "virtual-time", dir: "storage/embedded", tests: "TestRecordedTimeNeverFallsWhateverTheClockDoes|TestARequestIDIsKnownForItsWindowAndNotLonger", race: true, often: 1, targets: 2},
		{name: "virtual-clients", dir: "server", tests: "TestTimeEndsWhatClientsDoNot|TestSubscriptionsLastForHoursOfSilence", race: true, often: 1, targets: 2},
		{name: "hostile-clients", dir: "server", tests: "TestHostileClientsHinderNobody", alone: true, often: 1},
		{name: "dead-subscribers", dir: "server", tests: "TestAppendsBesideDeadSubscribersAreMeasured", alone: true, often: 1},
		{name: "snapshots", dir: "replay/aggregate", tests: "TestNoAnswerOfAnyExampleDependsOnSnapshots", often: 3},
	}
	fuzzing, err := fuzzLayers(".")
	if err != nil {
		return nil, err
	}
	out = append(out, fuzzing...)
	return append(out, layer{name: "mutants", dir: "internal/mutant", tests: "TestEveryFaultIsNoticed", env: []string{"STET_MUTANTS=all"}}), nil
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzLayers are the packages that have fuzz targets.
func fuzzLayers(root string) ([]layer, error) {
	targets := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" || d.Name() == "prooftest"):
			return filepath.SkipDir
		case d.IsDir() && path != root:
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // another module
			}
			return nil
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := len(fuzzTarget.FindAll(text, -1)); n > 0 {
			dir, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			targets[filepath.ToSlash(dir)] += n
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for fuzz targets: %w", err)
	}
	var out []layer
	for dir, n := range targets {
		out = append(out, layer{name: "fuzz " + dir, dir: dir, tests: "^Fuzz", often: 1, targets: n})
	}
	slices.SortFunc(out, func(a, b layer) int { return strings.Compare(a.name, b.name) })
	return out, nil
}
