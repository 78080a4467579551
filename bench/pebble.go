package main

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/storage/pebblestore/logspace"
)

// barePebble writes the events' bytes under their numbers, with Pebble's own
// group commit and Stet's way of giving the log its space, in this process: what
// the engine allows. It judges, numbers and indexes nothing.
func barePebble() system {
	return system{name: "bare Pebble", limit: true, durable: true, fresh: true, start: func(_ context.Context, dir string, _ bool) (*running, error) {
		db, err := openBare(dir)
		if err != nil {
			return nil, err
		}
		return &running{driver: &pebbleDriver{db: db}, version: module("github.com/cockroachdb/pebble/v2"), stop: db.Close}, nil
	}}
}

func openBare(dir string) (*pebble.DB, error) {
	return pebble.Open(dir, &pebble.Options{
		FS: logspace.FS{FS: vfs.Default}, FormatMajorVersion: pebble.FormatNewest, MemTableSize: 64 << 20, Logger: quiet{},
		L0CompactionThreshold: 4, L0StopWritesThreshold: 40, MemTableStopWritesThreshold: 4,
	})
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic("pebble: " + format)
}

type pebbleDriver struct {
	db   *pebble.DB
	next atomic.Uint64
}

// storedOverhead is what an event has beside JSON and metadata as stored.
const storedOverhead = 104

func (d *pebbleDriver) apply(a *workload.Append, sync *pebble.WriteOptions) (uint64, error) {
	if a.Unmet {
		return 0, workload.ErrConflict
	}
	b := d.db.NewBatch()
	last := d.next.Add(uint64(len(a.Events)))
	for i := range a.Events {
		e := &a.Events[i]
		size := len(e.JSON) + storedOverhead
		for k, v := range e.Metadata {
			size += len(k) + len(v)
		}
		set := b.SetDeferred(9, size)
		set.Key[0] = 'e'
		binary.BigEndian.PutUint64(set.Key[1:], last-uint64(len(a.Events)-1-i))
		copy(set.Value, e.JSON)
		copy(set.Value[len(e.JSON):], e.JSON) // stands for the rest
		if err := set.Finish(); err != nil {
			return 0, err
		}
	}
	return last, errors.Join(d.db.Apply(b, sync), b.Close())
}

func (d *pebbleDriver) Writer(_ context.Context, o workload.WriterOptions) (workload.Writer, error) {
	w := &pebbleWriter{d: d}
	if o.InFlight > 0 {
		w.queue = make(chan pebbleTask)
		for range o.InFlight {
			w.tasks.Go(w.commitLoop)
		}
	}
	return w, nil
}

func (d *pebbleDriver) Fill(_ context.Context, set workload.Dataset, p *workload.Payload, progress func(int)) error {
	for at := 0; at < set.Events(); at += 1000 {
		n := min(1000, set.Events()-at)
		if _, err := d.apply(&workload.Append{Events: p.Events(at, n)}, pebble.NoSync); err != nil {
			return err
		}
		progress(n)
	}
	return d.db.Flush()
}

func (d *pebbleDriver) ReadAll(_ context.Context, decode bool, seen func(int) bool) error {
	if decode {
		return workload.ErrUnsupported
	}
	it, err := d.db.NewIter(nil)
	if err != nil {
		return err
	}
	n, sum := 0, byte(0)
	for ok := it.First(); ok; ok = it.Next() {
		if value, err := it.ValueAndErr(); err == nil && len(value) > 0 {
			sum += value[0]
		}
		if n++; n == 80 {
			n = 0
			if !seen(80) {
				break
			}
		}
	}
	seen(n)
	_ = sum // only so that the value is touched
	return errors.Join(it.Error(), it.Close())
}

func (d *pebbleDriver) ReadStream(context.Context, string) (int, error) {
	return 0, workload.ErrUnsupported
}

func (d *pebbleDriver) Follow(context.Context, bool, func(uint64), func(uint64)) error {
	return workload.ErrUnsupported
}

type pebbleTask struct {
	a    *workload.Append
	done func(error)
}

// pebbleWriter has a goroutine for each append in flight.
type pebbleWriter struct {
	d      *pebbleDriver
	queue  chan pebbleTask
	tasks  sync.WaitGroup
	doneMu sync.Mutex // one done at a time
}

func (w *pebbleWriter) Append(_ context.Context, a *workload.Append) (uint64, error) {
	return w.d.apply(a, pebble.Sync)
}

func (w *pebbleWriter) Send(_ context.Context, a *workload.Append, done func(error)) error {
	w.queue <- pebbleTask{a, done}
	return nil
}

func (w *pebbleWriter) commitLoop() {
	for task := range w.queue {
		_, err := w.d.apply(task.a, pebble.Sync)
		w.doneMu.Lock()
		task.done(err)
		w.doneMu.Unlock()
	}
}

func (w *pebbleWriter) Close() error {
	if w.queue != nil {
		close(w.queue)
	}
	w.tasks.Wait()
	return nil
}
