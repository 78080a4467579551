package storagetest

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stet-db/stet/storage"
)

// Subscriber may be fulfilled by a store beside its port, so that histories
// follow it as its clients would.
type Subscriber interface {
	// Follow subscribes to everything after a position, yields what comes up to
	// having caught up, and unsubscribes.
	Follow(ctx context.Context, after storage.Position) iter.Seq2[storage.Recorded, error]
}

// player plays actions on one store and writes down what it answers.
type player struct {
	store    storage.Store
	reopen   func(storage.Store) storage.Store
	lanes    map[int]*storage.Lane
	follower follower
	// batch is how many appends are submitted before their answers are waited
	// for; 1: each by Append.
	batch   int
	pending []*submitted
	lines   []string // empty for an append that has no answer yet
	waiting []int    // the lines of pending
}

func newPlayer(store storage.Store, batch int, reopen func(storage.Store) storage.Store) *player {
	return &player{store: store, reopen: reopen, lanes: map[int]*storage.Lane{}, follower: follower{store: store}, batch: batch}
}

// opened opens a store and plays on it.
func opened(tb testing.TB, open Opener, dir string, variant, batch int) *player {
	return newPlayer(open(tb, dir, variant), batch, func(old storage.Store) storage.Store {
		if err := old.Close(); err != nil {
			tb.Fatalf("close: %v", err)
		}
		return open(tb, dir, variant)
	})
}

// play does one action. Its line is there once flush was called.
func (p *player) play(ctx context.Context, a action) {
	if a.Kind == stepAppend || a.Kind == stepRetry || a.Kind == stepRewrite {
		p.playAppend(ctx, a)
		return
	}
	p.flush()
	p.lines = append(p.lines, p.ask(ctx, a))
}

func (p *player) playAppend(ctx context.Context, a action) {
	if a.append == nil {
		p.lines = append(p.lines, "")
		return
	}
	request := *a.append
	request.Lane = p.lane(a.Lane)
	if p.batch <= 1 {
		p.lines = append(p.lines, describe(p.store.Append(ctx, &request)))
		return
	}
	out := &submitted{answered: make(chan struct{})}
	err := p.store.Submit(ctx, &request, func(appended storage.Appended, err error) {
		out.appended, out.err = appended, err
		close(out.answered)
	})
	if err != nil {
		p.lines = append(p.lines, "submit: "+err.Error())
		return
	}
	p.pending, p.waiting = append(p.pending, out), append(p.waiting, len(p.lines))
	p.lines = append(p.lines, "")
	if len(p.pending) >= p.batch {
		p.flush()
	}
}

func (p *player) lane(n int) *storage.Lane {
	if n == 0 {
		return nil
	}
	if p.lanes[n] == nil {
		p.lanes[n] = &storage.Lane{HaltOnError: n%2 == 1}
	}
	return p.lanes[n]
}

// flush waits for the answers that are still to come.
func (p *player) flush() {
	for i, out := range p.pending {
		p.lines[p.waiting[i]] = describe(out.wait())
	}
	p.pending, p.waiting = p.pending[:0], p.waiting[:0]
}

// ask does what is not an append.
func (p *player) ask(ctx context.Context, a action) string {
	head := p.store.Head()
	head -= min(head, a.below())
	switch a.Kind {
	case stepReadAll:
		return describeEvents(collect(p.store.ReadAll(ctx, a.allRange())))
	case stepReadStream:
		r := a.streamRange(head)
		r.Info = &storage.StreamInfo{}
		events := describeEvents(collect(p.store.ReadStream(ctx, r)))
		return fmt.Sprintf("%s of %+v", events, *r.Info)
	case stepTimes:
		position, err := p.store.PositionAt(ctx, a.at, head)
		version, verr := p.store.VersionAt(ctx, a.stream(), a.at, head)
		return fmt.Sprintf("position %d %v, version %d %v of head %d", position, err, version, verr, head)
	case stepStreams:
		return fmt.Sprint(p.store.Streams(ctx, a.query(head)))
	case stepFollow:
		return describeEvents(p.follow(ctx))
	case stepReopen:
		p.store = p.reopen(p.store)
		p.lanes = map[int]*storage.Lane{} // pipelines end with their server
		p.follower.store = p.store
		return fmt.Sprintf("history kept, head %d", head)
	}
	return "unknown step"
}

// follow gives what came since the last time: out of a subscription where the
// store has them.
func (p *player) follow(ctx context.Context) ([]kept, error) {
	s, ok := p.store.(Subscriber)
	if !ok {
		return p.follower.catchUp(ctx)
	}
	events, err := collect(s.Follow(ctx, p.follower.after))
	if len(events) > 0 {
		p.follower.after = events[len(events)-1].position
	}
	return events, err
}
