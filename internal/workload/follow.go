package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// settleTimeout bounds how long subscribers may take to get the rest.
	settleTimeout = 2 * time.Minute
	// deliveryPause keeps the system idle between the appends of KindDelivery.
	deliveryPause = 3 * time.Millisecond
	// deliveryTimeout bounds the wait for one delivery.
	deliveryTimeout = 30 * time.Second
)

// followers are running subscriptions to the whole log.
type followers struct {
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	failed chan error // the first failure of each, never full
	// reached are the positions that each has got up to.
	reached []atomic.Uint64
}

// follow starts a follower for each recorder and returns when all are live.
// seen may be nil.
func (r *runner) follow(ctx context.Context, recorders []*recorder, seen func(position uint64)) (*followers, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := &followers{cancel: cancel, failed: make(chan error, len(recorders)), reached: make([]atomic.Uint64, len(recorders))}
	live := make(chan struct{}, len(recorders))
	for i, rec := range recorders {
		f.tasks.Go(func() {
			last, at := uint64(0), &f.reached[i]
			err := r.driver.Follow(ctx, !r.Raw, func(position uint64) {
				last = position
				at.Store(position)
				live <- struct{}{}
			}, func(position uint64) {
				rec.delivered(last, position)
				last = max(last, position)
				at.Store(last)
				if seen != nil {
					seen(position)
				}
			})
			if err == nil && ctx.Err() == nil {
				err = errors.New("ended by itself")
			}
			if err != nil {
				f.failed <- fmt.Errorf("subscriber %d: %w", i, err)
			}
		})
	}
	for range recorders {
		select {
		case <-live:
		case err := <-f.failed:
			return nil, errors.Join(err, f.stop())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.stop())
		}
	}
	return f, nil
}

// delivered notes an event that came after another one.
func (r *recorder) delivered(last, position uint64) {
	switch {
	case position <= last:
		r.repeats.Add(1)
		return
	case position > last+1:
		r.gaps.Add(int64(position - last - 1))
	}
	r.events.Add(1)
}

// stop ends all and gives the failures that nobody has taken yet.
func (f *followers) stop() error {
	f.cancel()
	f.tasks.Wait()
	close(f.failed)
	var errs []error
	for err := range f.failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// settle waits until all have got up to the position.
func (f *followers) settle(ctx context.Context, position uint64) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for i := range f.reached {
		for f.reached[i].Load() < position {
			select {
			case err := <-f.failed:
				return err
			default:
			}
			if err := pause(ctx, time.Millisecond); err != nil {
				return fmt.Errorf("subscriber %d is at %d, not yet at %d: %w", i, f.reached[i].Load(), position, err)
			}
		}
	}
	return nil
}

// highest is the largest of the numbers given.
type highest struct{ atomic.Uint64 }

func (h *highest) raise(to uint64) {
	for at := h.Load(); at < to && !h.CompareAndSwap(at, to); at = h.Load() {
	}
}

// followed runs roles with subscribers beside them, and lets the subscribers
// get everything before it ends, so that gaps are counted over the whole run.
func (r *runner) followed(ctx context.Context, name string, last *highest, roles ...role) (Round, error) {
	p := r.window.part(name, r.Subscribers)
	f, err := r.follow(ctx, p.recorders, nil)
	if err != nil {
		return Round{}, err
	}
	round, err := r.window.run(ctx, roles...)
	ended := time.Now()
	if err == nil {
		err = f.settle(ctx, last.Load())
	}
	round.BehindSeconds = time.Since(ended).Seconds()
	if err := errors.Join(err, f.stop()); err != nil {
		return Round{}, err
	}
	whole := p.counts()
	round.Parts[0].Gaps, round.Parts[0].Repeats = whole.Gaps, whole.Repeats
	return round, nil
}

// fanout is about the deliveries, so they are the first part.
func (r *runner) fanout(ctx context.Context) (Round, error) {
	last := &highest{}
	return r.followed(ctx, "deliver", last, r.noting(r.appenders("append"), last))
}

// noting makes awaited appends note the highest position.
func (r *runner) noting(appenders role, last *highest) role {
	appenders.open = func(ctx context.Context, i int, rec *recorder) (caller, error) {
		w, err := r.driver.Writer(ctx, WriterOptions{Client: i, RequestIDs: r.RequestIDs})
		if err != nil {
			return caller{}, err
		}
		next := r.requests(i)
		return caller{close: w.Close, op: func(ctx context.Context, began time.Time) error {
			a := next()
			at, err := w.Append(ctx, a)
			last.raise(at)
			return rec.done(began, len(a.Events), r.intended(a, err))
		}}, nil
	}
	return appenders
}

// arrival is an event that was delivered, and when.
type arrival struct {
	position uint64
	at       time.Time
}

// delivery has one subscriber and one client, which sends the next event when
// the last one was delivered, in an open loop not before its time. The delivery
// may come before the answer.
func (r *runner) delivery(ctx context.Context) (Round, error) {
	seen := make(chan arrival, 1024)
	subscriber := &recorder{phase: &r.window.phase, latencies: newHistogram()}
	f, err := r.follow(ctx, []*recorder{subscriber}, func(position uint64) { seen <- arrival{position, time.Now()} })
	if err != nil {
		return Round{}, err
	}
	r.Clients, r.Batch = 1, 1
	round, err := r.window.run(ctx, role{name: "deliver", callers: 1, open: func(ctx context.Context, i int, rec *recorder) (caller, error) {
		w, err := r.driver.Writer(ctx, WriterOptions{Client: i, RequestIDs: r.RequestIDs})
		if err != nil {
			return caller{}, err
		}
		next := r.requests(i)
		return caller{close: w.Close, op: func(ctx context.Context, began time.Time) error {
			position, err := w.Append(ctx, next())
			if err != nil {
				return err
			}
			got, err := f.next(ctx, seen)
			if err != nil {
				return err
			}
			if got.position != position {
				return fmt.Errorf("event %d was delivered after the append of %d", got.position, position)
			}
			rec.ops.Add(1)
			rec.events.Add(1)
			rec.took(got.at.Sub(began))
			if r.window.load.Rate > 0 {
				return nil // the rate says when the system rests
			}
			return pause(ctx, deliveryPause)
		}}, nil
	}})
	if err := errors.Join(err, f.stop()); err != nil {
		return Round{}, err
	}
	round.Parts[0].Gaps, round.Parts[0].Repeats = subscriber.gaps.Load(), subscriber.repeats.Load()
	return round, nil
}

// next is what is delivered next.
func (f *followers) next(ctx context.Context, seen <-chan arrival) (arrival, error) {
	timer := time.NewTimer(deliveryTimeout)
	defer timer.Stop()
	select {
	case got := <-seen:
		return got, nil
	case err := <-f.failed:
		return arrival{}, err
	case <-timer.C:
		return arrival{}, fmt.Errorf("nothing was delivered for %v", deliveryTimeout)
	case <-ctx.Done():
		return arrival{}, context.Cause(ctx)
	}
}

// mixed shows what appending, reading and following cost each other.
func (r *runner) mixed(ctx context.Context) (Round, error) {
	last := &highest{}
	roles := []role{r.noting(r.appenders("append"), last)}
	if r.Readers > 0 {
		roles = append(roles, r.streamReaders(r.Readers))
	}
	if r.Subscribers == 0 {
		return r.window.run(ctx, roles...)
	}
	round, err := r.followed(ctx, "deliver", last, roles...)
	if err != nil {
		return Round{}, err
	}
	round.Parts = append(round.Parts[1:], round.Parts[0]) // the appends first
	return round, nil
}
