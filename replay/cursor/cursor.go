package cursor

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// quietStretch is how many events may be looked at without a step; then one
// with kind [Progress] is due.
const quietStretch = 10_000

// Selection says which events to follow. The zero value is the whole log
// without the server's streams.
type Selection struct {
	// Stream or Category narrows to one stream or one category; not both.
	Stream, Category string
	// Filter must be valid.
	Filter storage.Filter
}

// Cursor is a place in the log that moves on. It belongs to one goroutine.
type Cursor struct {
	store     storage.Store
	selection Selection
	matcher   *record.Matcher

	// scanned is the position up to which everything was looked at, and
	// delivered if it passes; version the same for the stream, if one is
	// followed. Both only grow, and move together with what is delivered (I6).
	scanned storage.Position
	version storage.Version
	// pinned is a durable head, at or above scanned (I7).
	pinned storage.Position
	// live says that pinned was reached since the start and since the latest
	// falling behind.
	live bool
	// dated says that events recorded before notBefore do not pass; false once
	// one was recorded later, since recorded times never decrease (I12).
	dated     bool
	notBefore storage.Instant
	// quiet counts the events looked at since the latest step.
	quiet int
	// hint is what the latest batch of copied events took.
	hint int
}

// Open pins the head and finds the start. A start beyond the end is a
// [storage.BeyondHeadError]; an unknown stream is not an error, it is waited
// for.
func Open(ctx context.Context, store storage.Store, selection Selection, start Start) (*Cursor, error) {
	c := &Cursor{
		store:     store,
		selection: selection,
		pinned:    store.Head(),
		matcher: record.NewMatcher(selection.Filter, record.Source{
			Stream:   selection.Stream,
			Category: selection.Category,
		}),
	}
	fault.At(fault.CursorOpened)
	if err := c.begin(ctx, start); err != nil {
		return nil, err
	}
	return c, nil
}

// Pinned is the head that [Open] pinned, until Next is called; then the one
// that the cursor is on its way to.
func (c *Cursor) Pinned() storage.Position { return c.pinned }

// Place is where the cursor is, as a step of kind [Progress], which counts as
// one: for a first notice, for one from time to time, and for a last one.
func (c *Cursor) Place() Step {
	return c.step(Progress, batch{}, max(c.store.Head(), c.pinned))
}

// Next waits for the next step and returns it. When ctx ends, Next returns its
// error with nothing lost, and may be called again with another context: that
// is how a caller sends notices by time. An error of the store is returned as
// it is, wrapped; [storage.ErrShuttingDown] once it closes.
func (c *Cursor) Next(ctx context.Context) (Step, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Step{}, err
		}
		if c.scanned == c.pinned {
			if !c.live {
				c.live = true
				fault.At(fault.CursorCaughtUp)
				return c.step(CaughtUp, batch{}, c.pinned), nil
			}
			fault.At(fault.CursorWaits)
			head, err := c.store.AwaitHead(ctx, c.pinned)
			if err != nil {
				return Step{}, err
			}
			fault.At(fault.CursorWoken)
			c.pinned = head
		}
		step, err := c.advance(ctx)
		if err != nil || step.Kind != 0 {
			return step, err
		}
	}
}

// advance looks at some of what lies between scanned and pinned. A step
// without kind means that nothing of it passed.
func (c *Cursor) advance(ctx context.Context) (Step, error) {
	var found batch
	var err error
	if group, ok := c.store.Tail(c.scanned); ok {
		found, err = c.fromTail(group)
	} else if c.live {
		c.live = false
		fault.At(fault.CursorFellBehind)
		c.pinned = c.store.Head()
		if mutant.On(mutant.BehindSkips) {
			c.scanned = c.pinned
		}
		return c.step(FellBehind, batch{}, c.pinned), nil
	} else {
		found, err = c.fromLog(ctx)
	}
	switch {
	case found.count > 0:
		// An error after it comes again when its place is read again.
		return c.step(Events, found, c.pinned), nil
	case err != nil:
		return Step{}, err
	case c.quiet >= quietStretch:
		return c.step(Progress, batch{}, c.pinned), nil
	}
	return Step{}, nil
}

// fromTail looks at the rest of a group, which holds the event after scanned.
// Events that lie side by side are passed on without copying.
func (c *Cursor) fromTail(group storage.Group) (batch, error) {
	fault.At(fault.CursorFromTail)
	if group.Last > c.pinned {
		// Stopping inside a group would only cut batches in two. What is
		// durable by now may be shown, no more (I7).
		c.pinned = max(c.pinned, min(group.Last, c.store.Head()))
	}
	found := batch{shared: group.Frames}
	position, end := group.First-1, 0
	for wire := range record.Frames(group.Frames) {
		position++
		begin := end
		end += record.FrameSize(len(wire))
		if position <= c.scanned {
			continue
		}
		if mutant.On(mutant.LiveDropsOne) && c.live && position == group.Last && position > group.First {
			c.scanned = position
			break
		}
		if position > c.pinned || c.quiet >= quietStretch || !found.fits(end-begin) {
			break
		}
		passes, err := c.look(wire, position)
		if err != nil {
			return found, err
		}
		if passes {
			found.share(begin, end)
		}
	}
	if position <= c.scanned && end == len(group.Frames) && c.scanned < group.Last {
		// Never short in silence: reading it again would go on for ever.
		return found, &storage.CorruptionError{
			Where:  fmt.Sprintf("group of positions %d to %d in memory", group.First, group.Last),
			Detail: fmt.Sprintf("it ends at %d", position),
		}
	}
	return found, nil
}

// fromLog looks at the log up to pinned, for as much as one step may hold.
func (c *Cursor) fromLog(ctx context.Context) (batch, error) {
	found := batch{hint: c.hint}
	if err := fault.Fail(fault.CursorFromLog); err != nil {
		return found, fmt.Errorf("read after position %d: %w", c.scanned, err)
	}
	for e, err := range c.unseen(ctx) {
		if notFound := (*storage.StreamNotFoundError)(nil); errors.As(err, &notFound) {
			break // it may come yet
		}
		if err != nil {
			return found, fmt.Errorf("read after position %d: %w", c.scanned, err)
		}
		if c.quiet >= quietStretch || !found.fits(record.FrameSize(len(e.Wire))) {
			c.hint = len(found.copied)
			return found, nil
		}
		passes, err := c.look(e.Wire, e.Position)
		if err != nil {
			return found, err
		}
		if passes {
			found.copy(e.Wire)
		}
	}
	c.hint = len(found.copied)
	c.scanned = c.pinned
	return found, nil
}

// unseen are the events after scanned up to pinned.
func (c *Cursor) unseen(ctx context.Context) iter.Seq2[storage.Recorded, error] {
	if c.selection.Stream != "" {
		return c.store.ReadStream(ctx, storage.StreamRange{
			Stream: c.selection.Stream,
			From:   c.version + 1,
			Head:   c.pinned,
		})
	}
	if mutant.On(mutant.CatchUpEdge) && c.pinned > c.scanned+1 {
		return c.store.ReadAll(ctx, storage.AllRange{From: c.scanned + 1, Until: c.pinned})
	}
	return c.store.ReadAll(ctx, storage.AllRange{From: c.scanned + 1, Until: c.pinned + 1})
}

// look moves on over one event and tells whether it passes. Nothing changes
// when it fails.
func (c *Cursor) look(wire []byte, position storage.Position) (bool, error) {
	passes := true
	if c.selection.Stream != "" || c.dated {
		stream, version, _, at, err := record.Place(wire)
		if err != nil {
			return false, fmt.Errorf("look at position %d: %w", position, err)
		}
		if c.selection.Stream != "" {
			if passes = string(stream) == c.selection.Stream; passes {
				c.version = version
			}
		}
		if c.dated {
			c.dated = at < c.notBefore
			passes = passes && !c.dated
		}
	}
	c.scanned = position
	c.quiet++
	return passes && c.matcher.Match(wire), nil
}

// step makes a step of what was found.
func (c *Cursor) step(kind Kind, found batch, head storage.Position) Step {
	c.quiet = 0
	scanned := c.scanned
	if mutant.On(mutant.ProgressIsHead) && kind == Progress {
		scanned = head
	}
	cursor := uint64(scanned)
	if c.selection.Stream != "" {
		cursor = uint64(c.version)
	}
	return Step{
		Kind:      kind,
		Frames:    found.frames(),
		Count:     found.count,
		Cursor:    cursor,
		ScannedTo: scanned,
		Head:      head,
	}
}
