package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/prooftest"
)

// sized is a file system of a size in MiB.
type sized struct {
	kind disktest.Kind
	mib  int
}

// powerless are the file systems whose power is cut; they lie in sparse files.
var powerless = []sized{{disktest.Ext4, 300}, {disktest.XFS, 400}}

// I1, I2 with the real server on real file systems: the power goes, under load,
// again and again, and everything that was acknowledged is there.
func TestNothingAcknowledgedIsLostByPowerCuts(t *testing.T) {
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 6, Goal: 12, Box: 10 * time.Second},
		prooftest.Work{Floor: 300, Goal: 300})
	seed := prooftest.Seed(t)
	disks := cuttable(t, "power-cuts")
	count := prooftest.Counters{"lost": 0}
	perDisk := min(livesOfAStore, max(work.Floor/len(disks), 1))
	for cuts, turn := 0, 0; work.More(cuts); turn++ {
		on := disks[turn%len(disks)]
		disk := disktest.New(t, on.kind, on.mib)
		l := newLives(disk.Dir, seed, cuts)
		for n := 0; n < perDisk && work.More(cuts); n++ {
			l.live(t, cutPower(disk))
			cuts++
			count[fmt.Sprintf("%s_cuts", on.kind)]++
		}
		l.end(t, count)
		count["cuts"] = uint64(cuts)
		if err := disk.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	work.Check(t, "power cuts", int(count["cuts"]))
	work.Report(t, "power-cuts", seed, count, nil)
}

// cuttable are the file systems that this machine has; without any the test is
// skipped. It tells what is missing to the layer.
func cuttable(t *testing.T, layer string) (disks []sized) {
	t.Helper()
	var missing error
	for _, d := range powerless {
		if why := disktest.Missing(t, d.kind); why != "" {
			fmt.Fprintf(os.Stdout, "proof: %s: skipped: %s\n", layer, why)
			missing = errors.Join(missing, errors.New(why))
			continue
		}
		disks = append(disks, d)
	}
	if len(disks) == 0 {
		t.Skip(missing)
	}
	return disks
}

// cutPower brings a server down by cutting the power of its disk, and mounts
// the disk again.
func cutPower(disk *disktest.Disk) func(*testing.T, *daemon) {
	return func(t *testing.T, d *daemon) {
		t.Helper()
		if err := errors.Join(disktest.Halt(d.cmd.Process.Pid), disk.CutPower()); err != nil {
			t.Fatal(err)
		}
		killed(t, d)
		if err := errors.Join(disk.Unmount(), disk.Mount()); err != nil {
			t.Fatal(err)
		}
	}
}

// The test above can fail: a server that acknowledges without a sync loses
// acknowledged events in the same cuts.
func TestWithoutSyncsPowerCutsLoseWhatWasAcknowledged(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 2, Goal: 2}, prooftest.Work{Floor: 20, Goal: 20})
	seed := prooftest.Seed(t)
	disks := cuttable(t, "power-cuts-without-sync")
	program := filepath.Join(t.TempDir(), "stet")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "mutants", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build a server with faults: %v\n%s", err, out)
	}
	count := prooftest.Counters{}
	// A cut may come when all was synced by chance.
	for cuts := 0; work.More(cuts) || count["lost"] == 0 && cuts < 20; cuts++ {
		on := disks[cuts%len(disks)]
		disk := disktest.New(t, on.kind, on.mib)
		l := newLives(disk.Dir, seed, cuts)
		l.program, l.env, l.shown = program, append(os.Environ(), "STET_MUTANT=no-sync"), 0
		l.live(t, cutPower(disk))
		l.end(t, count)
		if l.lost > 0 {
			count["cuts_that_lost"]++
		}
		count["cuts"]++
		if err := disk.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if count["lost"] == 0 {
		t.Error("nothing was lost, so the test of power cuts notices nothing")
	}
	work.Report(t, "power-cuts-without-sync", seed, count, nil)
}
