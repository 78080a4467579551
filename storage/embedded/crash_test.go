package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// I1, I2, I3, I5, I7, I12, I13: the power is cut at random instants, between
// any two steps of the writer and at any write to the disk, of what was not
// synced nothing, some or all is kept, and after each cut everything is there
// that anybody outside was told or has seen, appends are whole or absent, and
// what is sent again is answered as it was.
func TestNothingThatAnybodyKnewOfIsLostInAPowerCut(t *testing.T) {
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 1000, Goal: 2000, Box: 45 * time.Second},
		prooftest.Work{Floor: 10_000, Goal: 10_000, Box: 15 * time.Minute})
	seed := prooftest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	var hits fault.Hits
	count := prooftest.Counters{"lost": 0}
	for images := 0; work.More(images) && !t.Failed(); images = int(count["crash_schedules"]) {
		count["chains"]++
		chain(t, random, count, &hits)
	}
	work.Check(t, "crash schedules", int(count["crash_schedules"]))
	work.Report(t, "crash-schedules", seed, count, &hits)
}

// chain lives some lives, each on an image of the one before.
func chain(t *testing.T, random *rand.Rand, count prooftest.Counters, hits *fault.Hits) {
	t.Helper()
	made := &proposals{byID: map[storage.EventID]placeInProposal{}}
	disk, known := vfs.NewCrashableMem(), knowledge{}
	for range 1 + random.IntN(3) {
		l := newLife(random.Uint64(), disk, made, known)
		images := crashesIn(t, l, crashOptions[random.IntN(len(crashOptions))], hits)
		var next *survivor
		chosen := random.IntN(len(images))
		for i := 0; i < len(images); i++ {
			s := &survivor{image: images[i], made: made, random: random, options: crashOptions[random.IntN(len(crashOptions))]}
			again, err := s.check(t.Context(), hits)
			if err != nil {
				t.Fatalf("life %d, power cut at %s: %v", l.seed, images[i].where, err)
			}
			images = append(images, again...)
			count["crash_schedules"]++
			count["acknowledged_checked"] += uint64(len(images[i].known.acks))
			count["sights_checked"] += uint64(len(images[i].known.sights))
			count["events_compared"] += s.compared
			count["retries_replayed"] += s.replayed
			if i == chosen {
				next = s
			}
		}
		disk, known = next.image.disk, next.ledger.snapshot()
	}
}

// survivor is an image under examination.
type survivor struct {
	image   image
	made    *proposals
	random  *rand.Rand
	options Options

	ledger   *ledger
	store    *Store
	placed   map[*proposal]storage.Appended
	sums     []uint64 // by position-1
	versions map[string]storage.Version

	compared, replayed uint64
}

// check opens the image and compares it with what was known. It gives images
// of power cuts during the opening.
func (s *survivor) check(ctx context.Context, hits *fault.Hits) ([]image, error) {
	again := s.image
	var recovering *life
	if s.random.IntN(5) == 0 {
		recovering = newLife(s.random.Uint64(), s.image.disk, s.made, s.image.known)
	}
	err := s.watched(hits, recovering, func() error { return s.open(recovering) })
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	s.ledger = newLedger(s.image.known)
	err = s.examine(ctx)
	err = errors.Join(err, s.store.Close())
	if err != nil {
		return nil, err
	}
	if err := s.verify(ctx); err != nil || recovering == nil {
		return nil, err
	}
	for i := range recovering.images {
		recovering.images[i].where += ", while recovering from " + again.where
	}
	return recovering.images, nil
}

// watched does something under a hook, which may cut the power. Without hits
// the caller has a hook of its own.
func (s *survivor) watched(hits *fault.Hits, recovering *life, do func() error) error {
	if hits == nil {
		return do()
	}
	defer fault.Install(func(p fault.Point) error {
		hits.Add(p)
		if recovering != nil {
			return recovering.pass(p)
		}
		return nil
	})()
	return do()
}

// verify checks the files, in a proof each time.
func (s *survivor) verify(ctx context.Context) error {
	if !prooftest.Full() && s.random.IntN(verifyOneIn) > 0 {
		return nil
	}
	report, err := Verify(ctx, "store", Options{FS: s.image.disk}, nil)
	if err != nil || len(report.Problems) > 0 || report.Events < uint64(len(s.sums)) {
		return fmt.Errorf("verify: %d events, want %d; problems %v, %w", report.Events, len(s.sums), report.Problems, err)
	}
	return nil
}

func (s *survivor) open(recovering *life) (err error) {
	o := s.options
	o.FS, o.DiskFloorBytes, o.CacheBytes = s.image.disk, -1, 1<<20
	if recovering != nil {
		o.FS = errorfs.Wrap(disktest.Clonable{MemFS: s.image.disk}, recovering)
	}
	s.store, err = Open("store", o)
	return err
}

func (s *survivor) examine(ctx context.Context) error {
	if err := s.scan(ctx); err != nil {
		return err
	}
	if err := s.compare(); err != nil {
		return err
	}
	return s.repeat(ctx)
}

// scan reads the log: every event is one that was proposed, byte for byte, and
// every append is whole and there once.
func (s *survivor) scan(ctx context.Context) error {
	s.placed = map[*proposal]storage.Appended{}
	s.versions = map[string]storage.Version{}
	var open placeInProposal // of the event before, whose append is not complete
	var last storage.Instant
	for e, err := range s.store.ReadAll(ctx, storage.AllRange{}) {
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		stream, v, p, at, err := record.Place(e.Wire)
		if err != nil {
			return err
		}
		content, err := record.Split(e.Wire)
		if err != nil {
			return err
		}
		place, known := s.made.byID[content.ID]
		if !known {
			return fmt.Errorf("position %d: an event that nobody proposed", p)
		}
		entry := &place.of.append.Entries[place.entry]
		want := record.AppendRecorded(nil, entry.Stream, s.versions[entry.Stream]+1, storage.Position(len(s.sums)+1), at, &entry.Events[place.event])
		if !bytes.Equal(e.Wire, want) {
			return fmt.Errorf("position %d holds version %d of %s recorded at %d as %x, want %x", p, v, stream, at, e.Wire, want)
		}
		_, twice := s.placed[place.of]
		switch {
		case open.of == nil && (place.index != 0 || twice):
			return fmt.Errorf("position %d: event %d of an append begins it; written before: %v", p, place.index, twice)
		case open.of != nil && (place.of != open.of || place.index != open.index+1 || at != last):
			return fmt.Errorf("position %d: an append of %d events was torn after event %d", p, open.of.events, open.index)
		case at < last:
			return fmt.Errorf("position %d was recorded at %d, after %d", p, at, last)
		}
		s.place(place, p, at, v)
		if open = place; place.index == place.of.events-1 {
			open = placeInProposal{}
		}
		last = at
		s.versions[entry.Stream] = v
		s.sums = append(s.sums, maphash.Bytes(sumSeed, e.Wire))
		s.ledger.saw(p, e.Wire)
		s.compared++
	}
	if open.of != nil {
		return fmt.Errorf("the last append of %d events was torn after event %d", open.of.events, open.index)
	}
	return nil
}

// place notes where an event of an append is.
func (s *survivor) place(at placeInProposal, p storage.Position, recorded storage.Instant, v storage.Version) {
	a, known := s.placed[at.of]
	if !known {
		a = storage.Appended{First: p, RecordedAt: recorded, Entries: make([]storage.AppendedEntry, len(at.of.append.Entries))}
	}
	a.Last = p
	if at.event == 0 {
		a.Entries[at.entry].First = v
	}
	a.Entries[at.entry].Last = v
	s.placed[at.of] = a
}

// compare wants everything that was known.
func (s *survivor) compare() error {
	known := s.image.known
	head := s.store.Head()
	if head != storage.Position(len(s.sums)) || known.head > head {
		return fmt.Errorf("the head is %d, %d events were read, and somebody knew of %d", head, len(s.sums), known.head)
	}
	for _, a := range known.acks {
		if err := s.same(a.of, a.appended); err != nil {
			return fmt.Errorf("an acknowledged append: %w", err)
		}
	}
	for _, p := range known.absent {
		if a, there := s.placed[p]; there {
			return fmt.Errorf("an append that was refused is at %d", a.First)
		}
	}
	for _, seen := range known.sights {
		if s.sums[seen.position-1] != seen.sum {
			return fmt.Errorf("position %d is not what a reader saw there", seen.position)
		}
	}
	for _, i := range known.implied {
		if s.versions[i.stream] < i.version {
			return fmt.Errorf("stream %s is at version %d, and somebody was told of %d", i.stream, s.versions[i.stream], i.version)
		}
	}
	return nil
}

func (s *survivor) same(p *proposal, a storage.Appended) error {
	found, there := s.placed[p]
	if !there {
		return fmt.Errorf("of %d events, answered with position %d, is gone", p.events, a.First)
	}
	if found.First != a.First || found.Last != a.Last || found.RecordedAt != a.RecordedAt || fmt.Sprint(found.Entries) != fmt.Sprint(a.Entries) {
		return fmt.Errorf("was answered with %+v and is at %+v", a, found)
	}
	return nil
}

// repeat sends some of the appends again.
func (s *survivor) repeat(ctx context.Context) error {
	if len(s.made.all) == 0 {
		return nil
	}
	for range 8 {
		p := s.made.all[s.random.IntN(len(s.made.all))]
		if !p.repeatable {
			continue
		}
		_, there := s.placed[p]
		a, err := s.store.Append(ctx, p.append)
		var conflict *storage.ConflictError
		switch {
		case there && (err != nil || !a.Replayed):
			return fmt.Errorf("a repeated append that is at %d: %+v, %w", s.placed[p].First, a, err)
		case there:
			if err := s.same(p, a); err != nil {
				return fmt.Errorf("a repeated append %w", err)
			}
			s.replayed++
			s.ledger.acked(p, a)
		case err == nil && !a.Replayed:
			s.placed[p] = a
			s.ledger.acked(p, a)
		case errors.As(err, &conflict):
		default:
			return fmt.Errorf("an append that was lost with its answer: %+v, %w", a, err)
		}
	}
	return nil
}
