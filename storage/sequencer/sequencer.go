package sequencer

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
)

// Options configure a sequencer. Durable and Fatal are required; the zero
// value of the rest means its default.
type Options struct {
	// Durable is told of each batch that has become durable, in order, before
	// anybody is answered. It publishes the new head.
	Durable func(b Batch, last storage.Position)
	// Fatal is called once, after a failed commit, when every waiting caller has
	// been answered. The sequencer does nothing any more.
	Fatal func(error)
	// QueueLimit bounds the appends that wait to be judged; default 8,192.
	QueueLimit int
	// QueueBytes bounds their events' bytes; default 64 MiB. A single larger
	// request is let in when it is alone.
	QueueBytes int
	// BatchBytes is the size at which a batch ends; default 4 MiB.
	BatchBytes int
	// BatchAppends is the number of appends at which a batch ends; default
	// 4,096.
	BatchAppends int
	// HeadsCached bounds the stream heads and the request ids kept in memory,
	// each; default 65,536.
	HeadsCached int
	// RequestIDLimit bounds the request ids remembered; default 20,000,000.
	RequestIDLimit uint64
}

func (o Options) withDefaults() Options {
	setDefault(&o.QueueLimit, 8192)
	setDefault(&o.QueueBytes, 64<<20)
	setDefault(&o.BatchBytes, 4<<20)
	setDefault(&o.BatchAppends, 4096)
	setDefault(&o.HeadsCached, 65536)
	if o.RequestIDLimit == 0 {
		o.RequestIDLimit = 20_000_000
	}
	return o
}

func setDefault(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// Sequencer is the one writer. Two goroutines work for it: the writer judges
// and applies, the syncer waits for the disk and answers. While one batch is
// being synced the next one is built, and it grows by itself when syncs are
// slow; no timer is involved.
//
// A caller of Append that finds nothing under way leads: it judges and applies
// its own append in the writer's place, who need not wake up for it and takes
// nothing until then. What comes meanwhile is queued.
type Sequencer struct {
	log     Log
	opts    Options
	queue   *queue
	commits chan commit // from writer or leader to syncer, in order
	judge   judge       // the writer's or leader's alone, but for its caches' peeks
	done    sync.WaitGroup

	// applied is the last position that reads of log see for certain.
	applied atomic.Uint64
	// failure is set once, by whoever sees the first failed commit.
	failure  atomic.Pointer[storage.OutcomeUnknownError]
	counters counters
}

// commit is a batch on its way to the disk, and those who wait for it.
type commit struct {
	// batch is nil when nothing was accepted: the answers then only wait for
	// the commits before.
	batch   Batch
	last    storage.Position
	applied time.Time
	answers []answer
	// ends tells that it is the last of what was taken at once.
	ends bool
}

// New makes a sequencer over a log that has no other writer. Start it before
// use.
func New(log Log, o Options) (*Sequencer, error) {
	o = o.withDefaults()
	s := &Sequencer{
		log:     log,
		opts:    o,
		queue:   newQueue(o.QueueLimit, o.QueueBytes),
		commits: make(chan commit, 1),
	}
	if err := s.judge.open(log, o); err != nil {
		return nil, fmt.Errorf("open sequencer: %w", err)
	}
	s.applied.Store(uint64(s.judge.last))
	s.counters.requestIDs.Store(s.judge.requestRows)
	return s, nil
}

// Start begins to work.
func (s *Sequencer) Start() {
	s.done.Go(s.writeLoop)
	s.done.Go(s.syncLoop)
}

// Close refuses what comes with [storage.ErrShuttingDown], finishes and
// answers what was queued, and returns.
func (s *Sequencer) Close() {
	s.queue.close(storage.ErrShuttingDown)
	fault.At(fault.QueueClosed)
	s.done.Wait()
	fault.At(fault.WriterEnded)
}

// writeLoop turns the queue into commits.
func (s *Sequencer) writeLoop() {
	defer close(s.commits)
	for {
		items := s.queue.take(s.opts.BatchAppends, s.opts.BatchBytes)
		if items == nil {
			return
		}
		c := s.write(items)
		c.ends = true
		s.hand(c)
	}
}

// write judges the items in order and applies what was accepted. It returns
// the commit, and hands over those before it where a judgement needs what is
// staged to be applied first; a single item needs none.
func (s *Sequencer) write(items []*item) commit {
	fault.At(fault.BatchTaken)
	c := commit{answers: make([]answer, 0, len(items))}
	s.judge.beginBatch()
	for _, it := range items {
		if s.failure.Load() != nil {
			c.answers = append(c.answers, answer{it, outcome{err: s.failure.Load()}})
			continue
		}
		o, ready := s.judge.decide(it, c.batch != nil)
		if !ready {
			fault.At(fault.StagedCommitted)
			s.commit(&c)
			s.hand(c)
			c = commit{}
			s.judge.beginBatch()
			o, _ = s.judge.decide(it, false)
		}
		fault.At(fault.Judged)
		if o.accepted {
			if c.batch == nil {
				c.batch = s.log.Begin()
			}
			s.judge.stage(c.batch, it.append, &o)
			fault.At(fault.Staged)
		}
		s.counters.count(o, it.append)
		if mutant.On(mutant.RefusalEarly) && o.err != nil || mutant.On(mutant.ReplayEarly) && o.err == nil && !o.accepted {
			it.finish(o)
			continue
		}
		c.answers = append(c.answers, answer{it, o})
	}
	s.commit(&c)
	return c
}

// commit applies what was accepted, without waiting for the disk.
func (s *Sequencer) commit(c *commit) {
	c.last = s.judge.last
	if c.batch == nil || s.failure.Load() != nil {
		return
	}
	c.applied = time.Now()
	if err := s.apply(c.batch); err != nil {
		s.fail(err)
		return
	}
	s.applied.Store(uint64(c.last))
	fault.At(fault.CommitApplied)
}

// hand gives a commit to the syncer. It waits while two are on their way:
// meanwhile the queue fills, and the next batch is larger.
func (s *Sequencer) hand(c commit) {
	s.commits <- c
	fault.At(fault.CommitHanded)
	s.housekeep()
}

// housekeep is called when everything staged has been applied.
func (s *Sequencer) housekeep() {
	if s.failure.Load() == nil {
		s.judge.purgeExpired()
		s.counters.requestIDs.Store(s.judge.requestRows)
	}
}

func (s *Sequencer) apply(b Batch) error {
	if err := fault.Fail(fault.CommitApply); err != nil {
		return err
	}
	return b.Apply()
}

func (s *Sequencer) sync(b Batch) error {
	if err := fault.Fail(fault.CommitSync); err != nil {
		return err
	}
	return b.Sync()
}

// syncLoop settles commits in order.
func (s *Sequencer) syncLoop() {
	for c := range s.commits {
		s.settle(c)
		if s.failure.Load() != nil {
			s.stopAfterFailure()
			return
		}
		if c.ends {
			s.queue.settled()
		}
	}
}

// settle makes a commit durable, publishes it, and answers.
func (s *Sequencer) settle(c commit) {
	if mutant.On(mutant.AnswerEarly) {
		s.answer(c.answers)
		c.answers = nil
	}
	if c.batch != nil && s.failure.Load() == nil {
		if mutant.On(mutant.PublishEarly) {
			s.opts.Durable(c.batch, c.last)
		}
		if err := s.sync(c.batch); err != nil && !mutant.On(mutant.SyncErrorIgnored) {
			s.fail(err)
		} else {
			fault.At(fault.CommitSynced)
			s.counters.synced(time.Since(c.applied))
			s.opts.Durable(c.batch, c.last)
		}
	}
	fault.At(fault.Answering)
	s.answer(c.answers)
	fault.At(fault.Answered)
}

func (s *Sequencer) answer(answers []answer) {
	failure := s.failure.Load()
	for _, a := range answers {
		if failure != nil {
			// Also refusals: what they were judged against may not be durable.
			a.outcome = outcome{err: failure}
		}
		a.item.finish(a.outcome)
	}
}

// fail notes the first failed commit. From here on nothing is applied,
// published, or acknowledged.
func (s *Sequencer) fail(err error) {
	s.failure.CompareAndSwap(nil, &storage.OutcomeUnknownError{Cause: err})
}

// stopAfterFailure answers everybody who waits and reports the failure. A
// commit is never tried again: after a failed sync nobody knows what the disk
// holds.
func (s *Sequencer) stopAfterFailure() {
	failure := s.failure.Load()
	s.queue.close(failure)
	for c := range s.commits { // the writer ends when the queue is drained
		s.answer(c.answers)
	}
	s.opts.Fatal(failure.Cause)
}

// Stats fills in the sequencer's part of the store's statistics.
func (s *Sequencer) Stats(into *storage.Stats) {
	into.Queued, into.QueueLimit = s.queue.length(), s.opts.QueueLimit
	into.RequestIDs, into.RequestIDLimit = s.counters.requestIDs.Load(), s.opts.RequestIDLimit
	s.counters.fill(into)
}

// Failure is why the sequencer has stopped; nil while it works.
func (s *Sequencer) Failure() error {
	if failure := s.failure.Load(); failure != nil {
		return failure
	}
	return nil
}
