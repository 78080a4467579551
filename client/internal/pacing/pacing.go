package pacing

import (
	"context"
	"time"
)

// Exponential is a back-off with jitter, so that many clients do not come back
// at once.
type Exponential struct {
	// Base is about the first wait, Most bounds all.
	Base, Most time.Duration
	// Random gives numbers in [0, 1); safe for concurrent use.
	Random func() float64
}

// After is the wait after the nth failure in a row: Base doubled n-1 times, at
// most Most, of which a random half is taken off.
func (e Exponential) After(n int) time.Duration {
	wait := e.Most
	if doublings := n - 1; doublings < 32 && e.Base < e.Most>>doublings {
		wait = e.Base << doublings
	}
	return wait/2 + time.Duration(e.Random()*float64(wait/2))
}

// Sleep waits for d or until ctx ends, whose error it returns then.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
