package clock

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/storage"
)

const (
	// JumpTolerance is how far the wall clock may move against the monotonic
	// one before it is logged and counted as a jump.
	JumpTolerance = time.Minute
	// AheadTolerance is how far the wall clock may jump ahead before appends
	// are refused.
	AheadTolerance = time.Hour
)

// Guard stamps appends with the wall clock as long as it can be believed.
//
// A jump ahead up to [AheadTolerance] is believed, and so is every jump back:
// the store never lets recorded times decrease. A jump further ahead than that
// is refused, measured from the furthest time that was believed before, so
// that a clock which is set back and then forth again is no reason to refuse.
// The first time after the start is believed.
//
// Safe for concurrent use. While nothing jumps, Stamp takes no lock.
type Guard struct {
	source Source
	logger *slog.Logger

	// Offsets are the wall clock minus the monotonic one, in nanoseconds.
	// Written under mu, read by Stamp without it.
	offset   atomic.Int64 // as seen last by judge
	refusing atomic.Bool
	jumps    atomic.Uint64

	mu       sync.Mutex
	furthest int64 // greatest offset believed; guarded by mu
}

// New makes a guard that believes what the source says now.
func New(source Source, logger *slog.Logger) *Guard {
	g := &Guard{source: source, logger: logger}
	_, g.furthest = g.read()
	g.offset.Store(g.furthest)
	return g
}

// Wall is the time of day, believed or not.
func (g *Guard) Wall() time.Time { return g.source.Wall() }

// Elapsed is the monotonic clock of the source.
func (g *Guard) Elapsed() time.Duration { return g.source.Elapsed() }

// NoteLast tells the guard the last time recorded in the log, at the start.
// When that is ahead of the wall clock by more than [JumpTolerance] it is
// logged: recorded times will stand still until the clock has caught up. The
// clock may then come up to that time without being refused.
func (g *Guard) NoteLast(last storage.Instant) {
	wall, offset := g.read()
	ahead := last.Time().Sub(wall)
	if ahead <= 0 {
		return
	}
	g.mu.Lock()
	g.furthest = max(g.furthest, offset+int64(ahead))
	g.mu.Unlock()
	if ahead > JumpTolerance {
		g.logger.Warn("the last recorded time is ahead of the clock; new events get that time until the clock has caught up",
			"last_recorded_at", last.Time(), "clock", wall, "ahead", ahead.Round(time.Second))
	}
}

// Stamp is the time for one append, or a [storage.ClockError] while the clock
// cannot be believed.
func (g *Guard) Stamp() (storage.Instant, error) {
	wall, offset := g.read()
	if g.refusing.Load() || jumped(offset-g.offset.Load()) {
		if err := g.judge(wall, offset); err != nil {
			return 0, err
		}
	}
	return storage.InstantOf(wall), nil
}

// Confirm makes the guard believe the clock as it is now, which it returns.
func (g *Guard) Confirm() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	wall, offset := g.read()
	g.furthest = offset
	g.offset.Store(offset)
	g.refusing.Store(false)
	g.logger.Info("the clock was confirmed; appends are accepted", "clock", wall)
	return wall
}

// Stats tells about the clock.
type Stats struct {
	// Jumps counts the jumps since the start.
	Jumps uint64
	// Refusing is true while appends are refused.
	Refusing bool
}

// Stats are the counters for metrics.
func (g *Guard) Stats() Stats {
	return Stats{Jumps: g.jumps.Load(), Refusing: g.refusing.Load()}
}

func (g *Guard) read() (wall time.Time, offset int64) {
	wall = g.source.Wall()
	return wall, wall.UnixNano() - int64(g.source.Elapsed())
}

// judge decides about a clock that moved. Several calls may see one jump; the
// first one logs and counts it.
func (g *Guard) judge(wall time.Time, offset int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ahead := time.Duration(offset - g.furthest); ahead > AheadTolerance {
		ahead = ahead.Round(time.Second)
		if !g.refusing.Swap(true) {
			g.jumps.Add(1)
			g.logger.Error("the clock jumped ahead; appends are refused until it is corrected, or confirmed on the operations listener",
				"clock", wall, "ahead", ahead)
		}
		return &storage.ClockError{Ahead: ahead}
	}
	if g.refusing.Swap(false) {
		g.logger.Info("the clock has returned; appends are accepted", "clock", wall)
	}
	if by := offset - g.offset.Load(); jumped(by) {
		g.jumps.Add(1)
		g.logger.Warn("the clock jumped", "clock", wall, "by", time.Duration(by).Round(time.Second))
		g.offset.Store(offset)
	}
	g.furthest = max(g.furthest, offset)
	return nil
}

func jumped(by int64) bool {
	return by > int64(JumpTolerance) || by < -int64(JumpTolerance)
}
