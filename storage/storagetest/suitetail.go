package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

var tailRules = []rule{
	{"keeps the newest events in the tail", keepsNewestInTail},
	{"says in the tail what the log says", tailEqualsLog},
	{"lets a follower of the tail miss and repeat nothing", followersMissNothing},
	{"wakes those who wait for the head", wakesWaiters},
	{"lets waiting for the head end with its context", endsWaitWithContext},
}

func keepsNewestInTail(s *subject) {
	if g, ok := s.store.Tail(0); ok {
		s.Fatalf("the tail of an empty log has positions %d to %d", g.First, g.Last)
	}
	for i := range 20 {
		got := s.accept(One(1, Expect("a-1", storage.ExpectAny(), s.events(1+i%3)...)))
		for after := got.First - 1; after < got.Last; after++ {
			if g, ok := s.store.Tail(after); !ok || g.First > after+1 || g.Last < after+1 {
				s.Fatalf("tail after %d at head %d: got %d to %d, %v", after, got.Last, g.First, g.Last, ok)
			}
		}
		for _, after := range []storage.Position{got.Last, got.Last + 1, 1 << 62} {
			if g, ok := s.store.Tail(after); ok {
				s.Fatalf("tail after %d at head %d: got %d to %d", after, got.Last, g.First, g.Last)
			}
		}
	}
}

// tailEqualsLog shows that the tail is a cache of the log and no more.
func tailEqualsLog(s *subject) {
	s.accept(One(1, Expect("$server", storage.ExpectAny(), s.event())))
	var pending []*submitted
	for i := range 100 {
		pending = append(pending, s.submit(s.Context(), One(1, Expect(fmt.Sprintf("s-%d", i%4), storage.ExpectAny(), s.events(1+i%5)...))))
	}
	for _, p := range pending {
		if _, err := p.wait(); err != nil {
			s.Fatalf("append: %v", err)
		}
	}
	for after := storage.Position(0); after < s.store.Head(); after++ {
		if g, ok := s.store.Tail(after); ok {
			s.checkGroup(g, after)
		}
	}
}

// checkGroup wants the group to hold the position after the given one, and to
// say what the log says.
func (s *subject) checkGroup(g storage.Group, after storage.Position) {
	s.Helper()
	if g.First > after+1 || g.Last < after+1 || g.Last > s.store.Head() {
		s.Fatalf("tail after %d at head %d: got %d to %d", after, s.store.Head(), g.First, g.Last)
	}
	var frames []byte
	for _, k := range s.read(s.store.ReadAll(s.Context(), storage.AllRange{From: g.First, Until: g.Last + 1})) {
		frames = record.AppendFrame(frames, k.wire)
	}
	if !bytes.Equal(frames, g.Frames) {
		s.Fatalf("tail group %d to %d differs from the log", g.First, g.Last)
	}
}

// followersMissNothing shows I6 for the parts that a subscription is made of.
func followersMissNothing(s *subject) {
	const n = 200
	follow := func() {
		f := follower{store: s.store}
		for f.after < n {
			before := f.after
			events, err := f.catchUp(s.Context())
			if err != nil {
				s.Errorf("follow after %d: %v", before, err)
				return
			}
			for i, k := range events {
				if k.position != before+storage.Position(i)+1 {
					s.Errorf("position %d follows %d", k.position, before+storage.Position(i))
					return
				}
			}
			if _, err := s.store.AwaitHead(s.Context(), min(f.after, n-1)); err != nil {
				s.Errorf("await head above %d: %v", f.after, err)
				return
			}
		}
	}
	write := func() {
		for i := range n / 2 {
			a := One(1, Expect("a-1", storage.ExpectAny(), Propose(uint64(2*i+1), "Followed", `{}`), Propose(uint64(2*i+2), "Followed", `{}`)))
			if _, err := s.store.Append(s.Context(), a); err != nil {
				s.Errorf("append: %v", err)
			}
		}
	}
	parallel(follow, write, follow)
}

// follower reads on from where it was, out of the tail where it can.
type follower struct {
	store storage.Store
	after storage.Position
}

// catchUp gives what came since the last call, up to the head.
func (f *follower) catchUp(ctx context.Context) ([]kept, error) {
	var out []kept
	for head := f.store.Head(); f.after < head; {
		g, ok := f.store.Tail(f.after)
		if !ok {
			events, err := collect(f.store.ReadAll(ctx, storage.AllRange{From: f.after + 1, Until: head + 1}))
			out = append(out, events...)
			if err == nil && len(events) == 0 {
				err = fmt.Errorf("nothing after position %d, though the head is %d", f.after, head)
			}
			if err != nil {
				return out, err
			}
			f.after += storage.Position(len(events))
			continue
		}
		p := g.First
		for wire := range record.Frames(g.Frames) {
			if p > f.after && p <= head {
				out = append(out, kept{p, bytes.Clone(wire)})
			}
			p++
		}
		if p != g.Last+1 {
			return out, fmt.Errorf("tail group %d to %d holds %d events", g.First, g.Last, p-g.First)
		}
		f.after = min(g.Last, head)
	}
	return out, nil
}

func wakesWaiters(s *subject) {
	const n = 20
	wait := func() {
		for above := storage.Position(0); above < n; {
			head, err := s.store.AwaitHead(s.Context(), above)
			if err != nil || head <= above || head > s.store.Head() {
				s.Errorf("await head above %d: got %d, %v", above, head, err)
				return
			}
			above = head
		}
	}
	parallel(wait, wait, wait, func() {
		for i := range n {
			if _, err := s.store.Append(s.Context(), One(1, Expect("a-1", storage.ExpectAny(), Propose(uint64(i+1), "Woken", `{}`)))); err != nil {
				s.Errorf("append: %v", err)
			}
		}
	})
	if head, err := s.store.AwaitHead(s.Context(), 3); err != nil || head != n {
		s.Fatalf("await a head that is there: got %d, %v, want %d", head, err, n)
	}
}

func endsWaitWithContext(s *subject) {
	s.fill("a-1", 1, 1)
	ctx, cancel := context.WithCancel(s.Context())
	parallel(func() {
		if _, err := s.store.AwaitHead(ctx, 1); !errors.Is(err, context.Canceled) {
			s.Errorf("await head: got %v, want %v", err, context.Canceled)
		}
	}, cancel)
	s.fill("a-1", 1, 1)
}
