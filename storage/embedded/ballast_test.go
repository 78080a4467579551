package embedded

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

func (d *smallDisk) hasBallast() bool {
	_, err := d.Stat("data/" + ballastName)
	return err == nil
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
}

// givingDisk is a small disk on which the ballast takes up room.
type givingDisk struct{ *smallDisk }

func (d givingDisk) Remove(name string) error {
	err := d.smallDisk.Remove(name)
	if err == nil && strings.HasSuffix(name, ballastName) {
		d.free.Add(mib)
	}
	return err
}

// closedBelowItsFloor is a store with a ballast of 1 MiB that left more than that in its
// log, and what opening it needs.
func closedBelowItsFloor(t *testing.T) (givingDisk, Options, uint64) {
	t.Helper()
	disk := givingDisk{newSmallDisk(1000)}
	o := Options{FS: disk, DiskFloorBytes: 4 * mib}
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	a := testAppend(t, "a", storage.ExpectNoStream())
	large := storage.Event{Type: "Tested", Kind: storage.PayloadBinary, Payload: make([]byte, 2*mib)}
	ev, violations := record.NewEventOf(&large, storage.Limits{EventBytes: 3 * mib}.WithDefaults())
	if violations != nil {
		t.Fatal(violations)
	}
	ev.ID = storage.EventID{2}
	a.Entries[0].Events = append(a.Entries[0].Events, ev)
	if _, err := s.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	disk.become(4*mib - 1) // so closing leaves all of it in the log
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := disk.List("data")
	needed := uint64(mib)
	for _, name := range names {
		if strings.HasSuffix(name, ".log") {
			info, statErr := disk.Stat("data/" + name)
			if err = errors.Join(err, statErr); err == nil {
				needed += uint64(info.Size())
			}
		}
	}
	if err != nil || needed < 3*mib || !disk.hasBallast() {
		t.Fatalf("opening needs %d bytes, there is a ballast: %v, %v", needed, disk.hasBallast(), err)
	}
	return disk, o, needed
}

// I8: what the logs hold may take any room to be opened, also more than twice
// the ballast; the ballast is a part of that room.
func TestTheBallastIsRoomForTheOpening(t *testing.T) {
	for what, room := range map[string]struct {
		beside       int64 // of what opening needs
		opens, given bool
	}{
		"a byte too little":               {-mib - 1, false, true},
		"just enough without the ballast": {-mib, true, true},
		"less than the ballast beside":    {mib - 1, true, true},
		"as much as the ballast beside":   {mib, true, false},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, o, needed := closedBelowItsFloor(t)
				disk.free.Store(uint64(int64(needed) + room.beside))
				var told bytes.Buffer
				o.Logger = slog.New(slog.NewTextHandler(&told, nil))
				s, err := Open("data", o)
				if strings.Contains(told.String(), "the ballast was given up") != room.given {
					t.Errorf("the ballast was given up: %v", !room.given)
				}
				// With the room of a floor it is taken again.
				if kept := !room.given || disk.free.Load() >= 5*mib; disk.hasBallast() != kept {
					t.Errorf("there is a ballast: %v", !kept)
				}
				if !room.opens {
					if err == nil || !strings.Contains(err.Error(), "make room") {
						t.Errorf("opening: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if s.Head() != 2 {
					t.Errorf("the head is %d", s.Head())
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// What is refused for the lock takes nothing from the one who holds it.
func TestWhoFindsAStoreOpenLeavesItsBallast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSmallDisk(1000)
		o := Options{FS: disk, DiskFloorBytes: 4 * mib}
		s, err := Open("data", o)
		if err != nil {
			t.Fatal(err)
		}
		disk.free.Store(0) // the open store does not look before time passes
		var locked *storage.LockedError
		if _, err := Open("data", o); !errors.As(err, &locked) {
			t.Errorf("opening a store that is open: %v", err)
		}
		if !disk.hasBallast() {
			t.Error("its ballast is gone")
		}
		disk.free.Store(1000 * mib)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A ballast that the disk fails to give or to take back is tried again at each
// look, and told once; only where the file system cannot allocate there is none.
func TestABallastIsTriedAgainUnlessTheFileSystemCannot(t *testing.T) {
	for _, fault := range []struct {
		with  error
		again bool
		told  int
	}{
		{syscall.EIO, true, 1},
		{syscall.EDQUOT, true, 1},
		{syscall.EINTR, true, 1},
		{syscall.ENOSPC, true, 0},
		{syscall.EINVAL, false, 1},
		{syscall.ENOSYS, false, 1},
		{syscall.EOPNOTSUPP, false, 1},
	} {
		t.Run(fault.with.Error(), func(t *testing.T) {
			b, disk, told := bareBallast(t)
			disk.fails = map[errorfs.OpKind]error{errorfs.OpFilePreallocate: fault.with}
			for range 3 {
				b.adjust(1000 * mib)
			}
			if n := strings.Count(told.String(), "\n"); disk.hasBallast() || n != fault.told {
				t.Errorf("there is a ballast: %v, and %d lines, want %d: %s", disk.hasBallast(), n, fault.told, told)
			}
			disk.fails = nil
			if b.adjust(1000 * mib); disk.hasBallast() != fault.again {
				t.Errorf("there is a ballast later: %v", disk.hasBallast())
			}
		})
	}
}

func TestABallastThatCannotBeSeenOrRemovedIsTakenForThere(t *testing.T) {
	b, disk, told := bareBallast(t)
	b.adjust(1000 * mib)
	disk.fails = map[errorfs.OpKind]error{errorfs.OpStat: syscall.EIO, errorfs.OpRemove: syscall.EIO, errorfs.OpCreate: syscall.EINVAL}
	for range 3 {
		b.adjust(1000 * mib)
		b.adjust(0)
	}
	if n := strings.Count(told.String(), "\n"); !disk.hasBallast() || n != 1 {
		t.Errorf("there is a ballast: %v, and %d lines, want 1: %s", disk.hasBallast(), n, told)
	}
	delete(disk.fails, errorfs.OpRemove)
	if b.adjust(0); disk.hasBallast() {
		t.Error("it was not given up when it could be")
	}
}

// failingDisk is a small disk on which kinds of operations fail.
type failingDisk struct {
	*smallDisk
	fails map[errorfs.OpKind]error
}

// bareBallast is a ballast without a store, and what it logs.
func bareBallast(t *testing.T) (*ballast, *failingDisk, *bytes.Buffer) {
	t.Helper()
	disk, told := &failingDisk{smallDisk: newSmallDisk(1000)}, new(bytes.Buffer)
	if err := disk.MkdirAll("data", 0o750); err != nil {
		t.Fatal(err)
	}
	fsys := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error { return disk.fails[op.Kind] }))
	return newBallast("data", Options{FS: fsys, DiskFloorBytes: 160 * mib, Logger: slog.New(slog.NewTextHandler(told, nil))}), disk, told
}
