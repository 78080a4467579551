package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
)

// untidy is set in the environment of a process that may leave goroutines
// behind: those of stores that are dead, where a server would have ended.
const untidy = "STET_TEST_UNTIDY"

// inUntidyProcess runs this test there.
func inUntidyProcess(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.timeout=90m")
	c.Env = append(os.Environ(), untidy+"=1")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		t.Error(err)
	}
}

// badDisk fails one operation, or all from one on.
type badDisk struct {
	at      int64 // from 1; 0: none
	forever bool
	with    error
	healed  atomic.Bool
	ops     atomic.Int64
	failed  atomic.Int64
}

func (d *badDisk) String() string { return "a bad disk" }

// MaybeError is called before operations of the file system.
func (d *badDisk) MaybeError(op errorfs.Op) error {
	if d.healed.Load() {
		return nil
	}
	n := d.ops.Add(1)
	if d.at == 0 || n < d.at || n > d.at && !d.forever {
		return nil
	}
	d.failed.Add(1)
	return &fs.PathError{Op: "do", Path: op.Path, Err: d.with}
}

// sweepSteps is how often a generation appends, once or several at once.
const sweepSteps = 10

// trial is the reference workload on a bad disk.
type trial struct {
	disk   *vfs.MemFS
	bad    *badDisk
	made   *proposals
	ledger *ledger

	// dead is closed when the process would end.
	dead    chan struct{}
	fatally atomic.Bool
	waited  bool // it went on only when the disk was healed

	seen storage.Position // the last one that was read

	// accepted appends, and the batches they were in, of the generations that
	// came to their end.
	accepted, batches uint64

	// unknown is how many appends of one step were answered so.
	unknown atomic.Int64
}

// run works until the end, the first failure that ends it, or death. It is in a
// goroutine of its own, which death may end.
func (w *trial) run(ctx context.Context) (err error) {
	random := rand.New(rand.NewPCG(1, 2))
	for generation := range 2 {
		o := crashOptions[2-generation]
		o.FS, o.DiskFloorBytes, o.CacheBytes, o.MemTableBytes = errorfs.Wrap(disktest.Clonable{MemFS: w.disk}, w.bad), -1, 1<<16, 16<<10
		o.Fatal = func(error) {
			// A process ends here. This one is put to rest as it is.
			if w.fatally.CompareAndSwap(false, true) {
				close(w.dead)
			}
			select {}
		}
		s, err := Open("store", o)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		if err := w.use(ctx, s, random); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	return nil
}

// use appends one by one and many at once, and reads. A failed read is noted and
// changes nothing.
func (w *trial) use(ctx context.Context, s *Store, random *rand.Rand) error {
	for i := range sweepSteps {
		appends := make([]*proposal, []int{1, 4}[i%2])
		for k := range appends {
			appends[k] = w.made.propose(random, storage.Instant(1000*i))
		}
		if err := w.together(ctx, s, appends); err != nil {
			return err
		}
	}
	w.read(ctx, s)
	stats := s.Stats()
	w.accepted += stats.Accepted
	w.batches += stats.Batches
	return nil
}

// together appends at once: the first with a caller who may lead, the others
// behind it. Whoever reads meanwhile gets what is durable only. It ends when all
// are answered, and returns an answer after which a server does not go on.
func (w *trial) together(ctx context.Context, s *Store, appends []*proposal) error {
	// Room for all: nobody takes what comes after the end.
	answers := make(chan error, len(appends))
	go func() {
		a, err := s.Append(ctx, appends[0].append)
		answers <- w.answered(ctx, appends[0], a, err)
	}()
	for _, p := range appends[1:] {
		err := s.Submit(ctx, p.append, func(a storage.Appended, err error) {
			answers <- w.answered(ctx, p, a, err)
		})
		if err != nil {
			answers <- w.answered(ctx, p, storage.Appended{}, err)
		}
	}
	if len(appends) > 1 {
		w.read(ctx, s)
	}
	var end error
	for range appends {
		select {
		case err := <-answers:
			end = errors.Join(end, err)
		case <-ctx.Done():
			return ctx.Err() // a dead process owes no answers
		}
	}
	return end
}

// answered notes an answer, and returns it when it ends the life of the store.
func (w *trial) answered(ctx context.Context, p *proposal, a storage.Appended, err error) error {
	var unknown *storage.OutcomeUnknownError
	var conflict *storage.ConflictError
	switch {
	case err == nil:
		w.ledger.acked(p, a)
	case errors.As(err, &unknown):
		w.unknown.Add(1)
		return err
	case ctx.Err() != nil:
		return err
	case errors.As(err, &conflict):
		for _, c := range conflict.Conflicts {
			w.ledger.told(c.Stream, c.Actual, conflict.Head)
		}
		w.ledger.refused(p)
	default:
		w.ledger.refused(p)
	}
	return nil
}

// read notes what is new since the last time. What was read before a failure
// counts.
func (w *trial) read(ctx context.Context, s *Store) {
	for e, err := range s.ReadAll(ctx, storage.AllRange{From: w.seen + 1}) {
		if err != nil {
			return
		}
		if e.Position != w.seen+1 {
			w.ledger.problem("position %d was read after %d", e.Position, w.seen)
		}
		w.ledger.saw(e.Position, e.Wire)
		w.seen = e.Position
	}
}

// disposition is how a trial may end.
type disposition struct {
	err    error
	exited bool // by death, or as good as
}

func (w *trial) live(t *testing.T) disposition {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan disposition, 1)
	go func() {
		ended <- disposition{err: w.run(ctx)}
	}()
	const long = 2 * time.Minute
	first := long
	if w.bad.forever {
		first = 300 * time.Millisecond
	}
	patience := time.NewTimer(first)
	defer patience.Stop()
	dead := w.dead
	for {
		select {
		case d := <-ended:
			return d
		case <-dead:
			cancel() // nobody answers any more
			dead = nil
			patience.Reset(50 * time.Millisecond) // in place of the process's end
		case <-patience.C:
			if dead == nil {
				return disposition{exited: true}
			}
			if w.bad.forever && !w.bad.healed.Swap(true) {
				// An opening waits for a disk that it cannot flush to, and says
				// so in its log. It must go on when the disk does.
				w.waited = true
				patience.Reset(long)
				continue
			}
			buf := make([]byte, 1<<20)
			t.Fatalf("operation %d fails (for ever: %v): the store hangs\n%s", w.bad.at, w.bad.forever, buf[:runtime.Stack(buf, true)])
		}
	}
}

// I1, I3, I8, I9: whichever operation of the file system fails, once or from
// then on, callers get an answer, an error that says that nothing was written,
// or one that says that this is open; and what is on the disk then opens, with
// everything that was acknowledged and nothing that was refused. A disk that
// fails is never taken for a damaged store.
func TestNothingIsLostWhicheverOperationOfTheDiskFails(t *testing.T) {
	if os.Getenv(untidy) == "" {
		inUntidyProcess(t)
		return
	}
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 150, Goal: 1 << 30, Box: 20 * time.Second},
		prooftest.Work{Floor: 1500, Goal: 1 << 30, Box: time.Hour})
	seed := prooftest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	var hits fault.Hits
	defer fault.Install(func(p fault.Point) error { hits.Add(p); return nil })()
	operations := soundOperations(t)
	kinds := []badDisk{{with: syscall.EIO}, {with: syscall.EIO, forever: true}, {with: syscall.ENOSPC}, {with: syscall.ENOSPC, forever: true}}
	order := random.Perm(operations * len(kinds))
	count := prooftest.Counters{"operations": uint64(operations), "lost": 0}
	trials, visited, began := 0, 0, time.Now()
	for ; visited < len(order) && work.More(trials) && !t.Failed(); visited++ {
		if !tried(t, &kinds[order[visited]%len(kinds)], int64(order[visited]/len(kinds))+1, random, count) {
			count["not_reached"]++
			continue
		}
		if trials++; trials%200 == 0 {
			t.Logf("%d trials in %v", trials, time.Since(began).Round(time.Second))
		}
	}
	reachable := len(order) - int(count["not_reached"])
	count["trials"], count["trials_of_all_percent"] = uint64(trials), uint64(100*trials/max(reachable, 1))
	work.Check(t, "trials", trials)
	if os.Getenv("STET_PROOF") == "full" && (visited < len(order) || count["several_unknown"] == 0) {
		t.Errorf("%d of %d operations and failures; %d of them met several appends at once", visited, len(order), count["several_unknown"])
	}
	if 20*reachable < 19*len(order) {
		t.Errorf("%d of %d trials did not come to their operation", count["not_reached"], len(order))
	}
	work.Report(t, "disk-fault-sweep", seed, count, &hits)
}

// soundOperations is how many operations the workload takes at most: how many
// appends a batch holds is the scheduler's choice.
func soundOperations(t *testing.T) int {
	t.Helper()
	most, accepted, batches := 0, uint64(0), uint64(0)
	for range 5 {
		sound := newTrial(&badDisk{})
		if d := sound.live(t); d.err != nil || d.exited {
			t.Fatalf("without a failure: %+v", d)
		}
		t.Logf("%d operations", sound.bad.ops.Load())
		most = max(most, int(sound.bad.ops.Load()))
		accepted += sound.accepted
		batches += sound.batches
	}
	if batches >= accepted {
		t.Fatalf("%d appends were committed in %d batches: none holds several", accepted, batches)
	}
	return most
}

// tried tells whether the failure came to pass: a few times it is tried again.
func tried(t *testing.T, k *badDisk, at int64, random *rand.Rand, count prooftest.Counters) bool {
	t.Helper()
	for range 3 {
		w := newTrial(&badDisk{at: at, with: k.with, forever: k.forever})
		w.judge(t, random, count)
		if w.bad.failed.Load() > 0 || t.Failed() {
			return true
		}
	}
	return false
}

func newTrial(bad *badDisk) *trial {
	return &trial{
		disk: vfs.NewCrashableMem(), bad: bad, dead: make(chan struct{}), ledger: newLedger(knowledge{}),
		made: &proposals{byID: map[storage.EventID]placeInProposal{}},
	}
}

// judge lives the trial and looks at how it ended and what is left.
func (w *trial) judge(t *testing.T, random *rand.Rand, count prooftest.Counters) {
	t.Helper()
	what := fmt.Sprintf("operation %d fails with %v (for ever: %v)", w.bad.at, w.bad.with, w.bad.forever)
	d := w.live(t)
	var corrupt *storage.CorruptionError
	if errors.As(d.err, &corrupt) {
		t.Errorf("%s: it is taken for damage: %v", what, d.err)
	}
	percent := []int{0, 50, 100}[random.IntN(3)]
	known := w.ledger.snapshot() // before the disk: answers may still come
	if problems := w.ledger.allProblems(); len(problems) > 0 {
		t.Errorf("%s: %v", what, problems)
	}
	s := &survivor{
		image: image{disk: w.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: random}), known: known},
		made:  w.made, random: random, options: crashOptions[random.IntN(len(crashOptions))],
	}
	w.bad.healed.Store(true)
	switch {
	case d.exited:
		count["engine_gave_up"]++
	case d.err != nil:
		count["ended_with_an_error"]++
	default:
		count["went_on"]++
	}
	if w.unknown.Load() > 1 {
		count["several_unknown"]++
	}
	if w.waited {
		count["waited_for_the_disk"]++
	}
	_, err := s.check(t.Context(), nil)
	if err != nil {
		t.Errorf("%s: %v (ended with %v)", what, err, d.err)
	}
	count["events_compared"] += s.compared
}
