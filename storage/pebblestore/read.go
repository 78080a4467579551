package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

// contextEvery is how many events are read between two looks at the context.
const contextEvery = 256

// ReadAll yields the events of the range that are at or below head. Every
// position must be there: a hole is damage, not an end (I2, I9).
func (d *DB) ReadAll(ctx context.Context, r storage.AllRange, head storage.Position) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		from, until := max(r.From, 1), head+1
		if r.Until != 0 {
			until = min(until, r.Until)
		}
		if from >= until {
			return
		}
		it, err := d.iter(keys.AppendEvent(nil, from), keys.AppendEvent(nil, until))
		if err != nil {
			yield(storage.Recorded{}, err)
			return
		}
		err = scanAll(ctx, it, from, until, r.Backwards, yield)
		if err = d.closeIter(it, err); err != nil && !errors.Is(err, errStopped) {
			yield(storage.Recorded{}, err)
		}
	}
}

// errStopped is the caller's wish to end, not a failure.
var errStopped = errors.New("stopped by the caller")

func scanAll(ctx context.Context, it *pebble.Iterator, from, until storage.Position, backwards bool, yield func(storage.Recorded, error) bool) error {
	step, ok := it.Next, it.First()
	if backwards {
		// The comparison below runs over positions in reading order.
		step, ok = it.Prev, it.Last()
	}
	for n := storage.Position(0); n < until-from; n++ {
		if n%contextEvery == 0 {
			if err := errors.Join(fault.Fail(fault.ReadStretch), ctx.Err()); err != nil {
				return err
			}
		}
		want := from + n
		if backwards {
			want = until - 1 - n
		}
		if !ok {
			if err := it.Error(); err != nil {
				return damaged("the log", err)
			}
			return missingEvent(want)
		}
		if mutant.On(mutant.HoleIsEnd) && !bytes.Equal(it.Key(), keys.AppendEvent(nil, want)) {
			return nil
		}
		p, err := keys.Event(it.Key())
		if err != nil {
			return err
		}
		if p != want {
			return missingEvent(want)
		}
		wire, err := unseal(it, p)
		if err != nil {
			return err
		}
		if !yield(storage.Recorded{Position: p, Wire: wire}, nil) {
			return errStopped
		}
		ok = step()
	}
	return nil
}
