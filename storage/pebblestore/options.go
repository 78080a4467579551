package pebblestore

import (
	"log/slog"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage/pebblestore/enginelog"
	"github.com/stet-db/stet/storage/pebblestore/failstop"
	"github.com/stet-db/stet/storage/pebblestore/logspace"
	"github.com/stet-db/stet/storage/pebblestore/sumfs"
)

// Layout is the number of the storage layout that this release reads and
// writes, as drawn in docs/format.md.
const Layout uint32 = 1

// pebbleFormat is the number of Pebble's own format. It is a one-way ratchet,
// so it is pinned here and in the store itself.
const pebbleFormat = pebble.FormatValueSeparation

// Options configure a store. The zero value is useful.
type Options struct {
	// FS is the file system; default the machine's.
	FS vfs.FS
	// Logger gets what happens in the background; default: nothing is logged.
	Logger *slog.Logger
	// Fatal is called when the store can no longer keep its promises and the
	// process has to end at once. It should not return. Default: panic.
	Fatal func(error)
	// MakeRoom is called by [Open] before it judges whether there is room, when
	// no other process can have the directory open. It is told the bytes that are
	// free and those that opening needs, and returns true when it made more of
	// them free. It is not called where the file system cannot tell. Default:
	// nothing is done.
	MakeRoom func(free, needed uint64) bool
	// CacheBytes is the size of the block cache; default 128 MiB.
	CacheBytes int64
	// MemTableBytes is the size of one table in memory; default 32 MiB. Up to
	// four exist at a time.
	MemTableBytes int
	// BlockingCommit waits for each sync inside the commit instead of beside
	// it: slower, and without Pebble's experimental calls.
	BlockingCommit bool
	// NoFileSums keeps and checks no checksums of log and MANIFEST files, and
	// discards those that are there: for tests, and for measuring their cost.
	NoFileSums bool

	// sums are what FS is, once they are kept; see [Options.withSums].
	sums *sumfs.FS

	// closing is set when the store begins to close.
	closing *atomic.Bool
}

func (o Options) withDefaults() Options {
	if mutant.On(mutant.SumsOff) {
		o.NoFileSums = true
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.closing == nil {
		o.closing = new(atomic.Bool)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) { panic(err) }
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 128 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 32 << 20
	}
	return o
}

// disk is the file system below the engine, for one opening.
func (o Options) disk() failstop.FS {
	return failstop.New(logspace.FS{FS: o.FS}, o.Fatal, o.closing)
}

// pebbleOptions are the engine's settings; docs/decisions says why.
func (o Options) pebbleOptions() *pebble.Options {
	p := &pebble.Options{
		FS:                          o.disk(),
		Comparer:                    pebble.DefaultComparer,
		FormatMajorVersion:          pebbleFormat,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                1024,
		Logger:                      enginelog.Logger{To: o.Logger, Fatal: o.Fatal},
		EventListener:               enginelog.Listener(o.Logger),
	}
	if mutant.On(mutant.FormatOldest) {
		p.FormatMajorVersion = pebble.FormatMinSupported
	}
	for i := range p.Levels {
		l := &p.Levels[i]
		// A stream's events lie scattered, so a block is read for one event:
		// small blocks make that cheap.
		l.BlockSize = 8 << 10
		l.IndexBlockSize = 64 << 10
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.FilterType = pebble.TableFilter
		l.Compression = func() *block.CompressionProfile { return block.FastestCompression }
	}
	return p
}
