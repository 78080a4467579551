package aggregate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
)

// Point says of when a state is wanted: at most one of Length and Time. The
// zero Point is now.
type Point struct {
	// Length counts the first events only; beyond the end is now.
	Length *storage.Version
	// Time counts what was recorded up to then, the whole unit included.
	Time *Moment
}

// StateQuery asks for the state of one aggregate.
type StateQuery struct {
	// Type and ID name it.
	Type, ID string
	// At is the point.
	At Point
	// Effective counts the events whose facts had happened by then, in the order
	// of the facts, whenever they were recorded; with At.Time only those that
	// were recorded by that. Nil: the order of recording counts.
	Effective *Moment
	// MinPosition is waited for, at most for Wait; default [DefaultWait].
	MinPosition storage.Position
	Wait        time.Duration
	// FullReplay leaves snapshots alone.
	FullReplay bool
}

// State is the answer. Its Version is the length.
type State struct {
	replay.State
	// Replayed counts the events folded, from the one after Snapshot, which is
	// the version of the snapshot used; 0: none was.
	Replayed uint64
	Snapshot storage.Version
	// Head is the position as of which the answer holds.
	Head storage.Position
}

// Bounds of waiting for a position.
const (
	DefaultWait = 5 * time.Second
	MaxWait     = 30 * time.Second
	// MaxAhead is how far beyond the head a position may be that is waited for.
	MaxAhead = 1_000_000
)

// maxEffective bounds the events of one answer that depends on their facts'
// order, for which all of them must be in memory. Options.PageBytes bounds their
// data.
const maxEffective = 100_000

// State answers what the state is or was. Errors: a [*Refusal], or one of the
// store's.
func (s *Service) State(ctx context.Context, q StateQuery) (State, error) {
	t, err := s.current.Load().typeOf(q.Type)
	if err != nil {
		return State{}, err
	}
	if err := s.Await(ctx, q.MinPosition, q.Wait); err != nil {
		return State{}, err
	}
	p, err := s.placeAt(ctx, t, q.ID, q.At)
	if err != nil {
		return State{}, err
	}
	p.full = q.FullReplay
	if q.Effective != nil {
		return s.effective(ctx, p, *q.Effective)
	}
	out, err := s.load(ctx, p)
	if err != nil {
		return State{}, err
	}
	return State{State: out.State, Replayed: out.replayed, Snapshot: out.snapshot, Head: p.head}, nil
}

// Await waits until the log has reached the position. wait is bounded by
// [MaxWait]; 0 is [DefaultWait].
func (s *Service) Await(ctx context.Context, p storage.Position, wait time.Duration) error {
	head := s.store.Head()
	if p <= head {
		return nil
	}
	switch {
	case p-head > MaxAhead:
		return refuse(Malformed, CodePositionTooFar, fmt.Sprintf("position %d is more than %d beyond the end of the log, %d", p, MaxAhead, head))
	case wait < 0 || wait > MaxWait:
		return refuse(Malformed, CodeInvalidRequest, fmt.Sprintf("waiting is possible for up to %v", MaxWait))
	case wait == 0:
		wait = DefaultWait
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_, err := s.store.AwaitHead(waiting, p-1)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return refuse(Unavailable, CodePositionNotYet, fmt.Sprintf("the log did not reach position %d within %v; it is at %d", p, wait, s.store.Head()))
	}
	return err
}

// placeAt finds the last version that counts at a point of an aggregate, which
// must be there. The id is taken as it is, or as it would be stored.
func (s *Service) placeAt(ctx context.Context, t *ruledType, id string, at Point) (place, error) {
	p := place{typ: t, stream: t.Stream(id), head: s.store.Head()}
	if at.Length != nil && at.Time != nil {
		return place{}, refuse(Malformed, CodeInvalidRequest, "a length and a time exclude each other")
	}
	info, err := s.store.Stream(ctx, p.stream, p.head)
	if isNotFound(err) {
		if stored, problem := t.CheckID(id); problem == "" && stored != id {
			return s.placeAt(ctx, t, stored, at)
		}
		return place{}, refuse(Missing, CodeNotFound, fmt.Sprintf("no event of %s %q was ever recorded", t.Name(), id))
	}
	if err != nil {
		return place{}, err
	}
	p.upTo, err = s.versionAt(ctx, p, info.Version, at)
	if err == nil && p.upTo == 0 {
		err = refuse(Missing, CodeBeforeFirstEvent, fmt.Sprintf("%s %q had no event yet", t.Name(), id))
	}
	return p, err
}

// versionAt is the last version that counts at a point; 0: none does.
func (s *Service) versionAt(ctx context.Context, p place, last storage.Version, at Point) (storage.Version, error) {
	switch {
	case at.Length != nil:
		return min(*at.Length, last), nil
	case at.Time != nil:
		after, err := s.store.VersionAt(ctx, p.stream, at.Time.Until, p.head)
		return min(after-1, last), err
	default:
		return last, nil
	}
}

// effective folds in the order of the facts. The length is the number of events
// that count.
func (s *Service) effective(ctx context.Context, p place, at Moment) (State, error) {
	var events []replay.Event
	bytes := 0
	err := s.scan(ctx, p.stream, 1, p.upTo, p.head, func(e *replay.Event) bool {
		if e.Effective() < at.Until {
			events = append(events, *e)
			bytes += e.Data.Size()
		}
		return len(events) <= maxEffective && bytes <= s.o.PageBytes
	})
	switch {
	case err != nil:
		return State{}, err
	case len(events) > maxEffective || bytes > s.o.PageBytes:
		return State{}, refuse(Unprocessable, CodeTooManyEvents, fmt.Sprintf(
			"more than %d events, or %d bytes of data, would have to be put in order", maxEffective, s.o.PageBytes))
	case len(events) == 0:
		return State{}, refuse(Missing, CodeBeforeFirstEvent, "nothing had happened by then")
	}
	replay.Effective(events)
	fold := replay.NewFold(p.typ.rules)
	for i := range events {
		fold.Apply(&events[i])
	}
	out := State{State: fold.State(), Replayed: uint64(len(events)), Head: p.head}
	out.Version = storage.Version(len(events))
	s.tell(p.typ, out.Warnings)
	return out, nil
}

// Length is the number of events ever recorded of an aggregate.
func (s *Service) Length(ctx context.Context, typ, id string) (storage.Version, error) {
	t, err := s.current.Load().typeOf(typ)
	if err != nil {
		return 0, err
	}
	p, err := s.placeAt(ctx, t, id, Point{})
	return p.upTo, err
}
