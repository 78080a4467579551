package embedded

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore"
)

// diskFloorEvery is how often the free space is looked at. Between two looks
// appends must not get through the floor: of the default one that is 2.5 GB a
// second.
const diskFloorEvery = 100 * time.Millisecond

// diskFloor refuses appends while too little space is free, so that the engine
// never meets a full disk in the middle of a write (I8). It looks again by
// itself, so appends go on when there is room: a sixteenth more than the floor,
// so that they do not stop and go on, each with a line in the log, at every
// look.
type diskFloor struct {
	db      *pebblestore.DB
	floor   uint64 // bytes; 0: none
	ballast *ballast
	logger  *slog.Logger

	free  atomic.Uint64
	below atomic.Bool
	end   chan struct{}
	done  sync.WaitGroup
}

func newDiskFloor(db *pebblestore.DB, o Options, b *ballast) *diskFloor {
	f := &diskFloor{db: db, floor: uint64(max(o.DiskFloorBytes, 0)), ballast: b, logger: o.Logger, end: make(chan struct{})}
	b.opened()
	f.look()
	return f
}

func (f *diskFloor) start() { f.done.Go(f.lookLoop) }

func (f *diskFloor) stop() {
	close(f.end)
	f.done.Wait()
}

func (f *diskFloor) lookLoop() {
	tick := time.NewTicker(diskFloorEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.look()
		case <-f.end:
			return
		}
	}
}

func (f *diskFloor) look() {
	free, err := f.db.FreeBytes()
	if err != nil {
		// A file system that cannot tell (one in memory) has no floor.
		return
	}
	f.free.Store(free)
	f.ballast.adjust(free)
	below := free < f.needed()
	if f.below.Swap(below) == below {
		return
	}
	if below {
		f.logger.Error("too little disk space is free: appends are refused", "free_bytes", free, "floor_bytes", f.floor)
	} else {
		f.logger.Info("disk space is free again: appends go on", "free_bytes", free)
	}
}

// needed is the free space with which appends are taken.
func (f *diskFloor) needed() uint64 {
	if f.below.Load() {
		return f.floor + f.floor/16
	}
	return f.floor
}

func (f *diskFloor) check() error {
	if !f.below.Load() || mutant.On(mutant.DiskFloorOff) {
		return nil
	}
	return &storage.DiskFloorError{Free: f.free.Load(), Floor: f.needed()}
}
