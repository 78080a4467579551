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

// diskFloorEvery is how often the free space is looked at.
const diskFloorEvery = time.Second

// diskFloor refuses appends while too little space is free, so that the engine
// never meets a full disk in the middle of a write (I8). It looks again by
// itself, so appends go on when there is room.
type diskFloor struct {
	db     *pebblestore.DB
	floor  uint64 // bytes; 0: none
	logger *slog.Logger

	free  atomic.Uint64
	below atomic.Bool
	end   chan struct{}
	done  sync.WaitGroup
}

func newDiskFloor(db *pebblestore.DB, o Options) *diskFloor {
	f := &diskFloor{db: db, floor: uint64(max(o.DiskFloorBytes, 0)), logger: o.Logger, end: make(chan struct{})}
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
	below := free < f.floor
	if f.below.Swap(below) == below {
		return
	}
	if below {
		f.logger.Error("too little disk space is free: appends are refused", "free_bytes", free, "floor_bytes", f.floor)
	} else {
		f.logger.Info("disk space is free again: appends go on", "free_bytes", free)
	}
}

func (f *diskFloor) check() error {
	if !f.below.Load() || mutant.On(mutant.DiskFloorOff) {
		return nil
	}
	return &storage.DiskFloorError{Free: f.free.Load(), Floor: f.floor}
}
