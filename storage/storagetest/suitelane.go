package storagetest

import (
	"errors"

	"github.com/stet-db/stet/storage"
)

var laneRules = []rule{
	{"answers a lane in the order of submission", answersLaneInOrder},
	{"answers a request refused before in its turn", answersRefusedInTurn},
	{"goes on after a refusal in a lane that does not halt", goesOnAfterRefusal},
	{"refuses all that follows a refusal in a lane that halts", haltsLane},
	{"does not halt a lane for a replay", replayDoesNotHalt},
	{"halts no other lane", haltsNoOtherLane},
}

var errRefusedBefore = storage.Invalid(storage.Violation{Field: "events[0].json", Problem: "is wrong"})

func answersLaneInOrder(s *subject) {
	const n = 300
	lane := &storage.Lane{}
	order := make(chan int, n)
	for i := range n {
		a := One(1, Expect("lane-1", storage.ExpectVersion(storage.Version(i/2)), s.event()))
		a.Lane = lane
		if err := s.store.Submit(s.Context(), a, func(storage.Appended, error) { order <- i }); err != nil {
			s.Fatalf("submit %d: %v", i, err)
		}
	}
	for i := range n {
		if got := <-order; got != i {
			s.Fatalf("answer %d came when answer %d was due", got, i)
		}
	}
}

// laneAppends submits, in one lane: an accepted one, the refused one that
// refuse makes of a fresh append, and one more that could be accepted.
func (s *subject) laneAppends(lane *storage.Lane, refuse func(*storage.Append)) [3]*submitted {
	var out [3]*submitted
	for i := range out {
		a := One(1, Expect("lane-1", storage.ExpectAny(), s.event()))
		a.Lane = lane
		if i == 1 {
			refuse(a)
		}
		out[i] = s.submit(s.Context(), a)
	}
	return out
}

func refusedBefore(a *storage.Append) { a.Refused = errRefusedBefore }

func expectFar(a *storage.Append) { a.Entries[0].Expectation = storage.ExpectVersion(99) }

func answersRefusedInTurn(s *subject) {
	got := s.laneAppends(&storage.Lane{}, refusedBefore)
	if _, err := got[1].wait(); !errors.Is(err, errRefusedBefore) {
		s.Fatalf("refused request: got %v, want its own error", err)
	}
	if _, err := s.store.Append(s.Context(), &storage.Append{Refused: errRefusedBefore}); !errors.Is(err, errRefusedBefore) {
		s.Fatalf("refused request without entries: got %v, want its own error", err)
	}
	if n := len(s.all()); n != 2 {
		s.Fatalf("the log has %d events, want 2", n)
	}
}

func goesOnAfterRefusal(s *subject) {
	lane := &storage.Lane{}
	for _, refuse := range []func(*storage.Append){refusedBefore, expectFar} {
		got := s.laneAppends(lane, refuse)
		if _, err := got[1].wait(); err == nil {
			s.Fatal("the second append was accepted")
		}
		for _, i := range []int{0, 2} {
			if _, err := got[i].wait(); err != nil {
				s.Fatalf("append %d: %v", i, err)
			}
		}
	}
}

func haltsLane(s *subject) {
	mismatch := func(a *storage.Append) { WithRequestID(a, "used") }
	s.accept(WithRequestID(One(1, Expect("other-1", storage.ExpectAny(), s.event())), "used"))
	for i, refuse := range []func(*storage.Append){refusedBefore, expectFar, mismatch} {
		lane := &storage.Lane{HaltOnError: true}
		got := s.laneAppends(lane, refuse)
		if _, err := got[0].wait(); err != nil {
			s.Fatalf("case %d: first append: %v", i, err)
		}
		if _, err := got[1].wait(); err == nil || errors.Is(err, storage.ErrPipelineHalted) {
			s.Fatalf("case %d: second append: got %v, want its own refusal", i, err)
		}
		// All that follows is refused with the same error, whatever it is.
		late := s.laneAppends(lane, refusedBefore)
		for j, a := range []*submitted{got[2], late[0], late[1], late[2]} {
			if _, err := a.wait(); !errors.Is(err, storage.ErrPipelineHalted) {
				s.Fatalf("case %d: append %d after the refusal: got %v, want %v", i, j, err, storage.ErrPipelineHalted)
			}
		}
	}
	if n := len(s.all()); n != 4 {
		s.Fatalf("the log has %d events, want 4", n)
	}
}

func replayDoesNotHalt(s *subject) {
	a := WithRequestID(One(1, Expect("a-1", storage.ExpectNoStream(), s.event())), "again")
	s.accept(a)
	lane := &storage.Lane{HaltOnError: true}
	repeat := *a
	repeat.Lane = lane
	if got, err := s.submit(s.Context(), &repeat).wait(); err != nil || !got.Replayed {
		s.Fatalf("repeat: got %v, %v, want the first answer", got, err)
	}
	next := One(1, Expect("a-1", storage.ExpectVersion(1), s.event()))
	next.Lane = lane
	s.accept(next)
}

func haltsNoOtherLane(s *subject) {
	halted, other := &storage.Lane{HaltOnError: true}, &storage.Lane{HaltOnError: true}
	got := s.laneAppends(halted, refusedBefore)
	for i, a := range []*storage.Append{
		One(1, Expect("b-1", storage.ExpectAny(), s.event())),
		One(1, Expect("b-1", storage.ExpectAny(), s.event())),
	} {
		if i == 0 {
			a.Lane = other
		}
		s.accept(a)
	}
	if _, err := got[2].wait(); !errors.Is(err, storage.ErrPipelineHalted) {
		s.Fatalf("halted lane: got %v, want %v", err, storage.ErrPipelineHalted)
	}
}
