package aggregate

import (
	"context"
	"sync"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
)

// job is a snapshot to be made.
type job struct {
	typ    *ruledType
	stream string
	// state is what to keep; without a version it is derived first, up to upTo.
	state replay.State
	upTo  storage.Version
}

// snapshotter keeps states, after the fact and beside everything else: what
// does not fit into its queue is not kept, which costs the next reader time and
// nothing more.
type snapshotter struct {
	s     *Service
	queue chan job

	mu      sync.Mutex
	pending int           // jobs in the queue or being worked on; guarded by mu
	quiet   chan struct{} // closed while nothing is pending; guarded by mu
	kept    uint64        // guarded by mu
	dropped uint64        // guarded by mu
}

func (w *snapshotter) open(s *Service) {
	w.s = s
	w.queue = make(chan job, s.o.SnapshotQueue)
	w.quiet = make(chan struct{})
	close(w.quiet)
}

// offer asks for a snapshot and never waits.
func (w *snapshotter) offer(j job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.queue <- j:
		if w.pending++; w.pending == 1 {
			w.quiet = make(chan struct{})
		}
	default:
		w.dropped++
	}
}

func (w *snapshotter) done(kept bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept {
		w.kept++
	}
	if w.pending--; w.pending == 0 {
		close(w.quiet)
	}
}

// workLoop makes what is asked for. What is left at the end is not made.
func (w *snapshotter) workLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			w.giveUp()
			return nil
		case j := <-w.queue:
			w.done(w.keep(ctx, j))
		}
	}
}

func (w *snapshotter) giveUp() {
	for {
		select {
		case <-w.queue:
			w.done(false)
		default:
			return
		}
	}
}

// keep makes one snapshot.
func (w *snapshotter) keep(ctx context.Context, j job) bool {
	if j.state.Version == 0 {
		state, err := w.s.load(ctx, place{typ: j.typ, stream: j.stream, upTo: j.upTo, head: w.s.store.Head(), quiet: true})
		if err != nil {
			w.failed(ctx, j, err)
			return false
		}
		j.state = state.State
	}
	if j.state.Version == 0 {
		return false
	}
	err := w.s.o.Snapshots.PutSnapshot(ctx, storage.Snapshot{
		Stream: j.stream, Version: j.state.Version, Key: j.typ.key, State: replay.AppendState(nil, &j.state),
	})
	if err != nil {
		w.failed(ctx, j, err)
		return false
	}
	return true
}

func (w *snapshotter) failed(ctx context.Context, j job, err error) {
	if ctx.Err() == nil {
		w.s.o.Logger.Warn("a snapshot was not made", "stream", j.stream, "error", err)
	}
}

// appended asks for a snapshot where an append has passed a milestone.
func (w *snapshotter) appended(t *ruledType, stream string, before, after storage.Version) {
	every := storage.Version(t.SnapshotEvery())
	if w.s.o.Snapshots == nil || every == 0 || before/every == after/every {
		return
	}
	w.offer(job{typ: t, stream: stream, upTo: after - after%every})
}

// SnapshotStats count since the service was opened.
type SnapshotStats struct {
	// Kept were made, Dropped found no room in the queue, Pending wait.
	Kept, Dropped uint64
	Pending       int
}

// SnapshotStats tell what the service did for its snapshots.
func (s *Service) SnapshotStats() SnapshotStats {
	w := &s.snapshots
	w.mu.Lock()
	defer w.mu.Unlock()
	return SnapshotStats{Kept: w.kept, Dropped: w.dropped, Pending: w.pending}
}

// AwaitSnapshots waits until every snapshot asked for so far, and whatever is
// asked for meanwhile, is made or given up. [Service.Run] makes them.
func (s *Service) AwaitSnapshots(ctx context.Context) error {
	s.snapshots.mu.Lock()
	quiet := s.snapshots.quiet
	s.snapshots.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DropSnapshots forgets all snapshots. No answer changes.
func (s *Service) DropSnapshots(ctx context.Context) error {
	if s.o.Snapshots == nil {
		return nil
	}
	return s.o.Snapshots.DropSnapshots(ctx)
}
