package tables

import (
	"context"
	"time"
)

// Pace spreads reading over time. It belongs to one goroutine.
type Pace struct {
	// BytesPerSecond must be positive.
	BytesPerSecond int64

	// due is when everything read so far is paid for.
	due time.Time
}

// paceSlack is how far reading may be ahead before it waits: fewer, longer
// waits.
const paceSlack = 10 * time.Millisecond

// Wait is called before so many bytes are read.
func (p *Pace) Wait(ctx context.Context, bytes int) error {
	now := time.Now()
	if p.due.Before(now) {
		p.due = now // what was not used is not saved up
	}
	p.due = p.due.Add(time.Duration(float64(bytes) / float64(p.BytesPerSecond) * float64(time.Second)))
	ahead := p.due.Sub(now)
	if ahead < paceSlack {
		return ctx.Err()
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
