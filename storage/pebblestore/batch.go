package pebblestore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
	"github.com/stet-db/stet/storage/record"
)

// groupBytes is the size at which a group of encoded events ends: one message
// of a streaming answer. gRPC's buffers jump from 32 KiB to 1 MiB, so what goes
// around the events must fit too.
const groupBytes = 32<<10 - 256

// Batch gathers decided events and makes them durable at once, all or none. It
// also encodes them for live readers, once.
//
// This file is the one home of Pebble's experimental ApplyNoSyncWait and
// SyncWait; [Options.BlockingCommit] does without.
type Batch struct {
	db     *DB
	pebble *pebble.Batch

	groups []storage.Group
	// frames are the encoded events since the last group.
	frames []byte
	first  storage.Position
	last   storage.Position

	// places are the index rows to come. All of them follow the events, so that
	// the engine's table in memory finds the place of most rows beside the last.
	places []place
	single [1]place // where places begin

	key, value []byte // reused; they begin in scratch
	scratch    [64]byte
	err        error // the first failure to add, reported by Apply
	synced     bool
}

// place leads from a stream to an event.
type place struct {
	number   uint64
	version  storage.Version
	position storage.Position
	first    string // the stream's name if this is its first event
}

// Begin starts a batch.
func (d *DB) Begin() *Batch {
	b := &Batch{db: d, pebble: d.pebble.NewBatch()}
	b.places = b.single[:0]
	b.key, b.value = b.scratch[:0:len(b.scratch)/2], b.scratch[len(b.scratch)/2:][:0]
	return b
}

// Put adds an event at its place. first tells that it is its stream's first,
// which adds the row of the name.
func (b *Batch) Put(p storage.Placed, first bool) {
	b.putEvent(p.Position, b.encode(p))
	at := place{number: p.Number, version: p.Version, position: p.Position}
	if first {
		at.first = p.Stream
	}
	b.places = append(b.places, at)
	if mutant.On(mutant.BatchSplit) {
		b.note(b.db.pebble.Apply(b.pebble, pebble.NoSync))
		b.pebble = b.db.pebble.NewBatch()
	}
}

// index adds the rows that lead to the events: those of versions, then those of
// names.
func (b *Batch) index() {
	for i := range b.places {
		at := &b.places[i]
		b.key = keys.AppendIndex(b.key[:0], at.number, at.version)
		b.value = rows.AppendIndex(b.value[:0], at.position)
		if !mutant.On(mutant.IndexRowLost) || at.position%64 != 0 {
			b.note(b.pebble.Set(b.key, b.value, nil))
		}
	}
	for i := range b.places {
		at := &b.places[i]
		if at.first == "" {
			continue
		}
		b.db.names.Add(at.first)
		b.key = keys.AppendName(b.key[:0], at.first)
		b.value = rows.AppendName(b.value[:0], rows.Name{Number: at.number, First: at.position})
		b.note(b.pebble.Set(b.key, b.value, nil))
	}
	b.places = nil
}

// putEvent seals the event right where the engine's batch keeps it.
func (b *Batch) putEvent(p storage.Position, wire []byte) {
	b.key = keys.AppendEvent(b.key[:0], p)
	op := b.pebble.SetDeferred(len(b.key), record.SealedSize(wire))
	copy(op.Key, b.key)
	record.AppendSealed(op.Value[:0], b.key, wire)
	b.note(op.Finish())
}

// encode appends the event to the frames and returns its wire form, which is
// valid until the next call.
func (b *Batch) encode(p storage.Placed) []byte {
	size := record.RecordedSize(p.Stream, p.Version, p.Position, p.RecordedAt, p.Event)
	if pending := len(b.frames); pending > 0 && pending+record.FrameSize(size) > groupBytes {
		b.cut()
	}
	if len(b.frames) == 0 {
		b.first = p.Position
		// Most batches are small: only those after the first group are known not
		// to be.
		if room := max(groupBytes, record.FrameSize(size)); len(b.groups) > 0 && cap(b.frames) < room {
			b.frames = make([]byte, 0, room)
		}
	}
	b.last = p.Position
	b.frames = slices.Grow(b.frames, record.FrameSize(size))
	b.frames = record.AppendFrameHeader(b.frames, size)
	at := len(b.frames)
	b.frames = record.AppendRecorded(b.frames, p.Stream, p.Version, p.Position, p.RecordedAt, p.Event)
	return b.frames[at:]
}

// cut ends the current group. Its bytes are never written to again. A group may
// be kept for long, and is counted as what it holds: it has memory of its own,
// of hardly more than twice its size.
func (b *Batch) cut() {
	if len(b.frames) == 0 {
		return
	}
	frames, rest := b.frames[:len(b.frames):len(b.frames)], []byte(nil)
	if cap(b.frames) > 2*len(frames) {
		frames, rest = slices.Clone(frames), b.frames[:0]
	}
	b.groups = append(b.groups, storage.Group{First: b.first, Last: b.last, Frames: frames})
	b.frames = rest
}

// Remember adds the row of a request id, and the number of rows with it.
func (b *Batch) Remember(id string, row storage.RequestRow, count uint64) {
	if mutant.On(mutant.RequestRowApart) { // synced: one log write would keep it with its events by chance
		b.note(b.db.pebble.Set(keys.AppendRequest(nil, id), rows.AppendRequest(nil, row), pebble.NoSync))
		b.note(b.db.pebble.Set(keys.AppendExpiry(nil, row.Expiry, id), nil, pebble.NoSync))
		b.note(b.db.pebble.Set(keys.Meta(metaRequests), binary.BigEndian.AppendUint64(nil, count), pebble.Sync))
		return
	}
	b.note(b.pebble.Set(keys.AppendRequest(nil, id), rows.AppendRequest(nil, row), nil))
	b.note(b.pebble.Set(keys.AppendExpiry(nil, row.Expiry, id), nil, nil))
	b.note(b.pebble.Set(keys.Meta(metaRequests), binary.BigEndian.AppendUint64(nil, count), nil))
}

// Bytes is how large the batch is.
func (b *Batch) Bytes() int { return b.pebble.Len() }

// Groups are the batch's events, encoded for live readers. They may be shown
// only when [Batch.Sync] has returned without an error (I7). Valid for ever.
func (b *Batch) Groups() []storage.Group {
	b.cut()
	return b.groups
}

func (b *Batch) note(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Apply makes the batch readable through the same [DB], without waiting for
// the disk. Batches become durable in the order they are applied in.
func (b *Batch) Apply() error {
	b.index()
	if b.err != nil {
		return fmt.Errorf("build batch: %w", b.err)
	}
	if err := b.db.disk.LogFailed(); err != nil {
		return b.wrap(err) // who waits for the sync of the one before may not know yet
	}
	if mutant.On(mutant.NoSync) {
		b.synced = true
		return b.wrap(b.pebble.Commit(pebble.NoSync))
	}
	if b.db.opts.BlockingCommit {
		b.synced = true
		return b.wrap(b.pebble.Commit(pebble.Sync))
	}
	return b.wrap(b.db.pebble.ApplyNoSyncWait(b.pebble, pebble.Sync))
}

// Sync waits until the batch is durable and releases it. After an error nobody
// knows whether it is; it must not be tried again.
func (b *Batch) Sync() error {
	if !b.synced {
		if err := b.pebble.SyncWait(); err != nil && !mutant.On(mutant.SyncWaitIgnored) {
			return b.wrap(err)
		}
	}
	return b.wrap(b.pebble.Close())
}

func (b *Batch) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("commit to %s: %w", b.db.dir, err)
}
