package aggregate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// requestForm begins the id under which a command's request is remembered. No
// client can send the byte, so ids of raw appends never meet those of commands.
const requestForm = "\x01"

// requestKey is the id under which the command is remembered: that of the
// client, for this key and aggregate.
func (c *Command) requestKey() string {
	if c.RequestID == "" {
		return ""
	}
	h := newHasher("request")
	h.texts(c.KeyName, c.Type, c.ID, c.RequestID)
	return requestForm + string(h.Sum(nil))
}

// content is a digest of what the client sent. Digests are remembered with
// request ids, so another way to make it needs another first word.
func (c *Command) content() [16]byte {
	h := newHasher("command")
	h.texts(c.Type, c.ID)
	h.flag(c.Batch)
	h.flag(c.SkipOCC)
	h.flag(c.PreviousLength != nil)
	if c.PreviousLength != nil {
		h.number(uint64(*c.PreviousLength))
	}
	h.metadata(&c.Metadata)
	h.number(uint64(len(c.Events)))
	for i := range c.Events {
		e := &c.Events[i]
		h.texts(e.Type, string(e.Data))
		h.metadata(&e.Metadata)
	}
	return [16]byte(h.Sum(nil))
}

// hasher hashes parts so that no two lists of parts look the same.
type hasher struct {
	sum hash.Hash
}

func newHasher(what string) *hasher {
	h := &hasher{sha256.New()}
	h.texts("stet aggregate 1", what)
	return h
}

// Sum ends the hashing.
func (h *hasher) Sum(b []byte) []byte { return h.sum.Sum(b) }

func (h *hasher) number(n uint64) {
	h.sum.Write(binary.BigEndian.AppendUint64(nil, n)) // never fails, by the contract of hash.Hash
}

func (h *hasher) flag(b bool) {
	if b {
		h.number(1)
		return
	}
	h.number(0)
}

func (h *hasher) texts(texts ...string) {
	for _, t := range texts {
		h.number(uint64(len(t)))
		h.sum.Write([]byte(t)) // never fails, by the contract of hash.Hash
	}
}

func (h *hasher) metadata(m *Metadata) {
	h.flag(m.Actor != nil)
	if m.Actor != nil {
		h.texts(m.Actor.Type, m.Actor.ID)
	}
	h.flag(!m.OccurredAt.IsZero())
	if !m.OccurredAt.IsZero() {
		h.number(uint64(m.OccurredAt.UnixMicro()))
	}
	h.texts(m.CorrelationID, m.CausationID, m.EventID)
	h.number(uint64(m.SchemaVersion))
	h.number(uint64(len(m.Tags)))
	h.texts(m.Tags...)
	h.number(uint64(len(m.Extra)))
	for _, key := range slices.Sorted(maps.Keys(m.Extra)) {
		h.texts(key, m.Extra[key])
	}
}

// isNo tells whether an error is a judgement of the request, which a repetition
// of an accepted request must not see.
func isNo(err error) bool {
	var refusal *Refusal
	var conflict *storage.ConflictError
	var invalid *storage.InvalidError
	return errors.As(err, &refusal) || errors.As(err, &conflict) || errors.As(err, &invalid)
}

// remembered asks the store whether a request was accepted before, and where
// its events are. The question is an append that could never be accepted: the
// store looks the request up before it judges, and answers only when all of it
// is durable (I5, I7). It does not tell a request that is unknown from one that
// has expired.
func (s *Service) remembered(ctx context.Context, stream, requestID string, content [16]byte) (storage.Appended, bool, error) {
	at, err := s.o.Clock.Stamp()
	if err != nil {
		return storage.Appended{}, false, err
	}
	first, err := s.store.Append(ctx, &storage.Append{
		Entries:   []storage.Entry{{Stream: stream, Expectation: never}},
		RequestID: requestID, Content: content, Time: at, Window: s.o.Limits.RequestWindow(),
	})
	var conflict *storage.ConflictError
	if errors.As(err, &conflict) {
		return storage.Appended{}, false, nil
	}
	return first, err == nil, mismatch(err)
}

// mismatch puts the store's word for other content into ours.
func mismatch(err error) error {
	var other *storage.RequestMismatchError
	if errors.As(err, &other) {
		return refuse(Conflicting, CodeMismatch, "this request id was used for other content; use a new one")
	}
	return err
}

// replayed makes the first answer again, from the log. The command's own events
// come first of all that were written.
func (s *Service) replayed(ctx context.Context, c *Command, first storage.Appended) (Result, error) {
	out := Result{Position: first.Last, RecordedAt: first.RecordedAt, Replayed: true}
	stream, n := "", 0
	for r, err := range s.store.ReadAll(ctx, storage.AllRange{From: first.First, Until: first.Last + 1}) {
		if err != nil {
			return Result{}, fmt.Errorf("read the events of a repeated request: %w", err)
		}
		name, version, _, _, err := record.Place(r.Wire)
		if err != nil {
			return Result{}, fmt.Errorf("read the events of a repeated request: %w", err)
		}
		if n == 0 {
			stream = string(name)
			if out.StreamIDs, err = s.streamIDs(ctx, stream, version, len(c.Events), first.RecordedAt, first.Last); err != nil {
				return Result{}, err
			}
		}
		if string(name) == stream {
			out.Length = version
		}
		n++
	}
	out.Implied = n - len(c.Events)
	out.EventIDs = first.IDs[:min(len(c.Events), len(first.IDs))]
	return out, nil
}
