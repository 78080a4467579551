package wire

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
)

// Sizes to begin a buffer with. idBytes is an id with tag and length; the
// others are what the fixed fields take at most.
const (
	idBytes     = 1 + 1 + 36
	answerBytes = 4*(1+10) + (1 + 1 + 11 + 6) + 2
	entryBytes  = 4 + 2*(1+10)
	ticketBytes = 1 + 10
	lengthBytes = 1 + 5
)

// AppendResponse is a stet.v1.AppendResponse to be sent.
type AppendResponse struct {
	// Appended is the answer of the store, for one entry.
	Appended storage.Appended
	// WithIDs tells the ids of the events: the server made some.
	WithIDs bool
}

func (r *AppendResponse) marshal() (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(r.appendTo(make([]byte, 0, r.room())))}, nil
}

func (r *AppendResponse) room() int {
	if !r.WithIDs {
		return answerBytes
	}
	return answerBytes + len(r.Appended.IDs)*idBytes
}

func (r *AppendResponse) appendTo(b []byte) []byte {
	a := &r.Appended
	b = appendUint(b, 1, a.Entries[0].First)
	b = appendUint(b, 2, a.Entries[0].Last)
	b = appendUint(b, 3, a.First)
	b = appendUint(b, 4, a.Last)
	b = appendInstant(b, 5, a.RecordedAt)
	if r.WithIDs {
		b = appendIDs(b, 6, a.IDs)
	}
	return appendBool(b, 7, a.Replayed)
}

// AppendAtomicResponse is a stet.v1.AppendAtomicResponse to be sent.
type AppendAtomicResponse struct {
	// Appended is the answer of the store.
	Appended storage.Appended
	// Entries are those of the request; only their names are looked at.
	Entries []storage.Entry
	// WithIDs tells the ids of the events: the server made some.
	WithIDs bool
}

func (r *AppendAtomicResponse) marshal() (mem.BufferSlice, error) {
	a := &r.Appended
	room := answerBytes + len(a.Entries)*(lengthBytes+entryBytes)
	for i := range r.Entries {
		room += len(r.Entries[i].Stream)
	}
	if r.WithIDs {
		room += len(a.IDs) * idBytes
	}
	b := make([]byte, 0, room)
	ids := a.IDs
	var entry []byte // scratch: its length goes first
	for i, placed := range a.Entries {
		n := 0
		if placed.First > 0 {
			n = int(placed.Last - placed.First + 1)
		}
		entry = appendBytes(entry[:0], 1, r.Entries[i].Stream)
		entry = appendUint(entry, 2, placed.First)
		entry = appendUint(entry, 3, placed.Last)
		if r.WithIDs {
			entry = appendIDs(entry, 4, ids[:n])
			ids = ids[n:]
		}
		b = appendBytes(b, 1, entry)
	}
	b = appendUint(b, 2, a.First)
	b = appendUint(b, 3, a.Last)
	b = appendInstant(b, 4, a.RecordedAt)
	b = appendBool(b, 5, a.Replayed)
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

// AppendPipelineResponse is a stet.v1.AppendPipelineResponse to be sent.
type AppendPipelineResponse struct {
	// Ticket is the request's.
	Ticket uint64
	// Appended is the outcome, unless Error is set.
	Appended AppendResponse
	// Error is why the append was refused; nil: it was not.
	Error *stetv1.Error
}

func (r *AppendPipelineResponse) marshal() (mem.BufferSlice, error) {
	if r.Error != nil {
		refusal, err := proto.Marshal(r.Error)
		if err != nil {
			return nil, err
		}
		b := appendUint(make([]byte, 0, ticketBytes+lengthBytes+len(refusal)), 1, r.Ticket)
		return mem.BufferSlice{mem.SliceBuffer(appendBytes(b, 3, refusal))}, nil
	}
	b := appendUint(make([]byte, 0, ticketBytes+lengthBytes+r.Appended.room()), 1, r.Ticket)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return mem.BufferSlice{mem.SliceBuffer(appendSized(b, r.Appended.appendTo))}, nil
}

// appendSized appends what is written, with its length before it. It leaves
// one byte for the length, which nearly always does.
func appendSized(b []byte, write func([]byte) []byte) []byte {
	start := len(b) + 1
	b = write(append(b, 0))
	size := len(b) - start
	if size < 0x80 {
		b[start-1] = byte(size)
		return b
	}
	var length [10]byte
	prefix := protowire.AppendVarint(length[:0], uint64(size))
	b = append(b, prefix[1:]...) // room for the rest of the length
	copy(b[start-1+len(prefix):], b[start:start+size])
	copy(b[start-1:], prefix)
	return b
}

func appendIDs(b []byte, num protowire.Number, ids []storage.EventID) []byte {
	for i := range ids {
		b = protowire.AppendTag(b, num, protowire.BytesType)
		b = ids[i].AppendText(append(b, 36))
	}
	return b
}

// appendInstant appends a google.protobuf.Timestamp.
func appendInstant(b []byte, num protowire.Number, i storage.Instant) []byte {
	const perSecond = 1_000_000
	seconds, micros := int64(i)/perSecond, int64(i)%perSecond
	if micros < 0 {
		seconds, micros = seconds-1, micros+perSecond
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return appendSized(b, func(b []byte) []byte {
		b = appendUint(b, 1, uint64(seconds))
		return appendUint(b, 2, uint64(micros*1000))
	})
}
