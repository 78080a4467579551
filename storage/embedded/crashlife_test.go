package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/sequencer"
	"github.com/stet-db/stet/storage/storagetest"
)

// crashOptions are option sets under which stores crash.
var crashOptions = []Options{
	{},
	{MemTableBytes: 64 << 10, TailBytes: 1 << 10},
	{MemTableBytes: 16 << 10, BlockingCommit: true, Writer: sequencer.Options{BatchAppends: 2, HeadsCached: 1}},
	{MemTableBytes: 256 << 10, Writer: sequencer.Options{BatchBytes: 256, QueueLimit: 3, HeadsCached: 2}},
}

// image is what the disk holds when the power was cut, and what was known then.
type image struct {
	disk  *vfs.MemFS
	known knowledge
	where string
}

// life is one run of a store, from its opening to its closing, with power cuts
// on the way: each leaves an image.
type life struct {
	seed   uint64
	disk   *vfs.MemFS
	ledger *ledger
	made   *proposals
	// writers is how many append at a time.
	writers int

	// triggers say at which passing of which point the power is cut, and at
	// which operation of the file system.
	atPoint map[fault.Point]uint64
	atOp    uint64
	passed  *fault.Hits // of this life
	ops     atomic.Uint64

	clock  atomic.Int64
	mu     sync.Mutex // guards random and images
	random *rand.Rand
	images []image
}

func newLife(seed uint64, disk *vfs.MemFS, made *proposals, known knowledge) *life {
	l := &life{
		seed: seed, disk: disk, made: made, ledger: newLedger(known),
		passed: &fault.Hits{}, atPoint: map[fault.Point]uint64{},
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	points := fault.Points()
	for range 1 + l.random.IntN(4) {
		l.atPoint[points[l.random.IntN(len(points))]] = someNumber(l.random, 7)
	}
	l.atOp = someNumber(l.random, 10)
	l.writers = 1 + l.random.IntN(5)
	l.clock.Store(int64(1 + len(known.acks)*1000))
	return l
}

// someNumber is at least 1, and as likely to have few bits as many.
func someNumber(r *rand.Rand, bits int) uint64 {
	return 1 + r.Uint64N(1<<r.IntN(bits+1))
}

// cut cuts the power: it takes what is known, then what the disk holds.
func (l *life) cut(where string) {
	known := l.ledger.snapshot()
	l.mu.Lock()
	defer l.mu.Unlock()
	percent := []int{0, 0, 100, l.random.IntN(101)}[l.random.IntN(4)]
	disk := l.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: l.random})
	l.images = append(l.images, image{disk, known, fmt.Sprintf("%s, %d %% of what was not synced", where, percent)})
}

// pass is the hook at fault points.
func (l *life) pass(p fault.Point) error {
	if n := l.passed.Add(p); n == l.atPoint[p] {
		l.cut(fmt.Sprintf("%s no. %d", p, n))
	}
	return nil
}

// MaybeError is called before operations of the file system.
func (l *life) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	n := l.ops.Add(1)
	if n%3 == 0 && strings.HasSuffix(op.Path, ".log") {
		// Let others run into what is not synced yet.
		for range 100 {
			runtime.Gosched()
		}
	}
	if n == l.atOp {
		l.cut(fmt.Sprintf("file operation no. %d, on %s", n, op.Path))
	}
	return nil
}

func (l *life) String() string { return "power cuts" }

// run lives the life. What it returns is wrong with it.
func (l *life) run(ctx context.Context, o Options) error {
	o.FS, o.DiskFloorBytes, o.CacheBytes = errorfs.Wrap(disktest.Clonable{MemFS: l.disk}, l), -1, 1<<20
	fatal := make(chan error, 1)
	o.Fatal = func(err error) { fatal <- err }
	s, err := Open("store", o)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var readers, writers sync.WaitGroup
	for _, read := range []func(context.Context, *Store){l.readLoop, l.followLoop, l.lookLoop} {
		readers.Go(func() { read(reading, s) })
	}
	for w := range l.writers {
		random := rand.New(rand.NewPCG(l.seed, uint64(w)+2))
		writers.Go(func() { l.writeLoop(ctx, s, random) })
	}
	writers.Wait()
	l.cut("when all were answered")
	stop()
	readers.Wait()
	err = s.Close()
	l.cut("after closing")
	select {
	case fatal := <-fatal:
		err = errors.Join(err, fatal)
	default:
	}
	if problems := l.ledger.allProblems(); len(problems) > 0 {
		err = errors.Join(err, errors.New(strings.Join(problems, "; ")))
	}
	return err
}

// writeLoop appends, and repeats some of what it appended.
func (l *life) writeLoop(ctx context.Context, s *Store, random *rand.Rand) {
	var mine []*proposal
	var submitted sync.WaitGroup
	for range 3 + random.IntN(20) {
		var p *proposal
		if len(mine) > 0 && random.IntN(6) == 0 {
			p = mine[random.IntN(len(mine))]
		}
		if p == nil || !p.repeatable {
			p = l.made.propose(random, storage.Instant(l.clock.Add(int64(random.IntN(400_000)-100_000))))
			mine = append(mine, p)
		}
		if random.IntN(4) > 0 {
			a, err := s.Append(ctx, p.append)
			l.answered(p, a, err)
			continue
		}
		submitted.Add(1)
		err := s.Submit(ctx, p.append, func(a storage.Appended, err error) {
			defer submitted.Done()
			l.answered(p, a, err)
		})
		if err != nil {
			l.ledger.problem("submit: %v", err)
			submitted.Done()
		}
	}
	submitted.Wait()
}

// answered notes an answer.
func (l *life) answered(p *proposal, a storage.Appended, err error) {
	var conflict *storage.ConflictError
	switch {
	case err == nil:
		l.ledger.acked(p, a)
	case errors.As(err, &conflict):
		for _, c := range conflict.Conflicts {
			l.ledger.told(c.Stream, c.Actual, conflict.Head)
		}
	case errors.Is(err, storage.ErrQueueFull):
	default:
		l.ledger.problem("append: %v", err)
	}
}

// readLoop reads what is new in the log.
func (l *life) readLoop(ctx context.Context, s *Store) {
	last := storage.Position(0)
	for {
		if _, err := s.AwaitHead(ctx, last); err != nil {
			return
		}
		for e, err := range s.ReadAll(ctx, storage.AllRange{From: last + 1}) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					l.ledger.problem("read all: %v", err)
				}
				return
			}
			l.ledger.saw(e.Position, e.Wire)
			last = e.Position
		}
	}
}

// followLoop follows the log as a subscription does.
func (l *life) followLoop(ctx context.Context, s *Store) {
	c, err := cursor.Open(ctx, s, cursor.Selection{}, cursor.Beginning())
	for last := storage.Position(0); err == nil; {
		var step cursor.Step
		if step, err = c.Next(ctx); err != nil {
			break
		}
		for wire := range record.Frames(step.Frames) {
			_, _, position, _, err := record.Place(wire)
			if err != nil || position != last+1 {
				l.ledger.problem("follow: position %d after %d: %v", position, last, err)
			}
			l.ledger.saw(position, wire)
			last = position
		}
	}
	if !errors.Is(err, context.Canceled) {
		l.ledger.problem("follow: %v", err)
	}
}

// lookLoop looks at streams.
func (l *life) lookLoop(ctx context.Context, s *Store) {
	for head := storage.Position(0); ; {
		var err error
		if head, err = s.AwaitHead(ctx, head); err != nil {
			return
		}
		list, err := s.Streams(ctx, storage.StreamsQuery{Limit: 100, Head: head})
		if err != nil && !errors.Is(err, context.Canceled) {
			l.ledger.problem("list: %v", err)
		}
		for _, info := range list {
			l.ledger.told(info.Name, info.Version, info.Last)
			for e, err := range s.ReadStream(ctx, storage.StreamRange{Stream: info.Name, Backwards: true, Head: head}) {
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						l.ledger.problem("read stream: %v", err)
					}
					return
				}
				l.ledger.saw(e.Position, e.Wire)
				break
			}
		}
	}
}

// propose makes up an append.
func (m *proposals) propose(random *rand.Rand, at storage.Instant) *proposal {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := &storage.Append{Time: max(at, 1), Window: storagetest.Week}
	p := &proposal{append: a, firstID: m.ids + 1}
	entries := []int{1, 1, 1, 1, 2, 3}[random.IntN(6)]
	first, exact := random.IntN(6), true
	for i := range entries {
		e := storage.Entry{Stream: fmt.Sprintf("s-%d", first+i)}
		switch random.IntN(8) {
		case 0, 1, 2:
			e.Expectation, exact = storage.ExpectAny(), false
		case 3:
			e.Expectation, exact = storage.ExpectExists(), false
		case 4:
			e.Expectation = storage.ExpectNoStream()
		default:
			e.Expectation = storage.ExpectVersion(storage.Version(random.IntN(12)))
		}
		if i == 0 || random.IntN(4) > 0 {
			m.fill(&e, random)
		} else {
			exact = false
		}
		p.events += len(e.Events)
		a.Entries = append(a.Entries, e)
	}
	if random.IntN(2) == 0 {
		storagetest.WithRequestID(a, fmt.Sprintf("r-%d", p.firstID))
		if random.IntN(5) == 0 {
			a.Window = 10 * time.Millisecond // will be forgotten soon
		}
	}
	p.repeatable = a.RequestID != "" && a.Window == storagetest.Week || a.RequestID == "" && exact
	index := 0
	for i := range a.Entries {
		for k := range a.Entries[i].Events {
			m.byID[a.Entries[i].Events[k].ID] = placeInProposal{p, i, k, index}
			index++
		}
	}
	m.all = append(m.all, p)
	return p
}

// fill gives an entry its events: mostly few, now and then hundreds, or some
// that together are larger than a table in memory.
func (m *proposals) fill(e *storage.Entry, random *rand.Rand) {
	n, size := 1+random.IntN(3), random.IntN(300)
	switch random.IntN(40) {
	case 0:
		n = 1 + random.IntN(500)
	case 1:
		n, size = 2+random.IntN(6), 12<<10
	case 2, 3, 4:
		n = 1 + random.IntN(60)
	}
	for range n {
		m.ids++
		payload := fmt.Sprintf(`{"n":%d,"x":"%s"}`, m.ids, strings.Repeat("x", size))
		e.Events = append(e.Events, storagetest.Propose(m.ids, "Happened", payload))
	}
}

// crashesIn lives a life on a disk, and gives the images of its power cuts.
func crashesIn(t *testing.T, l *life, o Options, hits *fault.Hits) []image {
	t.Helper()
	remove := fault.Install(func(p fault.Point) error {
		hits.Add(p)
		return l.pass(p)
	})
	defer remove()
	if err := l.run(t.Context(), o); err != nil {
		t.Fatalf("a life with seed %d: %v", l.seed, err)
	}
	return l.images
}
