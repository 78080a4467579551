package cursor

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/storage"
)

// Start says where to begin. The zero value is the beginning.
type Start struct {
	kind  startKind
	after uint64
	time  storage.Instant
}

type startKind uint8

const (
	startBeginning startKind = iota
	startAfter
	startTime
	startNow
)

// Beginning starts before everything.
func Beginning() Start { return Start{} }

// After starts after a cursor, excluded: a version when a stream is followed,
// else a position. 0 is the beginning.
func After(cursor uint64) Start { return Start{kind: startAfter, after: cursor} }

// At starts with the first event recorded at t or later, also when that is
// still to come.
func At(t storage.Instant) Start { return Start{kind: startTime, time: t} }

// Now starts after the head at the time of [Open].
func Now() Start { return Start{kind: startNow} }

// begin sets the cursor to its start, as seen at the pinned head.
func (c *Cursor) begin(ctx context.Context, start Start) error {
	if start.kind == startTime {
		// PositionAt finds nothing that is still to come, so early events are
		// also passed over one by one until the time is reached.
		c.dated, c.notBefore = true, start.time
	}
	if c.selection.Stream != "" {
		return c.beginStream(ctx, start)
	}
	switch start.kind {
	case startAfter:
		if start.after > uint64(c.pinned) {
			return &storage.BeyondHeadError{Cursor: start.after, End: uint64(c.pinned)}
		}
		c.scanned = storage.Position(start.after)
	case startTime:
		p, err := c.store.PositionAt(ctx, start.time, c.pinned)
		if err != nil {
			return fmt.Errorf("find the start by time: %w", err)
		}
		c.scanned = p - 1
	case startNow:
		c.scanned = c.pinned
	case startBeginning:
	}
	return nil
}

// beginStream is begin for one stream, whose cursor is a version.
func (c *Cursor) beginStream(ctx context.Context, start Start) error {
	last, err := c.streamVersion(ctx)
	if err != nil {
		return err
	}
	switch start.kind {
	case startAfter:
		if start.after > uint64(last) {
			return &storage.BeyondHeadError{Cursor: start.after, End: uint64(last)}
		}
		c.version = storage.Version(start.after)
	case startTime:
		if last == 0 {
			break
		}
		v, err := c.store.VersionAt(ctx, c.selection.Stream, start.time, c.pinned)
		if err != nil {
			return fmt.Errorf("find the start by time: %w", err)
		}
		c.version = v - 1
	case startNow:
		c.version = last
	case startBeginning:
	}
	if c.version == last {
		c.scanned = c.pinned
		return nil
	}
	return c.placeVersion(ctx)
}

// streamVersion is the version of the stream at the pinned head, 0 when it is
// not there yet.
func (c *Cursor) streamVersion(ctx context.Context) (storage.Version, error) {
	info, err := c.store.Stream(ctx, c.selection.Stream, c.pinned)
	if notFound := (*storage.StreamNotFoundError)(nil); errors.As(err, &notFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at the stream: %w", err)
	}
	return info.Version, nil
}

// placeVersion finds the position of the version that the cursor is at, so
// that the log before it is not looked at again.
func (c *Cursor) placeVersion(ctx context.Context) error {
	if c.version == 0 {
		return nil
	}
	r := storage.StreamRange{
		Stream: c.selection.Stream,
		From:   c.version,
		Until:  c.version + 1,
		Head:   c.pinned,
	}
	for e, err := range c.store.ReadStream(ctx, r) {
		if err != nil {
			return fmt.Errorf("find the position of version %d: %w", c.version, err)
		}
		c.scanned = e.Position
	}
	return nil
}
