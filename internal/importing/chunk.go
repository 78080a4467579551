package importing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// The bounds of a chunk. They are part of what an import is recognised by:
// changing them would make a source that was imported before look new.
const (
	chunkEvents = 1000
	chunkBytes  = 2 << 20
)

// Chunk is a run of records that is appended atomically.
type Chunk struct {
	// Number counts from 1.
	Number int
	// RequestID is the same whenever this chunk of this source is sent.
	RequestID string
	// Entries are the events by stream, in the order in which they are to
	// stand in the log. Empty when the chunk has no events.
	Entries []Entry
	// First and Last are its lines.
	First, Last int64
	// Events and Bad count its records.
	Events, Bad int64

	sum      [sha256.Size]byte // of the source up to Last
	mark     [markBytes]byte   // of the chunk alone
	complete bool              // nothing follows
	follower int64             // line of the record that made the chunk end; 0: none did
	streams  map[string]int    // entry by stream
	size     int
}

// markBytes is how much of a chunk's own hash is kept, to find a change. That
// there is none shows the sum of all.
const markBytes = 4

// Entry is the part of a chunk that belongs to one stream.
type Entry struct {
	Stream string
	Events []storage.Event
	// Lines are where the events come from.
	Lines []int64
}

// identity is what a source is recognised by.
type identity [sha256.Size]byte

// newIdentity mixes the name of the source with all that decides what is made
// of it.
func newIdentity(name, mapping string) identity {
	h := sha256.New()
	for _, s := range []string{"stet import 1", name, mapping} {
		writeField(h, []byte(s))
	}
	return identity(h.Sum(nil))
}

func writeField(h hash.Hash, field []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(field)))
	h.Write(length[:]) // a hash never fails
	h.Write(field)
}

func (id identity) requestID(chunk int) string {
	return fmt.Sprintf("import-%s-%d", hex.EncodeToString(id[:16]), chunk)
}

// eventID is a UUID of version 8 made of the source and the line.
func (id identity) eventID(line int64) storage.EventID {
	var in [len(id) + 8]byte
	copy(in[:], id[:])
	binary.BigEndian.PutUint64(in[len(id):], uint64(line))
	sum := sha256.Sum256(in[:])
	out := storage.EventID(sum[:16])
	out[6] = out[6]&0x0f | 0x80
	out[8] = out[8]&0x3f | 0x80
	return out
}

// chunker cuts the records of a source into chunks.
type chunker struct {
	id      identity
	name    string
	reader  Reader
	limits  storage.Limits
	regroup bool
	// onFault is told of every record that cannot be imported; its error ends
	// the import.
	onFault func(Record) error

	sum    hash.Hash
	marks  hash.Hash
	number int
	held   *Record // read, but of the next chunk
	heldIn []byte  // what the held record adds to the sums
}

// next gives the next chunk; the last one is marked complete and may be empty.
func (c *chunker) next() (*Chunk, error) {
	c.number++
	c.marks.Reset()
	chunk := &Chunk{Number: c.number, RequestID: c.id.requestID(c.number), streams: map[string]int{}}
	if c.held != nil {
		rec := c.held
		c.held = nil
		c.note(chunk, rec, c.heldIn)
		chunk.add(*rec)
	}
	for chunk.Events < chunkEvents && chunk.size < chunkBytes {
		rec, err := c.reader.Next()
		if errors.Is(err, io.EOF) {
			chunk.complete = true
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s after line %d: %w", c.name, chunk.Last, err)
		}
		if !rec.Header && rec.Fault == nil {
			rec.Fault = c.check(&rec)
		}
		if rec.Fault != nil {
			if err := c.onFault(rec); err != nil {
				return nil, err
			}
		}
		if rec.Fault == nil && !rec.Header && !c.regroup && chunk.returns(rec.Event.Stream) {
			c.held, c.heldIn = &rec, append(c.heldIn[:0], rec.Raw...)
			chunk.follower = rec.Line
			break
		}
		c.note(chunk, &rec, rec.Raw)
		if rec.Fault == nil && !rec.Header {
			chunk.add(rec)
		}
	}
	copy(chunk.sum[:], c.sum.Sum(nil))
	copy(chunk.mark[:], c.marks.Sum(nil))
	return chunk, nil
}

// note adds a record to the sums and the lines of the chunk.
func (c *chunker) note(chunk *Chunk, rec *Record, raw []byte) {
	var line [8]byte
	binary.BigEndian.PutUint64(line[:], uint64(rec.Line))
	for _, h := range []hash.Hash{c.sum, c.marks} {
		h.Write(line[:])
		writeField(h, raw)
	}
	if chunk.First == 0 {
		chunk.First = rec.Line
	}
	chunk.Last = rec.Last
	if rec.Fault != nil {
		chunk.Bad++
	}
}

// check judges an event as the server would, so that a fault has a line.
func (c *chunker) check(rec *Record) error {
	e := &rec.Event
	if e.ID.IsZero() {
		e.ID = c.id.eventID(rec.Line)
	}
	// An export's events have a place already; here they get a new one.
	e.Version, e.Position, e.RecordedAt = 0, 0, 0
	var faults []storage.Violation
	if problem := storage.AppendStreamProblem(e.Stream, c.limits); problem != "" {
		faults = append(faults, storage.Violation{Field: "stream", Problem: problem})
	}
	event, more := record.NewEventOf(e, c.limits)
	if faults = append(faults, more...); len(faults) == 0 {
		if size := record.SizeBound(e.Stream, &event); size > c.limits.EventBytes {
			faults = append(faults, storage.Violation{Field: "event", Problem: fmt.Sprintf("has %d bytes; at most %d are allowed", size, c.limits.EventBytes)})
		}
	}
	return storage.Invalid(faults...)
}

// returns tells whether the stream was left in this chunk and comes back. An
// atomic append has one entry a stream, so to keep the order of the file the
// chunk ends here.
func (c *Chunk) returns(stream string) bool {
	at, seen := c.streams[stream]
	return seen && at != len(c.Entries)-1
}

func (c *Chunk) add(rec Record) {
	e := rec.Event
	at, seen := c.streams[e.Stream]
	if !seen {
		at = len(c.Entries)
		c.streams[e.Stream] = at
		c.Entries = append(c.Entries, Entry{Stream: e.Stream})
	}
	entry := &c.Entries[at]
	entry.Events = append(entry.Events, e)
	entry.Lines = append(entry.Lines, rec.Line)
	c.Events++
	c.size += len(e.Payload) + len(e.Stream) + len(e.Type) + 64
	for k, v := range e.Metadata {
		c.size += len(k) + len(v)
	}
	for _, t := range e.Tags {
		c.size += len(t)
	}
}
