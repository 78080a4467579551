package machine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
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
	if u := Used(cmd.Process.Pid); u.MemoryBytes <= 0 || u.Switches <= 0 {
		t.Errorf("got %+v; want memory and switches", u)
	}
	if u := Spent(cmd.Process.Pid); u.MemoryBytes != 0 || u.PeakBytes != 0 || u.Switches <= 0 {
		t.Errorf("spent %+v; want switches and no memory", u)
	}
	if u := Used(cmd.Process.Pid); u.CPU%(time.Second/ticksPerSecond) == 0 && exactly(cmd.Process.Pid) > 0 {
		t.Errorf("%v of processor time: cut off at ticks", u.CPU)
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

func TestADiskTellsWhatWasWrittenToIt(t *testing.T) {
	dir := t.TempDir()
	stat := filepath.Join(dir, "stat")
	if err := os.WriteFile(stat, []byte("     136        0     8864  33   7  5   4000     12        0       40       45\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := diskAt(dir)
	if got, known := d.WrittenBytes(); got != 4000*512 || !known || d.Name != filepath.Base(dir) {
		t.Errorf("%q: %d, %v; want 4000 sectors", d.Name, got, known)
	}
	if err := os.WriteFile(stat, []byte("136 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, known := d.WrittenBytes(); known {
		t.Error("a device that tells less is known")
	}
	if d := diskAt(filepath.Join(dir, "none")); d != (Disk{}) {
		t.Errorf("got %+v of a device that is not there", d)
	}
	if d := DiskOf(filepath.Join(dir, "none")); d != (Disk{}) {
		t.Errorf("got %+v of a directory that is not there", d)
	}
}

func TestWhatASyncWritesReachesTheDisk(t *testing.T) {
	onLinux(t)
	dir := t.TempDir()
	d := DiskOf(dir)
	before, known := d.WrittenBytes()
	if !known {
		t.Skip("the directory for temporary files has no device")
	}
	const size = 4 << 20
	if err := os.WriteFile(filepath.Join(dir, "file"), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	WriteBack()
	if after, _ := d.WrittenBytes(); after-before < size {
		t.Errorf("%d bytes were written to %s; want %d at least", after-before, d.Name, size)
	}
}

func TestAwaitingQuietEndsWithTheWorkOrTheTime(t *testing.T) {
	onLinux(t)
	quiet := exec.Command("cat")
	in, err := quiet.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := quiet.Start(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := AwaitQuiet(t.Context(), quiet.Process.Pid, time.Minute, nil); !ok || err != nil {
		t.Errorf("a process that does nothing: quiet %v, %v", ok, err)
	}
	in.Close()
	if err := quiet.Wait(); err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	working, stop := context.WithCancel(t.Context())
	defer stop()
	for range 2 * runtime.NumCPU() {
		tasks.Go(func() {
			for working.Err() == nil { // burns processor time
			}
		})
	}
	told := 0
	took, ok, err := AwaitQuiet(t.Context(), os.Getpid(), 1500*time.Millisecond, func(time.Duration) { told++ })
	if ok || err != nil || took < 1500*time.Millisecond || told == 0 {
		t.Errorf("a process that works: quiet %v after %v, %v; told %d times", ok, took, err, told)
	}
	stop()
	if _, ok, err := AwaitQuiet(working, os.Getpid(), time.Minute, nil); ok || err == nil {
		t.Errorf("without time: quiet %v, %v", ok, err)
	}
}
