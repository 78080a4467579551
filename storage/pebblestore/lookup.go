package pebblestore

import (
	"encoding/binary"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
	"github.com/stet-db/stet/storage/record"
)

// What follows is for the writer: it sees everything applied, durable or not.

// Last is the last applied position and its recorded time; 0 and 0 when the
// log is empty.
func (d *DB) Last() (storage.Position, storage.Instant, error) {
	lower, upper := keys.EventBounds()
	it, err := d.iter(lower, upper)
	if err != nil {
		return 0, 0, err
	}
	if !it.Last() {
		return 0, 0, d.closeIter(it, nil)
	}
	p, err := keys.Event(it.Key())
	if err != nil {
		return 0, 0, d.closeIter(it, err)
	}
	wire, err := unseal(it, p)
	if err != nil {
		return 0, 0, d.closeIter(it, err)
	}
	_, _, _, at, err := record.Place(wire)
	return p, at, d.closeIter(it, err)
}

// LastStreamNumber is the highest stream number given; 0: none.
func (d *DB) LastStreamNumber() (uint64, error) {
	lower, upper := keys.IndexBounds()
	it, err := d.iter(lower, upper)
	if err != nil {
		return 0, err
	}
	if !it.Last() {
		return 0, d.closeIter(it, nil)
	}
	number, _, err := keys.Index(it.Key())
	return number, d.closeIter(it, err)
}

// Stream is the state of a stream; the zero state when it was never written.
func (d *DB) Stream(name string) (storage.StreamState, error) {
	row, ok, err := d.name(name)
	if err != nil || !ok {
		return storage.StreamState{}, err
	}
	version, _, err := d.lastOf(row.Number, maxPosition)
	return storage.StreamState{Number: row.Number, Version: version}, err
}

// LearnNames is [names.Names.Learn].
func (d *DB) LearnNames() (done bool, err error) { return d.names.Learn(d.pebble, d.LastStreamNumber) }

// Request is the row of a request id, expired or not.
func (d *DB) Request(id string) (storage.RequestRow, bool, error) {
	value, err := d.get(keys.AppendRequest(nil, id))
	if err != nil || value == nil {
		return storage.RequestRow{}, false, err
	}
	row, err := rows.ParseRequest(id, value)
	return row, err == nil, err
}

// Requests is the number of request rows.
func (d *DB) Requests() (uint64, error) {
	value, err := d.meta(metaRequests, 8)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}

// Stored tells whether the events of the stream after the given version are
// exactly these, at contiguous positions and with one recorded time: where the
// first is, and that time.
func (d *DB) Stored(stream uint64, after storage.Version, events []storage.NewEvent) (first storage.Position, at storage.Instant, ok bool, err error) {
	for i := range events {
		p, err := d.position(stream, after+storage.Version(i)+1)
		if err != nil || p == 0 {
			return 0, 0, false, err
		}
		wire, err := d.event(p)
		if err != nil {
			return 0, 0, false, err
		}
		_, _, _, recorded, err := record.Place(wire)
		if err != nil {
			return 0, 0, false, err
		}
		if i == 0 {
			first, at = p, recorded
		}
		if p != first+storage.Position(i) || recorded != at || !record.SameContent(wire, &events[i]) {
			return 0, 0, false, nil
		}
	}
	return first, at, true, nil
}

// IDs are the ids of count events from position first on, and the recorded
// time of the first.
func (d *DB) IDs(first storage.Position, count uint64) ([]storage.EventID, storage.Instant, error) {
	var ids []storage.EventID
	var at storage.Instant
	for i := range count {
		wire, err := d.event(first + storage.Position(i))
		if err != nil {
			return nil, 0, err
		}
		e, err := record.Split(wire)
		if err != nil {
			return nil, 0, err
		}
		if i == 0 {
			if _, _, _, at, err = record.Place(wire); err != nil {
				return nil, 0, err
			}
		}
		ids = append(ids, e.ID)
	}
	return ids, at, nil
}

// Versions are the versions of the events at the positions.
func (d *DB) Versions(positions []storage.Position) ([]storage.Version, error) {
	out := make([]storage.Version, len(positions))
	for i, p := range positions {
		wire, err := d.event(p)
		if err != nil {
			return nil, err
		}
		if _, out[i], _, _, err = record.Place(wire); err != nil {
			return nil, err
		}
	}
	return out, nil
}
