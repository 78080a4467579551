package aggregate

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// place is a point in one stream that a state is wanted of.
type place struct {
	typ    *ruledType
	stream string
	// upTo is the last version that counts; 0: all that is visible at head.
	upTo storage.Version
	// head is what the reading is pinned to.
	head storage.Position
	// full leaves snapshots alone.
	full bool
	// quiet does not ask for snapshots to be made.
	quiet bool
}

// loaded is a state and how it was come by.
type loaded struct {
	replay.State
	// replayed counts the events that were folded.
	replayed uint64
	// snapshot is the version of the snapshot that the fold began at; 0: at the
	// first event.
	snapshot storage.Version
}

// load folds a stream. One that is not there has the state before the first
// event, of version 0. The error is one of the store's.
func (s *Service) load(ctx context.Context, p place) (loaded, error) {
	every := storage.Version(p.typ.SnapshotEvery())
	if s.o.Snapshots == nil {
		every = 0
	}
	var from replay.State
	if every > 0 && !p.full {
		var err error
		if from, err = s.findSnapshot(ctx, &p); err != nil {
			return loaded{}, err
		}
	}
	fold := replay.ResumeFold(p.typ.rules, from)
	out := loaded{snapshot: from.Version}
	var milestone replay.State // the newest state passed that is worth a snapshot
	err := s.scan(ctx, p.stream, from.Version+1, p.upTo, p.head, func(e *replay.Event) bool {
		fold.Apply(e)
		out.replayed++
		if every > 0 && storage.Version(e.Version)%every == 0 {
			milestone = fold.State()
		}
		return true
	})
	if err != nil {
		return loaded{}, err
	}
	out.State = fold.State()
	if milestone.Version > 0 && !p.quiet {
		s.snapshots.offer(job{typ: p.typ, stream: p.stream, state: milestone})
	}
	s.tell(p.typ, out.Warnings)
	return out, nil
}

// findSnapshot is the newest usable state not after the place; the state before
// the first event when there is none.
func (s *Service) findSnapshot(ctx context.Context, p *place) (replay.State, error) {
	info, err := s.store.Stream(ctx, p.stream, p.head)
	if isNotFound(err) {
		return replay.State{}, nil
	}
	if err != nil {
		return replay.State{}, err
	}
	if p.upTo == 0 || p.upTo > info.Version {
		p.upTo = info.Version
	}
	found, ok, err := s.o.Snapshots.FindSnapshot(ctx, storage.SnapshotQuery{Stream: p.stream, NotAfter: p.upTo, Key: p.typ.key})
	if ctx.Err() != nil {
		return replay.State{}, ctx.Err()
	}
	if err != nil || !ok {
		if err != nil {
			s.o.Logger.Warn("snapshots cannot be read; replaying everything", "stream", p.stream, "error", err)
		}
		return replay.State{}, nil
	}
	state, err := replay.ParseState(found.State)
	if err != nil || state.Version != found.Version {
		s.o.Logger.Warn("a snapshot that cannot be used is ignored", "stream", p.stream, "version", found.Version, "error", err)
		return replay.State{}, nil
	}
	return state, nil
}

// scan reads the events of a stream from version from to version upTo, both
// included, as seen at head. upTo 0: to the end. A stream that is not there has
// none. visit ends it by false.
func (s *Service) scan(ctx context.Context, stream string, from, upTo storage.Version, head storage.Position, visit func(*replay.Event) bool) error {
	r := storage.StreamRange{Stream: stream, From: from, Head: head}
	if upTo > 0 {
		if from > upTo {
			return nil
		}
		if upTo < math.MaxUint64 {
			r.Until = upTo + 1
		}
	}
	return s.read(ctx, r, func(e *storage.Event) (bool, error) {
		event := replay.NewEvent(e)
		return visit(&event), nil
	})
}

// read gives the events of a range taken apart, until ctx ends.
func (s *Service) read(ctx context.Context, r storage.StreamRange, visit func(*storage.Event) (bool, error)) error {
	if r.Head == 0 && s.store.Head() == 0 {
		return nil
	}
	for recorded, err := range s.store.ReadStream(ctx, r) {
		if isNotFound(err) {
			return nil
		}
		if err == nil {
			// The store looks at this once in many events, and each may have a
			// handler that takes long.
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("read stream %q: %w", r.Stream, err)
		}
		e, err := record.Decode(recorded.Wire)
		if err != nil {
			return fmt.Errorf("read stream %q: %w", r.Stream, err)
		}
		if more, err := visit(&e); err != nil || !more {
			return err
		}
	}
	return nil
}

func isNotFound(err error) bool {
	var missing *storage.StreamNotFoundError
	return errors.As(err, &missing)
}
