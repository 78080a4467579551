package aggregate

import (
	"context"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// DiffQuery asks what changed between two points of an aggregate.
type DiffQuery struct {
	// Type and ID name it.
	Type, ID string
	// From and To are the points, which may come in either order. The zero To is
	// now. A From before the first event, or of length 0, is the state {}.
	From, To Point
	// Limit is the most events to give: 1 to [MaxEvents]; 0: [DefaultEvents].
	// Fewer are given where they are large.
	Limit int
}

// DiffResult is what changed.
type DiffResult struct {
	// From and To are the lengths at the two points.
	From, To storage.Version
	// Patch makes the state at To of that at From (RFC 6902).
	Patch replay.Patch
	// Events lie between the points, oldest first, as many as were asked for.
	Events []View
	// Next is the version after which more of them are; 0: these are all.
	Next storage.Version
}

// Diff tells what changed between two points.
func (s *Service) Diff(ctx context.Context, q DiffQuery) (DiffResult, error) {
	t, err := s.current.Load().typeOf(q.Type)
	if err != nil {
		return DiffResult{}, err
	}
	if q.Limit, err = pageLimit(q.Limit); err != nil {
		return DiffResult{}, err
	}
	from, before, err := s.at(ctx, t, q.ID, q.From)
	if err != nil {
		return DiffResult{}, err
	}
	to, after, err := s.at(ctx, t, q.ID, q.To)
	if err != nil {
		return DiffResult{}, err
	}
	out := DiffResult{From: from.upTo, To: to.upTo, Patch: replay.Diff(before, after)}
	low, high := min(out.From, out.To), max(out.From, out.To)
	if low == high {
		return out, nil
	}
	r := storage.StreamRange{Stream: to.stream, From: low + 1, Until: high + 1, Head: max(from.head, to.head)}
	g := gatherer{q: &EventsQuery{Limit: q.Limit}, typ: t, most: s.o.PageBytes}
	if err := s.read(ctx, r, g.take); err != nil {
		return DiffResult{}, err
	}
	page, err := g.finish(ctx, s, r)
	out.Events, out.Next = page.Events, page.Next
	return out, err
}

// at is a point and the state there. An aggregate that is there had the state
// {} before its first event.
func (s *Service) at(ctx context.Context, t *ruledType, id string, at Point) (place, value.Value, error) {
	p, err := s.placeAt(ctx, t, id, at)
	if isCode(err, CodeBeforeFirstEvent) {
		return p, value.Object(), nil
	}
	if err != nil {
		return place{}, value.Value{}, err
	}
	state, err := s.load(ctx, p)
	return p, state.Value, err
}

// TraceQuery asks what each event of an aggregate changed.
type TraceQuery struct {
	// Type and ID name it.
	Type, ID string
	// At is the point up to which; the zero Point: the end.
	At Point
	// After is the version after which the page begins; 0: from the first.
	After storage.Version
	// Limit is the most steps to give: 1 to [MaxEvents]; 0: [DefaultEvents].
	// Fewer are given where they or their changes are large.
	Limit int
}

// Trace is a page of steps.
type Trace struct {
	Steps []TraceStep
	// Next is the version to go on after; 0: there are no more.
	Next storage.Version
	// State is the state after the last step.
	State replay.State
}

// TraceStep is one event and what it changed.
type TraceStep struct {
	View
	// Patch makes the state after the event of that before it.
	Patch replay.Patch
	// State is the state after it.
	State value.Value
	// Known is false when the specification lacks the event, so that it was
	// skipped.
	Known bool
	// Warnings are what its handler could not do.
	Warnings []tick.Warning
}

// Trace gives a page of the steps that led to a state.
func (s *Service) Trace(ctx context.Context, q TraceQuery) (Trace, error) {
	t, err := s.current.Load().typeOf(q.Type)
	if err != nil {
		return Trace{}, err
	}
	if q.Limit, err = pageLimit(q.Limit); err != nil {
		return Trace{}, err
	}
	p, err := s.placeAt(ctx, t, q.ID, q.At)
	if err != nil {
		return Trace{}, err
	}
	before := loaded{State: replay.NewFold(t.rules).State()}
	if q.After = min(q.After, p.upTo); q.After > 0 {
		start := p
		start.upTo = q.After
		if before, err = s.load(ctx, start); err != nil {
			return Trace{}, err
		}
	}
	if q.After == p.upTo {
		return Trace{State: before.State}, nil
	}
	r := storage.StreamRange{Stream: p.stream, From: q.After + 1, Until: p.upTo + 1, Head: p.head}
	g := gatherer{q: &EventsQuery{Limit: q.Limit}, typ: t, most: s.o.PageBytes}
	fold := replay.ResumeFold(t.rules, before.State)
	var out Trace
	err = s.read(ctx, r, func(e *storage.Event) (bool, error) {
		more, err := g.take(e)
		if err != nil || !more {
			return more, err
		}
		event := replay.NewEvent(e)
		step := fold.Step(&event)
		patch := step.Patch()
		g.bytes += sizeOf(patch)
		out.Steps = append(out.Steps, TraceStep{Patch: patch, State: step.After, Known: step.Known, Warnings: step.Warnings})
		return true, nil
	})
	if err != nil {
		return Trace{}, err
	}
	page, err := g.finish(ctx, s, r)
	for i := range out.Steps {
		out.Steps[i].View = page.Events[i]
	}
	out.Next, out.State = page.Next, fold.State()
	return out, err
}

// sizeOf is how much a patch keeps in memory that no state need share.
func sizeOf(p replay.Patch) int {
	n := 0
	for i := range p {
		n += len(p[i].Path) + p[i].Value.Size()
	}
	return n
}
