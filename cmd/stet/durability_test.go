package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage/embedded"
)

// I1 with the real server and the real disk: it is killed under pipelined load,
// again and again.
func TestNothingAcknowledgedIsLostByKills(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 8, Goal: 8}, prooftest.Work{Floor: 500, Goal: 500})
	seed := prooftest.Seed(t)
	count := prooftest.Counters{"lost": 0}
	for kills := 0; work.More(kills); {
		l := newLives(t.TempDir(), seed, kills)
		for range livesOfAStore {
			l.live(t, killed)
			if kills++; !work.More(kills) {
				break
			}
		}
		l.end(t, count)
		count["kills"] = uint64(kills)
	}
	work.Check(t, "kills", int(count["kills"]))
	work.Report(t, "kills", seed, count, nil)
}

// I11 with the real process: each append in flight is answered, and no call is
// cut off.
func TestSIGTERMUnderLoadLosesNothingAndEndsInTime(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 4, Goal: 4}, prooftest.Work{Floor: 200, Goal: 200})
	seed := prooftest.Seed(t)
	count := prooftest.Counters{"lost": 0}
	for drains := 0; work.More(drains); {
		l := newLives(t.TempDir(), seed, drains)
		l.args = []string{"--drain-timeout", "20s"}
		for range livesOfAStore {
			l.live(t, drained)
			if drains++; !work.More(drains) {
				break
			}
		}
		l.end(t, count)
		count["drains"] = uint64(drains)
	}
	work.Check(t, "drains", int(count["drains"]))
	work.Report(t, "drains", seed, count, nil)
}

// killed is the end by kill -9.
func killed(t *testing.T, d *daemon) {
	t.Helper()
	if err := d.end(syscall.SIGKILL); err == nil {
		t.Fatal("the server survived")
	}
}

// drained is the end in order.
func drained(t *testing.T, d *daemon) {
	t.Helper()
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if log := d.log(); strings.Contains(log, "cut") {
		t.Errorf("calls were cut instead of drained: %s", log)
	}
}

// mainOnAFailingDisk is main with a disk that fails the sync of the engine's
// log once the file fail-now is there.
func mainOnAFailingDisk() {
	fileSystem = errorfs.Wrap(vfs.Default, failNow{})
	main()
}

type failNow struct{}

func (failNow) String() string { return "fail now" }

func (failNow) MaybeError(op errorfs.Op) error {
	isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	if !isSync || !strings.HasSuffix(op.Path, ".log") {
		return nil
	}
	if _, err := os.Stat("fail-now"); err == nil {
		return errors.New("injected: the disk does not answer")
	}
	return nil
}

// S8 of the issue, with the real process: the waiting caller learns that the
// outcome is unknown, the process ends with its own code, and what is started
// again is clean.
func TestAFailedSyncEndsTheProcessWithItsOwnCode(t *testing.T) {
	dir := t.TempDir()
	d, err := startDaemonNamed("stet-on-a-failing-disk", dir, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.remove)
	api, err := client.Dial(d.addr, client.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	add := func(stream string) error {
		_, err := api.Append(context.Background(), client.Append{Stream: stream, Expect: client.NoStream(), Events: []client.Event{{Type: "T", JSON: "{}"}}})
		return err
	}
	if err := add("before-1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fail-now"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = add("doubtful-1")
	var unknown *client.OutcomeUnknown
	if !errors.As(err, &unknown) || client.Reason(err) != "OUTCOME_UNKNOWN" {
		t.Errorf("the waiting caller got %v", err)
	}
	var exit *exec.ExitError
	if err := d.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != embedded.ExitFailedSync {
		t.Errorf("the process ended with %v: %s", err, d.log())
	}
	if err := api.Close(); err != nil {
		t.Error(err)
	}
	out, err := stet(t, dir, os.Environ(), "verify")
	if err != nil {
		t.Errorf("%s %v", out, err)
	}
	if err := os.Remove(filepath.Join(dir, "fail-now")); err != nil {
		t.Fatal(err)
	}
	again, env := startServer(t, dir)
	if out, err := stet(t, dir, env, "read", "before-1"); err != nil || !strings.Contains(out, "before-1@1") {
		t.Errorf("%s %v", out, err)
	}
	if err := again.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
