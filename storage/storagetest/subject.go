package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// Opener opens the store in a directory, which is new or was used by a store of
// the same opener that is closed by now. variant, 0 to [Variants]-1, chooses
// among option sets that must not be told apart by what the store answers; an
// engine with fewer may treat several alike. The kit closes what it opened.
type Opener func(tb testing.TB, dir string, variant int) storage.Store

// Variants is the number of option sets that an [Opener] is asked for.
const Variants = 3

// subject is the store that one test is about.
type subject struct {
	*testing.T
	open  Opener
	dir   string
	store storage.Store
	ids   uint64 // the number of the last event id given out
}

func newSubject(t *testing.T, open Opener) *subject {
	s := &subject{T: t, open: open, dir: filepath.Join(t.TempDir(), "store")}
	s.store = open(t, s.dir, 0)
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// reopen closes the store and opens its directory again.
func (s *subject) reopen() {
	s.Helper()
	if err := s.store.Close(); err != nil {
		s.Fatalf("close: %v", err)
	}
	s.store = s.open(s.T, s.dir, 0)
}

// event proposes an event with a new id, which its payload names.
func (s *subject) event() storage.NewEvent {
	s.ids++
	return Propose(s.ids, "Happened", fmt.Sprintf(`{"n":%d}`, s.ids))
}

// events proposes n events.
func (s *subject) events(n int) []storage.NewEvent {
	out := make([]storage.NewEvent, n)
	for i := range out {
		out[i] = s.event()
	}
	return out
}

// accept appends and wants a first answer.
func (s *subject) accept(a *storage.Append) storage.Appended {
	s.Helper()
	appended, err := s.store.Append(s.Context(), a)
	if err != nil {
		s.Fatalf("append to %q: %v", a.Entries[0].Stream, err)
	}
	if appended.Replayed {
		s.Fatalf("append to %q: got the answer of an earlier one at %d", a.Entries[0].Stream, appended.First)
	}
	return appended
}

// replay appends again and wants the first answer.
func (s *subject) replay(a *storage.Append, first storage.Appended) {
	s.Helper()
	head := s.store.Head()
	again, err := s.store.Append(s.Context(), a)
	if err != nil {
		s.Fatalf("repeat: %v", err)
	}
	first.Replayed = true
	if got, want := describe(again, nil), describe(first, nil); got != want {
		s.Fatalf("repeat: got %s, want the first answer %s", got, want)
	}
	if s.store.Head() != head {
		s.Fatalf("repeat: head moved from %d to %d", head, s.store.Head())
	}
}

// conflict appends and wants exactly these conflicts, and nothing written.
func (s *subject) conflict(a *storage.Append, want ...storage.Conflict) {
	s.Helper()
	before := s.store.Head()
	_, err := s.store.Append(s.Context(), a)
	var failed *storage.ConflictError
	if !errors.As(err, &failed) {
		s.Fatalf("append to %q: got %v, want a conflict", a.Entries[0].Stream, err)
	}
	if got, want := fmt.Sprint(failed.Conflicts), fmt.Sprint(want); got != want {
		s.Fatalf("conflicts: got %s, want %s", got, want)
	}
	if failed.Head > s.store.Head() {
		s.Fatalf("conflict names head %d, which is above the durable head %d", failed.Head, s.store.Head())
	}
	if s.store.Head() != before {
		s.Fatalf("a refused append moved the head from %d to %d", before, s.store.Head())
	}
}

// fill appends n single events to the stream, one second apart from the time
// from on.
func (s *subject) fill(stream string, from storage.Instant, n int) {
	s.Helper()
	for i := range n {
		s.accept(One(from+storage.Instant(i)*1e6, Expect(stream, storage.ExpectAny(), s.event())))
	}
}

// all reads the log.
func (s *subject) all() []kept {
	s.Helper()
	return s.read(s.store.ReadAll(s.Context(), storage.AllRange{}))
}

// read collects what seq yields and wants no error.
func (s *subject) read(seq iter.Seq2[storage.Recorded, error]) []kept {
	s.Helper()
	events, err := collect(seq)
	if err != nil {
		s.Fatalf("read: %v", err)
	}
	return events
}

// kept is a copy of an event read.
type kept struct {
	position storage.Position
	wire     []byte
}

// collect copies what seq yields until its end or its error.
func collect(seq iter.Seq2[storage.Recorded, error]) ([]kept, error) {
	var out []kept
	for e, err := range seq {
		if err != nil {
			return out, err
		}
		out = append(out, kept{e.Position, bytes.Clone(e.Wire)})
	}
	return out, nil
}

// decode takes the event apart and wants its position to be the one it came
// with.
func (s *subject) decode(k kept) storage.Event {
	s.Helper()
	e, err := record.Decode(k.wire)
	if err != nil {
		s.Fatalf("event at position %d: %v", k.position, err)
	}
	if e.Position != k.position {
		s.Fatalf("event given at position %d says that it is at %d", k.position, e.Position)
	}
	return e
}

// submitted is the answer that a submitted append will get.
type submitted struct {
	appended storage.Appended
	err      error
	answered chan struct{}
}

// submit queues the append.
func (s *subject) submit(ctx context.Context, a *storage.Append) *submitted {
	s.Helper()
	out := &submitted{answered: make(chan struct{})}
	err := s.store.Submit(ctx, a, func(appended storage.Appended, err error) {
		out.appended, out.err = appended, err
		close(out.answered)
	})
	if err != nil {
		s.Fatalf("submit: %v", err)
	}
	return out
}

// wait waits for the answer.
func (out *submitted) wait() (storage.Appended, error) {
	<-out.answered
	return out.appended, out.err
}
