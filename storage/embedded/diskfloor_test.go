package embedded

import (
	"context"
	"errors"
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
