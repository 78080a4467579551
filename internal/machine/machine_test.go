package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheMachineIsDescribed(t *testing.T) {
	f := Look()
	if f.Cores < 1 || f.OS != runtime.GOOS || f.Go == "" {
		t.Errorf("got %+v", f)
	}
	if runtime.GOOS == "linux" && (f.Kernel == "" || f.MemoryBytes < 1<<20) {
		t.Errorf("got %+v; want kernel and memory", f)
	}
}

func TestSyncsAreMeasuredAndLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	median, p99, err := SyncLatency(dir)
	if err != nil || median <= 0 || p99 < median {
		t.Errorf("got %v, %v, %v", median, p99, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if _, _, err := SyncLatency(dir + "/none"); err == nil {
		t.Error("a directory that is not there was measured")
	}
}

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("other systems tell nothing")
	}
}

func TestWhatThisProcessUsesGrows(t *testing.T) {
	onLinux(t)
	before := Self()
	for began := time.Now(); time.Since(began) < 50*time.Millisecond; { // burns processor time
	}
	if now := Self(); now.CPU <= before.CPU || now.MemoryBytes <= 0 || now.PeakBytes < now.MemoryBytes || now.Switches < before.Switches {
		t.Errorf("%+v, then %+v", before, now)
	}
}

func TestAProcessIsSeenWithItsDescendants(t *testing.T) {
	onLinux(t)
	// A shell that waits for another one, which says that it is there.
	cmd := exec.Command("sh", "-c", `sh -c 'echo there; read line' <&0; true`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if n := len(tree(cmd.Process.Pid)); n != 2 {
		t.Errorf("%d processes; want 2", n)
	}
	if u := Used(cmd.Process.Pid); u.MemoryBytes <= 0 {
		t.Errorf("got %+v; want memory", u)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if u := Used(cmd.Process.Pid); u != (Process{}) {
		t.Errorf("a process that has ended used %+v", u)
	}
}

func TestSleepEndsInTime(t *testing.T) {
	began := time.Now()
	Sleep(2 * time.Millisecond)
	Sleep(-time.Second)
	if d := time.Since(began); d < time.Millisecond {
		t.Errorf("slept %v", d)
	}
}

func TestTheFilesOfADirectoryAreAddedUp(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a.log": 10, "b.sst": 20, filepath.Join("below", "c.sst"): 30} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := Size(dir, nil); got != (Tree{Bytes: 60, Files: 3}) {
		t.Errorf("all: %+v", got)
	}
	tables := func(name string) bool { return filepath.Ext(name) == ".sst" }
	if got := Size(dir, tables); got != (Tree{Bytes: 50, Files: 2}) {
		t.Errorf("tables: %+v", got)
	}
	if got := Size(filepath.Join(dir, "none"), nil); got != (Tree{}) {
		t.Errorf("a directory that is not there has %+v", got)
	}
}

func TestFreeSpaceIsKnown(t *testing.T) {
	onLinux(t)
	if free, err := FreeBytes(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("got %d, %v", free, err)
	}
	if _, err := FreeBytes(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that is not there has free space")
	}
}
