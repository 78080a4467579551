package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Group is a set of goroutines that live and end together. Go and Wait belong
// to one goroutine: start all, then wait.
type Group struct {
	ctx     context.Context
	members []member
	// failed is closed, once, by the first member that ends with an error.
	failed chan struct{}
	once   sync.Once
}

// member is one goroutine. err is written before done is closed.
type member struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  *error
}

// New makes a group that ends when ctx does.
func New(ctx context.Context) *Group {
	return &Group{ctx: ctx, failed: make(chan struct{})}
}

// Go runs the function in a goroutine of its own. Its context ends when it is
// its turn to stop; it must return soon after that. A function that returns an
// error ends the group; one that returns nil is simply done.
func (g *Group) Go(name string, run func(ctx context.Context) error) {
	// Not the group's own context: that would stop all members at once.
	ctx, stop := context.WithCancel(context.WithoutCancel(g.ctx))
	m := member{name: name, stop: stop, done: make(chan struct{}), err: new(error)}
	g.members = append(g.members, m)
	go func() {
		defer close(m.done)
		if err := run(ctx); err != nil {
			*m.err = fmt.Errorf("%s: %w", name, err)
			g.once.Do(func() { close(g.failed) })
		}
	}()
}

// Wait returns when all goroutines have ended, and their errors. It waits for
// the group's context, for a failure, or for all to be done by themselves, and
// then stops one after another, the one started last first.
func (g *Group) Wait() error {
	select {
	case <-g.ctx.Done():
	case <-g.failed:
	case <-g.ended():
	}
	var errs []error
	for i := len(g.members) - 1; i >= 0; i-- {
		m := g.members[i]
		m.stop()
		<-m.done
		errs = append(errs, *m.err)
	}
	return errors.Join(errs...)
}

// ended is closed when all members have ended.
func (g *Group) ended() <-chan struct{} {
	all := make(chan struct{})
	go func() { // ends with the members, which Wait waits for
		defer close(all)
		for _, m := range g.members {
			<-m.done
		}
	}()
	return all
}

// Async runs the function in a goroutine of its own and gives what it returns.
// The channel holds it until somebody asks, so the goroutine ends with the
// function.
func Async[T any](run func() T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- run() }()
	return result
}
