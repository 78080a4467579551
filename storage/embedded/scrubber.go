package embedded

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore"
)

const (
	// scrubAfter is how long after opening the first look for damage begins,
	// scrubEvery how long after the beginning of one the next one does.
	scrubAfter = time.Minute
	scrubEvery = 6 * time.Hour
	// scrubPlaces bounds how many damaged places are remembered, so that each is
	// logged and counted once.
	scrubPlaces = 1000
)

// scrubber looks for damage that nobody has read yet, slowly, again and again
// (I9). It reports; it changes nothing.
type scrubber struct {
	db     *pebblestore.DB
	rate   int64 // bytes a second
	logger *slog.Logger

	position atomic.Uint64
	problems atomic.Uint64
	places   map[string]bool // of the loop

	cancel context.CancelFunc // nil: not started
	done   sync.WaitGroup
}

func newScrubber(db *pebblestore.DB, o Options) *scrubber {
	return &scrubber{db: db, rate: o.ScrubBytesPerSecond, logger: o.Logger, places: make(map[string]bool)}
}

func (s *scrubber) start() {
	if s.rate < 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() { s.scrubLoop(ctx) })
}

func (s *scrubber) stop() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
	}
}

func (s *scrubber) scrubLoop(ctx context.Context) {
	timer := time.NewTimer(scrubAfter)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		timer.Reset(scrubEvery)
		s.scrub(ctx)
	}
}

// scrub looks at everything once.
func (s *scrubber) scrub(ctx context.Context) {
	err := s.db.Scrub(ctx, pebblestore.Scrub{
		BytesPerSecond: s.rate,
		At:             func(p storage.Position) { s.position.Store(uint64(p)) },
		Found:          s.found,
	})
	if err != nil && ctx.Err() == nil {
		s.logger.Error("looking for damage could not go on", "error", err)
	}
}

func (s *scrubber) found(e storage.CorruptionError) {
	if s.places[e.Where] || len(s.places) >= scrubPlaces {
		return
	}
	s.places[e.Where] = true
	s.problems.Add(1)
	s.logger.Error("damaged data was found; restore a backup", "where", e.Where, "detail", e.Detail)
}

func (s *scrubber) fill(into *storage.Stats) {
	into.ScrubbedPosition = storage.Position(s.position.Load())
	into.ScrubProblems = s.problems.Load()
}
