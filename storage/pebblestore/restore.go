package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/directory"
)

// unfinishedRestore marks a directory whose restore has not finished.
const unfinishedRestore = "stet-restore-unfinished"

// restoreBatchBytes is the size at which a batch of a restore is applied.
const restoreBatchBytes = 4 << 20

// Restorer fills a new store with events that have their places already: the
// total restoration from events alone. Not safe for concurrent use.
type Restorer struct {
	dir     string
	opts    Options
	db      *DB
	lock    *pebble.Lock
	batch   *Batch
	streams map[string]storage.StreamState
	last    storage.Position
	at      storage.Instant
}

// NewRestorer begins a restore into a directory that is missing or empty. The
// store will have the given history.
func NewRestorer(dir string, o Options, history storage.HistoryID) (*Restorer, error) {
	o = o.withDefaults()
	found, err := inspect(o.FS, dir)
	if err != nil {
		return nil, err
	}
	if found.store {
		return nil, fmt.Errorf("restore into %s: there is a store already; choose a new directory", dir)
	}
	lock, err := lockDirectory(o.FS, dir)
	if err != nil {
		return nil, err
	}
	r := &Restorer{dir: dir, lock: lock, streams: make(map[string]storage.StreamState)}
	if err = o.checkSums(context.Background(), dir); err == nil {
		err = directory.Write(o.FS, dir, unfinishedRestore, nil)
	}
	if err == nil {
		o, err = o.withSums(dir)
	}
	if err == nil {
		err = create(dir, o, lock, history)
	}
	if err == nil {
		r.db, err = open(dir, o, lock, false)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("restore into %s: %w", dir, err), o.closeSums(), lock.Close())
	}
	r.opts = o
	r.batch = r.db.Begin()
	return r, nil
}

// Add adds the next event. Positions must follow each other from 1, versions
// likewise in each stream, and times may not fall.
func (r *Restorer) Add(stream string, v storage.Version, p storage.Position, at storage.Instant, e storage.NewEvent) error {
	state := r.streams[stream]
	switch {
	case p != r.last+1:
		return fmt.Errorf("position %d follows %d; want %d: the export is not complete or not in order", p, r.last, r.last+1)
	case v != state.Version+1:
		return fmt.Errorf("position %d: version %d of stream %q follows %d; want %d", p, v, stream, state.Version, state.Version+1)
	case at < r.at:
		return fmt.Errorf("position %d: it was recorded before the event at %d", p, r.last)
	}
	if state.Number == 0 {
		state.Number = uint64(len(r.streams)) + 1
	}
	state.Version = v
	r.streams[stream] = state
	r.last, r.at = p, at
	r.batch.Put(storage.Placed{Stream: stream, Number: state.Number, Version: v, Position: p, RecordedAt: at, Event: &e}, v == 1)
	if r.batch.Bytes() < restoreBatchBytes {
		return nil
	}
	if err := r.apply(pebble.NoSync); err != nil {
		return err
	}
	r.batch = r.db.Begin()
	return nil
}

func (r *Restorer) apply(o *pebble.WriteOptions) error {
	r.batch.index()
	if r.batch.err != nil {
		return fmt.Errorf("restore into %s: %w", r.dir, r.batch.err)
	}
	if err := r.batch.pebble.Commit(o); err != nil {
		return fmt.Errorf("restore into %s: %w", r.dir, err)
	}
	return r.batch.pebble.Close()
}

// Finish makes everything durable and the store usable.
func (r *Restorer) Finish() error {
	err := r.apply(pebble.Sync)
	if err = errors.Join(err, r.db.Close()); err == nil {
		err = r.opts.FS.Remove(r.opts.FS.PathJoin(r.dir, unfinishedRestore))
	}
	if err == nil {
		err = directory.Sync(r.opts.FS, r.dir)
	}
	return errors.Join(err, r.lock.Close())
}

// Abort gives up and leaves the directory marked as unfinished: it can only be
// deleted.
func (r *Restorer) Abort() error {
	return errors.Join(r.batch.pebble.Close(), r.db.Close(), r.lock.Close())
}
