package pebblestore

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// StreamInfo describes a stream as of head.
func (d *DB) StreamInfo(name string, head storage.Position) (storage.StreamInfo, error) {
	row, ok, err := d.name(name)
	if err != nil {
		return storage.StreamInfo{}, err
	}
	if !ok || row.First > head {
		return storage.StreamInfo{}, &storage.StreamNotFoundError{Stream: name}
	}
	v, last, err := d.lastOf(row.Number, head)
	if err != nil {
		return storage.StreamInfo{}, err
	}
	return storage.StreamInfo{Name: name, Version: v, First: row.First, Last: last}, nil
}

// Streams lists streams visible at the head that the query names.
func (d *DB) Streams(ctx context.Context, q storage.StreamsQuery) ([]storage.StreamInfo, error) {
	it, err := d.iter(keys.NamePrefixBounds(q.Prefix))
	if err != nil {
		return nil, err
	}
	out, err := d.listStreams(ctx, it, q)
	if err = d.closeIter(it, err); err != nil {
		return nil, err
	}
	return out, nil
}

func (d *DB) listStreams(ctx context.Context, it *pebble.Iterator, q storage.StreamsQuery) ([]storage.StreamInfo, error) {
	var out []storage.StreamInfo
	ok := it.First()
	if q.After != "" {
		// The key of the name that follows at once: nothing sorts between.
		ok = it.SeekGE(append(keys.AppendName(nil, q.After), 0))
	}
	for ; ok && len(out) < q.Limit; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key, err := keys.Name(it.Key())
		if err != nil {
			return nil, err
		}
		name := string(key)
		if q.Prefix == "" && !q.WithServerStreams && storage.IsServerStream(name) {
			continue
		}
		row, err := rows.ParseName(name, it.Value())
		if err != nil {
			return nil, err
		}
		if row.First > q.Head {
			continue
		}
		v, last, err := d.lastOf(row.Number, q.Head)
		if err != nil {
			return nil, err
		}
		out = append(out, storage.StreamInfo{Name: name, Version: v, First: row.First, Last: last})
	}
	return out, nil
}

// PositionAt is the first position up to head recorded at or after t; head+1
// when there is none. Recorded times never fall (I12), so halving finds it.
func (d *DB) PositionAt(ctx context.Context, t storage.Instant, head storage.Position) (storage.Position, error) {
	p, err := search(ctx, uint64(head), func(i uint64) (storage.Instant, error) {
		return d.recordedAt(storage.Position(i))
	}, t)
	return storage.Position(p), err
}

// VersionAt is the first version of the stream, among those up to head,
// recorded at or after t; one above the last when there is none.
func (d *DB) VersionAt(ctx context.Context, stream string, t storage.Instant, head storage.Position) (storage.Version, error) {
	info, err := d.StreamInfo(stream, head)
	if err != nil {
		return 0, err
	}
	row, _, err := d.name(stream)
	if err != nil {
		return 0, err
	}
	v, err := search(ctx, uint64(info.Version), func(i uint64) (storage.Instant, error) {
		p, err := d.position(row.Number, storage.Version(i))
		if err != nil {
			return 0, err
		}
		return d.recordedAt(p)
	}, t)
	return storage.Version(v), err
}

// RecordedAt is the time of the event at the position.
func (d *DB) RecordedAt(p storage.Position) (storage.Instant, error) { return d.recordedAt(p) }

// search is the first of the places 1 to n whose time is at or after t; n+1
// when there is none.
func search(ctx context.Context, n uint64, at func(uint64) (storage.Instant, error), t storage.Instant) (uint64, error) {
	low, high := uint64(1), n+1
	for low < high {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		middle := low + (high-low)/2
		found, err := at(middle)
		if err != nil {
			return 0, err
		}
		if found < t {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
