package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
	"github.com/stet-db/stet/storage/record"
)

// maxProblems bounds how many problems a report lists.
const maxProblems = 100

// Report is what [Verify] found.
type Report struct {
	// History and Head are those of the log.
	History storage.HistoryID
	Head    storage.Position
	// Events, Streams and Requests were counted.
	Events, Streams, Requests uint64
	// LastRecordedAt is the time of the newest event.
	LastRecordedAt storage.Instant
	// Problems are what is wrong, at most 100 of them; More counts the others.
	Problems []storage.CorruptionError
	More     int
}

// Verify checks a store that no process has open, without changing it: every
// event's checksum and form, density and order of positions, versions and times
// (I2, I12), every index against its rebuild (I13), the table files' own
// checksums, those kept of log and MANIFEST files, and a backup's files against
// its manifest. What is wrong with the
// data is in the report; an error means that checking was not possible.
// progress, if not nil, is told now and then how far of the head it is.
func Verify(ctx context.Context, dir string, o Options, progress func(at, head storage.Position)) (Report, error) {
	o = o.withDefaults()
	v := &verifier{ctx: ctx, progress: progress, streams: make(map[string]storage.StreamState)}
	if found, err := inspect(o.FS, dir); err == nil && found.backup {
		if err := v.note("backup", verifyBackup(o.FS, dir)); err != nil {
			return v.report, err
		}
	}
	d, err := openReadOnly(ctx, dir, o)
	if err != nil {
		var corrupt *storage.CorruptionError
		if errors.As(err, &corrupt) {
			return v.report, v.note(dir, err)
		}
		return v.report, err
	}
	v.db = d
	v.report.History = d.History()
	err = v.run()
	return v.report, errors.Join(err, d.Close())
}

// verifier collects what Verify finds.
type verifier struct {
	ctx      context.Context
	db       *DB
	progress func(at, head storage.Position)
	report   Report

	// streams are the numbers by the index of names and the versions by the
	// events, which must agree.
	streams map[string]storage.StreamState
	last    storage.Position
	at      storage.Instant
}

func (v *verifier) run() error {
	for _, check := range []func() error{v.checkTables, v.checkHead, v.checkEvents, v.checkIndex, v.checkNames, v.checkRequests} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// note adds damage to the report and gives any other error back.
func (v *verifier) note(where string, err error) error {
	if err == nil {
		return nil
	}
	var corrupt *storage.CorruptionError
	var form *storage.UnknownFormError
	switch {
	case errors.As(err, &corrupt):
		v.problem(corrupt.Where, "%s", corrupt.Detail)
	case errors.As(err, &form):
		v.problem(where, "%s", form.Error())
	default:
		return err
	}
	return nil
}

func (v *verifier) problem(where, detail string, args ...any) {
	if len(v.report.Problems) >= maxProblems {
		v.report.More++
		return
	}
	v.report.Problems = append(v.report.Problems, storage.CorruptionError{Where: where, Detail: fmt.Sprintf(detail, args...)})
}

// checkTables reads every block of every table, with its checksum, and the
// order of keys over all levels.
func (v *verifier) checkTables() error {
	return v.note("tables", damaged("the tables", v.db.pebble.CheckLevels(nil)))
}

func (v *verifier) checkHead() error {
	p, at, err := v.db.Last()
	v.report.Head, v.report.LastRecordedAt = p, at
	return v.note("the last event", err)
}

func (v *verifier) checkEvents() error {
	it, err := v.db.iter(keys.EventBounds())
	if err != nil {
		return v.note("events", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if v.report.Events%1024 == 0 {
			if err := v.ctx.Err(); err != nil {
				return v.db.closeIter(it, err)
			}
			if v.progress != nil {
				v.progress(v.last, v.report.Head)
			}
		}
		v.report.Events++
		p, err := keys.Event(it.Key())
		if err == nil {
			for ; v.last+1 < p && v.report.More == 0; v.last++ {
				v.problem(fmt.Sprintf("event at position %d", v.last+1), "is missing")
			}
			v.last = p
			err = v.checkEvent(it.Key(), it.Value(), p)
		}
		if err := v.note(fmt.Sprintf("event at position %d", p), err); err != nil {
			return v.db.closeIter(it, err)
		}
	}
	return v.note("events", v.db.closeIter(it, nil))
}

// checkEvent checks one event and that the index leads to it.
func (v *verifier) checkEvent(key, value []byte, p storage.Position) error {
	wire, err := record.Unseal(key, value)
	if err != nil {
		return err
	}
	e, err := record.Decode(wire)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("event at position %d", p)
	if e.Position != p {
		v.problem(where, "says its position is %d", e.Position)
	}
	if e.RecordedAt < v.at {
		v.problem(where, "was recorded before the event in front of it")
	}
	v.at = max(v.at, e.RecordedAt)
	state, known := v.streams[e.Stream]
	if !known {
		if state.Number, err = v.checkName(e.Stream, p); err != nil {
			return err
		}
	}
	if e.Version != state.Version+1 {
		v.problem(where, "is version %d of stream %q and follows version %d", e.Version, e.Stream, state.Version)
	}
	state.Version = e.Version
	v.streams[e.Stream] = state
	indexed, err := v.db.position(state.Number, e.Version)
	if err == nil && indexed != p {
		v.problem(where, "is version %d of stream %q, for which the index names position %d", e.Version, e.Stream, indexed)
	}
	return err
}

func (v *verifier) checkName(stream string, first storage.Position) (uint64, error) {
	row, ok, err := v.db.name(stream)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		v.problem(fmt.Sprintf("name of stream %q", stream), "is missing")
	case row.First != first:
		v.problem(fmt.Sprintf("name of stream %q", stream), "says its first position is %d, but it is %d", row.First, first)
	}
	return row.Number, nil
}

// checkIndex counts: each event was found in the index, so an equal number
// means that nothing else is there.
func (v *verifier) checkIndex() error {
	n, err := v.count(keys.IndexBounds())
	if err == nil && n != v.report.Events {
		v.problem("the index of streams", "has %d rows for %d events", n, v.report.Events)
	}
	return v.note("the index of streams", err)
}

func (v *verifier) checkNames() error {
	v.report.Streams = uint64(len(v.streams))
	n, err := v.count(keys.NameBounds())
	if err == nil && n != v.report.Streams {
		v.problem("the names of streams", "are %d for %d streams", n, v.report.Streams)
	}
	return v.note("the names of streams", err)
}

// checkRequests checks that every remembered request points into the log, can
// be purged in time, and is counted.
func (v *verifier) checkRequests() error {
	it, err := v.db.iter(keys.RequestBounds())
	if err != nil {
		return v.note("request ids", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		v.report.Requests++
		if err := v.note("request ids", v.checkRequest(it.Key(), it.Value())); err != nil {
			return v.db.closeIter(it, err)
		}
	}
	if err := v.note("request ids", v.db.closeIter(it, nil)); err != nil {
		return err
	}
	stated, err := v.db.Requests()
	if err == nil && stated != v.report.Requests {
		v.problem("the number of request ids", "is %d, but there are %d", stated, v.report.Requests)
	}
	return v.note("request ids", err)
}

func (v *verifier) checkRequest(key, value []byte) error {
	id, err := keys.Request(key)
	if err != nil {
		return err
	}
	row, err := rows.ParseRequest(string(id), value)
	if err != nil {
		return err
	}
	if row.First == 0 || row.Count == 0 || uint64(row.First)+row.Count-1 > uint64(v.report.Head) {
		v.problem(fmt.Sprintf("request %q", id), "names %d events from position %d, and the head is %d", row.Count, row.First, v.report.Head)
	}
	expiry, err := v.db.get(keys.AppendExpiry(nil, row.Expiry, id))
	if err == nil && expiry == nil {
		v.problem(fmt.Sprintf("request %q", id), "has no expiry row")
	}
	return err
}

func (v *verifier) count(lower, upper []byte) (uint64, error) {
	it, err := v.db.iter(lower, upper)
	if err != nil {
		return 0, err
	}
	n := uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	return n, v.db.closeIter(it, nil)
}
