package embedded

import (
	"context"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/sequencer"
	"github.com/stet-db/stet/storage/storagetest"
)

// optionSets are what no answer may depend on: where batches end, what is
// cached, when tables are flushed, how a commit is made.
var optionSets = [storagetest.Variants]Options{
	{DiskFloorBytes: -1},
	{
		DiskFloorBytes: -1, TailBytes: 1 << 10, BlockingCommit: true,
		Writer: sequencer.Options{BatchAppends: 2, HeadsCached: 1},
	},
	{
		DiskFloorBytes: -1, CacheBytes: 1 << 16, MemTableBytes: 16 << 10,
		Writer: sequencer.Options{BatchBytes: 256, QueueLimit: 3, HeadsCached: 2},
	},
}

// openAs opens the store with an option set.
func openAs(tb testing.TB, dir string, o Options) *Store {
	o.Fatal = func(err error) { tb.Errorf("fatal: %v", err) }
	s, err := Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func openOnDisk(tb testing.TB, dir string, variant int) storage.Store {
	return openAs(tb, dir, optionSets[variant])
}

// openInMemory opens stores in file systems of their own. They remember so few
// request ids that histories reach the limit.
func openInMemory() storagetest.Opener {
	systems := map[string]vfs.FS{}
	return func(tb testing.TB, dir string, variant int) storage.Store {
		if systems[dir] == nil {
			systems[dir] = vfs.NewMem()
		}
		o := optionSets[variant]
		o.FS = systems[dir]
		o.Writer.RequestIDLimit = 3
		return followed{openAs(tb, "store", o)}
	}
}

// crashing is a store whose power is cut where others are closed: what opens
// its directory next finds what a disk would hold then.
type crashing struct {
	*Store
	disk    *vfs.MemFS
	crashed func(*vfs.MemFS)
	random  *rand.Rand
}

func (c *crashing) Close() error {
	c.crashed(c.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.random.IntN(101), RNG: c.random}))
	return c.Store.Close()
}

// openCrashing opens stores that crash.
func openCrashing(tb testing.TB) storagetest.Opener {
	random := rand.New(rand.NewPCG(prooftest.Seed(tb), 0))
	disks := map[string]*vfs.MemFS{}
	return func(tb testing.TB, dir string, variant int) storage.Store {
		if disks[dir] == nil {
			disks[dir] = vfs.NewCrashableMem()
		}
		o := optionSets[variant]
		o.FS = disktest.Clonable{MemFS: disks[dir]}
		return &crashing{
			Store:   openAs(tb, "store", o),
			disk:    disks[dir],
			crashed: func(disk *vfs.MemFS) { disks[dir] = disk },
			random:  random,
		}
	}
}

// followed is a store that histories follow by cursors, as subscriptions do.
type followed struct{ storage.Store }

func (f followed) Follow(ctx context.Context, after storage.Position) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		c, err := cursor.Open(ctx, f.Store, everything, cursor.After(uint64(after)))
		if err != nil {
			yield(storage.Recorded{}, err)
			return
		}
		for {
			step, err := c.Next(ctx)
			if err != nil {
				yield(storage.Recorded{}, err)
				return
			}
			for wire := range record.Frames(step.Frames) {
				_, _, position, _, err := record.Place(wire)
				if !yield(storage.Recorded{Position: position, Wire: wire}, err) {
					return
				}
			}
			if step.Kind == cursor.CaughtUp {
				return
			}
		}
	}
}

// everything selects all events, those of the server's streams too.
var everything = cursor.Selection{Filter: storage.Filter{AnyOf: []storage.FilterItem{
	{StreamPrefixes: []string{"$", "a", "b"}},
}}}

func TestTheStoreFulfilsThePort(t *testing.T) { storagetest.Run(t, openOnDisk) }

func TestTheStoreAnswersAsTheModelDoes(t *testing.T) {
	playModel(t, "model-reopened", func() storagetest.Played { return storagetest.RunMachine(t, openInMemory(), storagetest.Everything) })
}

// I1, I5: what was answered is there after each power cut.
func TestACrashedStoreAnswersAsTheModelDoes(t *testing.T) {
	playModel(t, "model-crashed", func() storagetest.Played {
		return storagetest.RunMachine(t, openCrashing(t), storagetest.Everything)
	})
}

func TestWhereBatchesEndChangesNoAnswer(t *testing.T) {
	playModel(t, "model-batches", func() storagetest.Played { return storagetest.RunBatching(t, openInMemory(), storagetest.Everything) })
}

// playModel plays histories in portions until the work is done. Each portion
// has a seed of its own.
func playModel(t *testing.T, name string, play func() storagetest.Played) {
	t.Helper()
	const portion = 50
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 100, Goal: 100},
		prooftest.Work{Floor: 1000, Goal: 1000})
	seed := prooftest.Seed(t)
	var sum storagetest.Played
	var hits fault.Hits
	defer fault.Install(func(p fault.Point) error { hits.Add(p); return nil })()
	storagetest.Histories(t, portion)
	for part := uint64(0); work.More(int(sum.Histories)) && !t.Failed(); part++ {
		storagetest.Seeded(t, seed+part)
		played := play()
		sum.Histories += played.Histories
		sum.Steps += played.Steps
	}
	work.Check(t, "histories", int(sum.Histories))
	work.Report(t, name, seed, prooftest.Counters{"histories": sum.Histories, "steps": sum.Steps}, &hits)
}

func BenchmarkStore(b *testing.B) { storagetest.Benchmarks(b, openOnDisk) }
