package machine

import (
	"context"
	"time"
)

// What counts as quiet: less than a part of one core for a while.
const (
	quietFor  = time.Second
	quietPart = 0.1
)

// AwaitQuiet waits until a process and its descendants have ended their work in
// the background, for at most a time: else that would be part of what is
// measured next. It tells how long that took and whether they did; at is told
// how much has passed, nil: nobody is.
func AwaitQuiet(ctx context.Context, pid int, most time.Duration, at func(passed time.Duration)) (took time.Duration, quiet bool, err error) {
	every := min(quietFor, max(most, time.Millisecond))
	tick := time.NewTicker(every)
	defer tick.Stop()
	began := time.Now()
	for last := Spent(pid).CPU; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return time.Since(began), false, ctx.Err()
		}
		now := Spent(pid).CPU
		took, quiet = time.Since(began), now-last < time.Duration(quietPart*float64(every))
		if quiet || took >= most {
			return took, quiet, nil
		}
		last = now
		if at != nil {
			at(took)
		}
	}
}
