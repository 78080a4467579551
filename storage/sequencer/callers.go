package sequencer

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/storage"
)

// Append is [storage.Store.Append].
func (s *Sequencer) Append(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	if err := ctx.Err(); err != nil {
		return storage.Appended{}, err
	}
	// Room for the one answer: whoever answers never waits, also when the
	// caller has left.
	answered := make(chan outcome, 1)
	it := &item{append: a, bytes: appendBytes(a), finish: func(o outcome) { answered <- o }}
	s.prefetch(it)
	if s.queue.lead() {
		s.lead(it)
	} else {
		if err := s.queue.push(it); err != nil {
			return storage.Appended{}, err
		}
		fault.At(fault.AppendQueued)
	}
	select {
	case o := <-answered:
		fault.At(fault.AppendAnswered)
		return s.resolve(a, o)
	case <-ctx.Done():
		return storage.Appended{}, ctx.Err()
	}
}

// lead does the writer's work for one append in the goroutine of its caller,
// who got the role from [queue.lead]. It never waits for the syncer: no commit
// is on its way. It ends the process where the writer would: the caller may be
// a handler that recovers, and would go on with a judge that is ahead of the
// log and a role that nobody gives back.
func (s *Sequencer) lead(it *item) {
	done := false
	defer func() {
		if !done {
			crash(recover())
		}
	}()
	c := s.write([]*item{it})
	c.ends = true
	s.hand(c)
	s.queue.handOver()
	done = true
}

// crash ends the process with a panic that no caller can recover, and does not
// return. It shows the stack of the goroutine that it is called in. A nil cause
// is a goroutine that was ended by [runtime.Goexit].
func crash(cause any) {
	if cause == nil {
		cause = "its goroutine was ended"
	}
	text := fmt.Sprintf("sequencer: writing for itself, a caller of Append failed: %v\n\n%s", cause, debug.Stack())
	go panic(text)
	select {}
}

// Submit is [storage.Store.Submit].
func (s *Sequencer) Submit(ctx context.Context, a *storage.Append, done func(storage.Appended, error)) error {
	it := &item{append: a, bytes: appendBytes(a), finish: func(o outcome) { done(s.resolve(a, o)) }}
	s.prefetch(it)
	return s.queue.pushWaiting(ctx, it)
}
