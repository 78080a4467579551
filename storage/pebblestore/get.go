package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
	"github.com/stet-db/stet/storage/record"
)

// maxPosition is above every position: no bound.
const maxPosition = storage.Position(math.MaxUint64)

// get reads one row into memory of its own; nil when there is none.
func (d *DB) get(key []byte) ([]byte, error) {
	value, closer, err := d.pebble.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read row %x: %w", key, damaged(d.dir, err))
	}
	out := slices.Clone(value)
	if out == nil {
		out = []byte{}
	}
	return out, closer.Close()
}

// name reads the row of a stream's name.
func (d *DB) name(name string) (rows.Name, bool, error) {
	if row, found, known := d.names.Get(name); known {
		return row, found, nil
	}
	value, err := d.get(keys.AppendName(nil, name))
	if err != nil || value == nil {
		return rows.Name{}, false, err
	}
	row, err := rows.ParseName(name, value)
	if err != nil {
		return row, false, err
	}
	d.names.Found(name, row)
	return row, true, nil
}

// position reads an index row; 0 when there is none.
func (d *DB) position(stream uint64, v storage.Version) (storage.Position, error) {
	value, err := d.get(keys.AppendIndex(nil, stream, v))
	if err != nil || value == nil {
		return 0, err
	}
	return rows.ParseIndex(value, stream, v)
}

// event reads the wire form of the event at a position where there is one.
func (d *DB) event(p storage.Position) ([]byte, error) {
	key := keys.AppendEvent(nil, p)
	value, err := d.get(key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, missingEvent(p)
	}
	return record.Unseal(key, value)
}

// recordedAt reads when the event at a position was recorded.
func (d *DB) recordedAt(p storage.Position) (storage.Instant, error) {
	wire, err := d.event(p)
	if err != nil {
		return 0, err
	}
	_, _, _, at, err := record.Place(wire)
	return at, err
}

// lastOf is the last version of a stream whose position is at most head, and
// that position; 0 and 0 when there is none.
func (d *DB) lastOf(stream uint64, head storage.Position) (storage.Version, storage.Position, error) {
	lower, upper := keys.StreamBounds(stream)
	it, err := d.iter(lower, upper)
	if err != nil {
		return 0, 0, err
	}
	v, p, err := lastBelow(it, lower, upper, head)
	return v, p, d.closeIter(it, err)
}

// lastBelow goes back from the end of a stream's index, whose bounds are given,
// to the last version at or below head. Only what is not durable yet lies above
// a current head, so the way is short. The iterator's own bounds may be wider.
func lastBelow(it *pebble.Iterator, lower, upper []byte, head storage.Position) (storage.Version, storage.Position, error) {
	for ok := it.SeekLT(upper); ok && bytes.HasPrefix(it.Key(), lower); ok = it.Prev() {
		stream, v, err := keys.Index(it.Key())
		if err != nil {
			return 0, 0, err
		}
		p, err := rows.ParseIndex(it.Value(), stream, v)
		if err != nil {
			return 0, 0, err
		}
		if p <= head {
			return v, p, nil
		}
	}
	return 0, 0, damaged("the index of streams", it.Error())
}

// iter makes an iterator over the keys from lower to upper, upper excluded.
func (d *DB) iter(lower, upper []byte) (*pebble.Iterator, error) {
	it, err := d.pebble.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("iterate %s: %w", d.dir, damaged(d.dir, err))
	}
	return it, nil
}

// closeIter ends an iterator and returns the first failure: the caller's, or
// what made the iterator end early.
func (d *DB) closeIter(it *pebble.Iterator, err error) error {
	closed := it.Close()
	if err != nil {
		return err
	}
	if closed != nil {
		return fmt.Errorf("iterate %s: %w", d.dir, damaged(d.dir, closed))
	}
	return nil
}

// unseal is the event under an iterator, checked, valid until its next step.
func unseal(it *pebble.Iterator, p storage.Position) ([]byte, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, damaged(fmt.Sprintf("event at position %d", p), err)
	}
	return record.Unseal(it.Key(), value)
}

// missingEvent reports a hole in the log, which cannot be.
func missingEvent(p storage.Position) *storage.CorruptionError {
	return &storage.CorruptionError{Where: fmt.Sprintf("event at position %d", p), Detail: "is missing"}
}

// unopened says why the engine did not open a store that is there: what no
// system call refused is damage, and so is a file that is missing.
func unopened(dir string, err error) error {
	var refused syscall.Errno
	if errors.As(err, &refused) && refused != syscall.ENOENT {
		return err
	}
	return &storage.CorruptionError{Where: dir, Detail: err.Error()}
}

// damaged turns the engine's word for damage into ours.
func damaged(where string, err error) error {
	if pebble.IsCorruptionError(err) {
		return &storage.CorruptionError{Where: where, Detail: err.Error()}
	}
	return err
}
