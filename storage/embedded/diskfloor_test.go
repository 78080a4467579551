package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

const mib = 1 << 20

// smallDisk says how much space is free.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func newSmallDisk(mibFree uint64) *smallDisk {
	d := &smallDisk{FS: vfs.NewMem()}
	d.free.Store(mibFree * mib)
	return d
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

// become is another free space, which the store has seen when it returns. In a
// bubble of virtual time.
func (d *smallDisk) become(free uint64) {
	d.free.Store(free)
	time.Sleep(diskFloorEvery) //nolint:forbidigo // of the bubble
	synctest.Wait()
}

func (d *smallDisk) hasBallast() bool {
	_, err := d.Stat("data/" + ballastName)
	return err == nil
}

// I8, as far as the floor goes: appends are refused, reads go on, and appends
// go on by themselves when there is a sixteenth more than the floor.
func TestAppendsStopAtTheDiskFloorAndGoOnByThemselves(t *testing.T) {
	synctest.Test(t, appendsStopAtTheDiskFloor)
}

func appendsStopAtTheDiskFloor(t *testing.T) {
	disk := newSmallDisk(1000)
	s, err := Open("data", Options{FS: disk, DiskFloorBytes: 160 * mib})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	append1 := func() error {
		_, err := s.Append(ctx, testAppend(t, "a", storage.ExpectAny()))
		return err
	}
	disk.become(160 * mib)
	if err := append1(); err != nil {
		t.Errorf("append at the floor: %v", err)
	}
	disk.become(160*mib - 1)
	var floor *storage.DiskFloorError
	if err := append1(); !errors.As(err, &floor) || floor.Free != 160*mib-1 || floor.Floor != 170*mib {
		t.Errorf("append below the floor: %v", err)
	}
	submitted := make(chan error, 1)
	if err := s.Submit(ctx, testAppend(t, "a", storage.ExpectAny()), func(_ storage.Appended, err error) { submitted <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-submitted; !errors.As(err, &floor) {
		t.Errorf("submit below the floor: %v", err)
	}
	for _, err := range s.ReadAll(ctx, storage.AllRange{}) {
		if err != nil {
			t.Errorf("reading below the floor: %v", err)
		}
	}
	disk.become(170*mib - 1)
	if err := append1(); !errors.As(err, &floor) {
		t.Errorf("append with hardly more room: %v", err)
	}
	disk.become(170 * mib)
	if err := append1(); err != nil {
		t.Errorf("append with room again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// The ballast is there while there is room, is given up when the disk is full
// but for less than it, and is taken again; the floor keeps its room meanwhile.
// Each is told once.
func TestTheBallastIsGivenUpOnAFullDiskAndTakenAgain(t *testing.T) {
	synctest.Test(t, ballastIsGivenUpAndTaken)
}

func ballastIsGivenUpAndTaken(t *testing.T) {
	disk := newSmallDisk(199)
	var told bytes.Buffer
	s, err := Open("data", Options{FS: disk, DiskFloorBytes: 160 * mib, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		free uint64
		want bool
	}{{199, false}, {200, true}, {160, true}, {40, true}, {39, false}, {0, false}, {39, false}, {199, false}, {200, true}} {
		for range 3 {
			disk.become(step.free * mib)
		}
		if disk.hasBallast() != step.want {
			t.Errorf("with %d MiB free there is a ballast: %v, want %v", step.free, !step.want, step.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"the ballast was given up", "too little disk space", "free again"} {
		if n := strings.Count(told.String(), line); n != 1 {
			t.Errorf("%q was told %d times: %s", line, n, told.String())
		}
	}
	// Left there, it is room for the next opening.
	disk.free.Store(79 * mib)
	s, err = Open("data", Options{FS: disk, DiskFloorBytes: 160 * mib})
	if err != nil {
		t.Fatal(err)
	}
	if disk.hasBallast() {
		t.Error("the ballast was not given up for the opening")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Without room an opening would try again without end; it says so instead, and
// what was there is there when there is room.
func TestAnOpeningWithoutRoomIsRefused(t *testing.T) {
	disk := newSmallDisk(1000)
	s, err := Open("data", Options{FS: disk, DiskFloorBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), testAppend(t, "a-1", storage.ExpectNoStream())); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	disk.free.Store(mib - 1)
	if _, err := Open("data", Options{FS: disk}); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("opening on a full disk: %v", err)
	}
	disk.free.Store(1000 * mib)
	s, err = Open("data", Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stream(context.Background(), "a-1", s.Head()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
