package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage/embedded"
)

// Sizes in MiB.
const (
	smallDisk  = 384
	smallFloor = 96 // of which a quarter is ballast
	smallLeft  = 80
)

// others is the file that takes the room away.
const others = "others"

// I8 with the real server on real file systems: others take the room away.
// First some of it: appends are refused before the disk is full, reads go on,
// and appends go on by themselves when there is room. Then all of it, to the
// last block: the server refuses, or ends in order. Nothing that was
// acknowledged is lost, and with room again everything is as it was.
func TestAFullDiskLosesNothingAndIsLeftBehindByItself(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 2, Goal: 2}, prooftest.Work{Floor: 40, Goal: 40})
	seed := prooftest.Seed(t)
	count := prooftest.Counters{"lost": 0}
	kinds := []disktest.Kind{disktest.Ext4, disktest.Tmpfs}
	for _, k := range kinds {
		if why := disktest.Missing(t, k); why != "" {
			fmt.Fprintf(os.Stdout, "proof: full-disk: skipped: %s\n", why)
			t.Skip(why)
		}
	}
	for n := 0; work.More(n); n++ {
		disk := disktest.New(t, kinds[n%len(kinds)], smallDisk)
		f := &filling{lives: newLives(disk.Dir, seed, n), disk: disk, count: count}
		f.args = []string{"--disk-floor", strconv.Itoa(smallFloor)}
		f.fillAndClear(t)
		f.end(t, count)
		count["disks_filled"]++
		if err := disk.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	work.Check(t, "full disks", int(count["disks_filled"]))
	work.Report(t, "full-disk", seed, count, nil)
}

// filling is a store on a disk that others fill.
type filling struct {
	*lives
	disk  *disktest.Disk
	count prooftest.Counters
}

func (f *filling) fillAndClear(t *testing.T) {
	t.Helper()
	d := f.start(t)
	ended := f.load(t, d)
	f.ledger.await(1 + f.rnd.IntN(500))
	f.awaitBallast()
	f.lessThanTheFloor(t, d)
	f.clear(t)
	f.ledger.await(100) // by themselves
	f.nothingLeft(t, d, ended)
	d.remove()
	f.verify(t)
	f.startFull(t)
	f.clear(t)
}

// awaitBallast waits, while there is room and load, until the server has looked
// at the disk and taken its ballast.
func (f *filling) awaitBallast() {
	for loading := true; loading; {
		if _, err := os.Stat(f.ballast()); err == nil {
			return
		}
		f.ledger.await(20)
		f.ledger.change(func() { loading = f.ledger.loading })
	}
}

// startFull starts the server while there is no room: it serves what is there,
// or says why not.
func (f *filling) startFull(t *testing.T) {
	t.Helper()
	d, err := startDaemonNamed(f.program, f.dir, f.env, f.args...)
	if err != nil {
		if !strings.Contains(err.Error(), "make room") {
			t.Error(err)
		}
		f.count["full_starts_refused"]++
		return
	}
	t.Cleanup(d.remove)
	f.check(t, d)
	f.code(t, d, d.end(syscall.SIGTERM))
	d.remove()
	f.count["full_starts"]++
}

// lessThanTheFloor leaves room, but less than the floor.
func (f *filling) lessThanTheFloor(t *testing.T, d *daemon) {
	t.Helper()
	free, err := f.disk.Free()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.disk.Take(others, free-smallLeft<<20); err != nil {
		t.Fatal(err)
	}
	f.ledger.awaitRefused(2000)
	f.check(t, d) // reads go on
	if free, err := f.disk.Free(); free == 0 || err != nil {
		t.Errorf("the disk is full, %v", err)
	}
	f.refusedForRoom(t, d)
	// Its tables may need more than what is left, and the ballast is for that.
	if _, err := os.Stat(f.ballast()); err != nil && !strings.Contains(d.log(), "the ballast was given up") {
		t.Errorf("there is no ballast (%v), and the log does not say why: %s", err, d.log())
	}
}

// refusedForRoom checks that this was the reason of each refusal, and that not
// each of them has its line in the log.
func (f *filling) refusedForRoom(t *testing.T, d *daemon) {
	t.Helper()
	f.ledger.change(func() {
		for _, err := range f.ledger.refused {
			if client.Reason(err) != "DISK_FLOOR" {
				t.Fatalf("an append was refused with %v", err)
			}
		}
		f.count["refused"] += uint64(len(f.ledger.refused))
		f.ledger.refused = nil
	})
	if lines := strings.Count(d.log(), "\n"); lines > 200 {
		t.Errorf("%d lines in the log: %s", lines, d.log())
	}
}

// nothingLeft fills the disk under load until there is no block left and the
// server has given up its ballast, or has ended because a commit could not be
// synced.
func (f *filling) nothingLeft(t *testing.T, d *daemon, ended <-chan error) {
	t.Helper()
	for gone := false; !gone && !f.full(t); {
		if err := f.disk.Fill(others); err != nil {
			t.Fatal(err)
		}
		f.ledger.change(func() { gone = !f.ledger.loading })
	}
	a, err := f.ledger.audit(d.addr)
	if err == nil {
		f.judge(t, a) // reads go on
	}
	code := f.code(t, d, d.end(syscall.SIGTERM))
	switch {
	case code == embedded.ExitFailedSync:
		f.count["ended_with_70"]++
	case err != nil:
		t.Errorf("the server ended with %d while it was read: %v", code, err)
	default:
		f.count["went_on"]++
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (f *filling) full(t *testing.T) bool {
	t.Helper()
	free, err := f.disk.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(f.ballast())
	return free == 0 && errors.Is(err, os.ErrNotExist)
}

// code is how a server ended on a full disk: as it was told, or because a
// commit could not be synced. Its log tells it in few words.
func (f *filling) code(t *testing.T, d *daemon, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != embedded.ExitFailedSync) {
		t.Errorf("the server ended with %v", err)
	}
	if lines := strings.Count(d.log(), "\n"); lines > 200 {
		t.Errorf("%d lines in the log: %s", lines, d.log())
	}
	return d.cmd.ProcessState.ExitCode()
}

func (f *filling) clear(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(f.dir, others)); err != nil {
		t.Fatal(err)
	}
}

func (f *filling) ballast() string { return filepath.Join(f.dir, "data", "stet-ballast") }
