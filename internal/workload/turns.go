package workload

import (
	"context"
	"time"

	"github.com/stet-db/stet/internal/machine"
)

const (
	// turnsWaiting bounds the turns that nobody has taken yet. Beyond it none is
	// given, but their times stay as they are.
	turnsWaiting = 1 << 14
	// turnNap bounds a sleep, so that the end of the window is seen.
	turnNap = 5 * time.Millisecond
)

// now is the turn of a closed loop.
func now(context.Context) (time.Time, bool) { return time.Now(), true }

// turn is the next one of an open loop, with the time when its operation was to
// begin, which may have passed. False: there are no more.
func (w *window) turn(ctx context.Context) (time.Time, bool) {
	select {
	case at, ok := <-w.turns:
		return at, ok
	case <-ctx.Done():
		return time.Time{}, false
	}
}

// turnLoop gives the turns of an open loop, each at its time, to whichever
// client is free.
func (w *window) turnLoop(ctx context.Context) {
	defer close(w.turns)
	sleep := w.load.sleep
	if sleep == nil {
		sleep = machine.Sleep
	}
	gap := float64(time.Second) / w.load.Rate
	began := time.Now()
	for n := 0; ; n++ {
		at := began.Add(time.Duration(gap * float64(n)))
		for d := time.Until(at); d > 0; d = time.Until(at) {
			if w.phase.Load() == phaseOver || ctx.Err() != nil {
				return
			}
			sleep(min(d, turnNap))
		}
		select {
		case w.turns <- at:
			continue
		default:
		}
		// Nobody keeps up: wait for room, at most until the end.
		if !w.giveLate(ctx, at) {
			return
		}
	}
}

func (w *window) giveLate(ctx context.Context, at time.Time) bool {
	for w.phase.Load() != phaseOver {
		timer := time.NewTimer(turnNap)
		select {
		case w.turns <- at:
			timer.Stop()
			return true
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
	return false
}
