package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/tables"
)

// Scrub is one look at everything while the store serves. Its functions are
// called from the goroutine of [DB.Scrub].
type Scrub struct {
	// BytesPerSecond bounds the reading; it must be positive.
	BytesPerSecond int64
	// At is told how far the log was read; it may be nil.
	At func(storage.Position)
	// Found is told each damage.
	Found func(storage.CorruptionError)
}

// Scrub looks for damage that no reader has met yet (I9): it reads the events
// in log order with their checksums, every block of every table from the disk,
// and what is durable of the log files. What it finds is told, not changed. An
// error means that it could not go on.
func (d *DB) Scrub(ctx context.Context, s Scrub) error {
	p := &tables.Pace{BytesPerSecond: s.BytesPerSecond}
	if err := d.scrubEvents(ctx, s, p); err != nil {
		return fmt.Errorf("scrub events in %s: %w", d.dir, err)
	}
	err := d.opts.tables(d.dir).CheckBlocks(ctx, d.pebble, p, func(path string, err error) error {
		return s.note(path, damaged(path, err))
	})
	if err := s.note("the tables", damaged("the tables", err)); err != nil {
		return fmt.Errorf("scrub tables in %s: %w", d.dir, err)
	}
	if d.opts.sums == nil {
		return nil
	}
	if err := d.opts.sums.Scrub(ctx, p.Wait, s.Found); err != nil {
		return fmt.Errorf("scrub log files in %s: %w", d.dir, err)
	}
	return nil
}

// note tells damage and gives any other error back.
func (s Scrub) note(where string, err error) error {
	var corrupt *storage.CorruptionError
	var form *storage.UnknownFormError
	switch {
	case errors.As(err, &corrupt):
		s.Found(*corrupt)
	case errors.As(err, &form):
		s.Found(storage.CorruptionError{Where: where, Detail: form.Error()})
	default:
		return err
	}
	return nil
}

// scrubChunk is how many events are read with one iterator, so that none is
// held for long.
const scrubChunk = 1000

func (d *DB) scrubEvents(ctx context.Context, s Scrub, p *tables.Pace) error {
	last, _, err := d.Last()
	if err != nil {
		return s.note("the last event", err)
	}
	for from := storage.Position(1); from <= last; from += scrubChunk {
		until := min(from+scrubChunk, last+1)
		if err := d.scrubRange(ctx, s, p, from, until); err != nil {
			return err
		}
		if s.At != nil {
			s.At(until - 1)
		}
	}
	return nil
}

// scrubRange looks at the events from one position until another. A damaged one
// does not hide those behind it.
func (d *DB) scrubRange(ctx context.Context, s Scrub, p *tables.Pace, from, until storage.Position) error {
	it, err := d.iter(keys.AppendEvent(nil, from), keys.AppendEvent(nil, until))
	if err != nil {
		return s.note("events", err)
	}
	next, bytes := from, 0
	for ok := it.First(); ok; ok = it.Next() {
		at, err := keys.Event(it.Key())
		if err != nil {
			return d.closeIter(it, err)
		}
		for ; next < at; next++ {
			s.Found(*missingEvent(next))
		}
		next++
		wire, err := unseal(it, at)
		if err := s.note(fmt.Sprintf("event at position %d", at), err); err != nil {
			return d.closeIter(it, err)
		}
		bytes += len(wire)
	}
	if err := d.closeIter(it, nil); err != nil {
		// A block that cannot be read: the tables' turn will name the file.
		return s.note("events", err)
	}
	for ; next < until; next++ {
		s.Found(*missingEvent(next))
	}
	return p.Wait(ctx, bytes) // no iterator is held while it waits
}
