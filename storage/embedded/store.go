package embedded

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/head"
	"github.com/stet-db/stet/storage/pebblestore"
	"github.com/stet-db/stet/storage/sequencer"
	"github.com/stet-db/stet/storage/tail"
)

// ExitFailedSync is the exit code of a process whose commit failed.
const ExitFailedSync = 70

// FileSystem is what a store is kept on.
type FileSystem = vfs.FS

// answersLeave is how long a process whose commit failed lives on, so that its
// callers hear of it.
const answersLeave = 200 * time.Millisecond

// flushWithin bounds how long closing waits for the engine's tables to be
// written; what is not written then is replayed by the next opening.
const flushWithin = 5 * time.Second

// Options configure a store. The zero value is useful.
type Options struct {
	// Logger gets what happens in the background; default: nothing is logged.
	Logger *slog.Logger
	// Fatal is called once when a commit has failed and every waiting caller has
	// been answered: the process has to end at once, without closing the store.
	// Default: log it and exit with [ExitFailedSync].
	Fatal func(error)
	// FS is the file system; default the machine's.
	FS FileSystem
	// CacheBytes is the size of the block cache; default 128 MiB.
	CacheBytes int64
	// MemTableBytes is the size of one of up to four tables in memory; default
	// 32 MiB.
	MemTableBytes int
	// TailBytes bounds the newest events kept in memory for live readers;
	// default 32 MiB.
	TailBytes int
	// DiskFloorBytes is the free space below which appends are refused; default
	// 256 MiB. A quarter of it is kept as ballast beside. Negative: neither.
	DiskFloorBytes int64
	// BlockingCommit commits without Pebble's experimental calls, more slowly.
	BlockingCommit bool
	// ScrubBytesPerSecond bounds the reading of the background look for damage;
	// default 4 MiB. Negative: none.
	ScrubBytesPerSecond int64
	// Writer configures the sequencer; its Durable and Fatal are set here.
	Writer sequencer.Options
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Fatal == nil {
		logger := o.Logger
		o.Fatal = func(err error) {
			logger.Error("the commit failed; ending at once", "error", err)
			// The answers have been given; this lets them leave the machine. The
			// engine is not written to any more, so it does not flush.
			<-time.After(answersLeave)
			os.Exit(ExitFailedSync)
		}
	}
	if o.TailBytes == 0 {
		o.TailBytes = 32 << 20
	}
	if o.DiskFloorBytes == 0 {
		o.DiskFloorBytes = 256 << 20
	}
	if o.ScrubBytesPerSecond == 0 {
		o.ScrubBytesPerSecond = 4 << 20
	}
	return o
}

// engine are the options of the store below.
func (o Options) engine() pebblestore.Options {
	return pebblestore.Options{
		FS:             o.FS,
		Logger:         o.Logger,
		Fatal:          o.Fatal,
		CacheBytes:     o.CacheBytes,
		MemTableBytes:  o.MemTableBytes,
		BlockingCommit: o.BlockingCommit,
	}
}

// Store is a [storage.Store] in one directory.
type Store struct {
	opts  Options
	db    *pebblestore.DB
	seq   *sequencer.Sequencer
	head  *head.Head
	tail  *tail.Tail
	floor *diskFloor
	learn *learner
	scrub *scrubber

	closeOnce sync.Once
	closeErr  error
}

// Open opens the store in dir, or makes a new one where dir is missing or
// empty. Errors are those of [pebblestore.Open].
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	ballast := newBallast(dir, o)
	engine := o.engine()
	engine.MakeRoom = ballast.beforeOpening
	db, err := pebblestore.Open(dir, engine)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: o, db: db, tail: tail.New(o.TailBytes)}
	// What the engine gives after opening is durable: it has synced what it
	// recovered.
	last, _, err := db.Last()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), db.Close())
	}
	s.head = head.New(last)
	if err := fault.Fail(fault.OpenJudging); err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), db.Close())
	}
	w := o.Writer
	w.Durable, w.Fatal = s.publish, o.Fatal
	if s.seq, err = sequencer.New(log{db}, w); err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), db.Close())
	}
	s.floor = newDiskFloor(db, o, ballast)
	s.floor.start()
	s.learn = &learner{db: db, logger: o.Logger}
	s.learn.start()
	s.scrub = newScrubber(db, o)
	s.scrub.start()
	s.seq.Start()
	return s, nil
}

// publish shows what has become durable: first the tail, so that whoever the
// head wakes finds it there.
func (s *Store) publish(b sequencer.Batch, last storage.Position) {
	fault.At(fault.PublishTail)
	if b, ok := b.(*pebblestore.Batch); ok {
		s.tail.Push(b.Groups()...)
	}
	fault.At(fault.PublishHead)
	s.head.Publish(last)
	fault.At(fault.Published)
}

// Append is [storage.Store.Append].
func (s *Store) Append(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	if err := s.floor.check(); err != nil {
		return storage.Appended{}, err
	}
	if err := fault.Fail(fault.AppendAdmitted); err != nil {
		return storage.Appended{}, err
	}
	return s.seq.Append(ctx, a)
}

// Submit is [storage.Store.Submit].
func (s *Store) Submit(ctx context.Context, a *storage.Append, done func(storage.Appended, error)) error {
	if err := s.floor.check(); err != nil && a.Refused == nil {
		refused := *a
		refused.Refused = err // keeps its place in its lane
		a = &refused
	}
	return s.seq.Submit(ctx, a, done)
}

// Head is [storage.Store.Head].
func (s *Store) Head() storage.Position { return s.head.Current() }

// AwaitHead is [storage.Store.AwaitHead].
func (s *Store) AwaitHead(ctx context.Context, above storage.Position) (storage.Position, error) {
	return s.head.Await(ctx, above)
}

// Tail is [storage.Store.Tail].
func (s *Store) Tail(after storage.Position) (storage.Group, bool) { return s.tail.Get(after) }

// ReadAll is [storage.Store.ReadAll].
func (s *Store) ReadAll(ctx context.Context, r storage.AllRange) iter.Seq2[storage.Recorded, error] {
	head := s.Head()
	fault.At(fault.ReadAllPinned)
	return s.db.ReadAll(ctx, r, head)
}

// ReadStream is [storage.Store.ReadStream].
func (s *Store) ReadStream(ctx context.Context, r storage.StreamRange) iter.Seq2[storage.Recorded, error] {
	r.Head = s.pin(r.Head)
	fault.At(fault.ReadStreamPinned)
	return s.db.ReadStream(ctx, r)
}

// pin caps a caller's head by the durable one; 0 stands for the latter.
func (s *Store) pin(at storage.Position) storage.Position {
	current := s.Head()
	if at == 0 {
		return current
	}
	return min(at, current)
}

// Stream is [storage.Store.Stream].
func (s *Store) Stream(_ context.Context, name string, at storage.Position) (storage.StreamInfo, error) {
	if mutant.On(mutant.StreamUncapped) {
		return s.db.StreamInfo(name, math.MaxUint64)
	}
	return s.db.StreamInfo(name, min(at, s.Head()))
}

// Streams is [storage.Store.Streams].
func (s *Store) Streams(ctx context.Context, q storage.StreamsQuery) ([]storage.StreamInfo, error) {
	q.Head = min(q.Head, s.Head())
	return s.db.Streams(ctx, q)
}

// PositionAt is [storage.Store.PositionAt].
func (s *Store) PositionAt(ctx context.Context, t storage.Instant, at storage.Position) (storage.Position, error) {
	return s.db.PositionAt(ctx, t, min(at, s.Head()))
}

// VersionAt is [storage.Store.VersionAt].
func (s *Store) VersionAt(ctx context.Context, stream string, t storage.Instant, at storage.Position) (storage.Version, error) {
	return s.db.VersionAt(ctx, stream, t, min(at, s.Head()))
}

// RecordedAt is [storage.Store.RecordedAt].
func (s *Store) RecordedAt(_ context.Context, p storage.Position) (storage.Instant, error) {
	if p == 0 || p > s.Head() {
		return 0, fmt.Errorf("no event at position %d: the head is %d", p, s.Head())
	}
	return s.db.RecordedAt(p)
}

// Info is [storage.Store.Info].
func (s *Store) Info() storage.Info {
	return storage.Info{History: s.db.History(), Format: pebblestore.Layout, Durability: "sync"}
}

// Stats is [storage.Store.Stats].
func (s *Store) Stats() storage.Stats {
	stats := storage.Stats{
		Head:          s.Head(),
		DiskBytes:     s.db.DiskBytes(),
		DiskFreeBytes: s.floor.free.Load(),
		TailBytes:     uint64(s.tail.Bytes()),
	}
	s.seq.Stats(&stats)
	s.scrub.fill(&stats)
	return stats
}

// Backup copies the store into a directory that must not exist yet, with a
// manifest of hashes, while everybody goes on. The copy, when it is first
// opened, gets a history id of its own.
func (s *Store) Backup(ctx context.Context, dir string) error {
	return s.db.Backup(ctx, dir, s.Head())
}

// Close is [storage.Store.Close]. After a failed commit the engine is left as it
// is: closing it could make durable what callers were told is unknown.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		fault.At(fault.CloseBegun)
		s.seq.Close()
		s.head.Close()
		s.floor.stop()
		s.scrub.stop()
		s.learn.stop()
		if err := s.seq.Failure(); err != nil {
			s.closeErr = err
			return
		}
		s.flush()
		fault.At(fault.EngineClosing)
		s.closeErr = s.db.Close()
	})
	return s.closeErr
}

// flush lets the next opening begin at once, with nothing to replay. All of it
// is durable in the logs, so whatever keeps it from working is no failure.
func (s *Store) flush() {
	if s.floor.below.Load() {
		return // the little room that is left is not for this
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	if err := s.db.Flush(ctx); err != nil {
		s.opts.Logger.Warn("the next start has logs to replay", "error", err)
	}
}
