package sequencer

import (
	"fmt"

	"github.com/stet-db/stet/storage"
)

// item is an append in the queue.
type item struct {
	append *storage.Append
	bytes  int
	// finish is called once with the outcome and must not block.
	finish func(outcome)
	// streams and request are what was read ahead, see prefetch; streams is in
	// the order of the entries, or nil.
	streams []hint[storage.StreamState]
	request hint[requestState]
}

// requestState is the row of a request id, if there is one.
type requestState struct {
	row   storage.RequestRow
	found bool
}

// outcome is how an append was judged.
type outcome struct {
	// accepted: the events are staged, and appended tells where.
	accepted bool
	appended storage.Appended
	// replayOf is set when an earlier request with the same id wrote the events
	// and its answer is to be rebuilt from the log.
	replayOf storage.RequestRow
	// err is the refusal.
	err error
}

// answer is an outcome that waits for durability.
type answer struct {
	item    *item
	outcome outcome
}

// appendBytes is about what the append takes in memory and in the log.
func appendBytes(a *storage.Append) int {
	n := 64 + len(a.RequestID)
	for i := range a.Entries {
		e := &a.Entries[i]
		n += 64 + len(e.Stream)
		for j := range e.Events {
			n += 128 + len(e.Stream) + len(e.Events[j].Rest)
		}
	}
	return n
}

// resolve makes the caller's answer of an outcome that is durable.
func (s *Sequencer) resolve(a *storage.Append, o outcome) (storage.Appended, error) {
	if o.err != nil {
		return storage.Appended{}, o.err
	}
	if o.replayOf.Count == 0 {
		return o.appended, nil
	}
	return rebuild(s.log, a, o.replayOf)
}

// rebuild makes the first answer to a repeated request again. The request has
// the same content as the first, so it lays out the events; places and ids
// come from the log.
func rebuild(log Log, a *storage.Append, row storage.RequestRow) (storage.Appended, error) {
	ids, at, err := log.IDs(row.First, row.Count)
	if err != nil {
		return storage.Appended{}, fmt.Errorf("rebuild answer to request %q: %w", a.RequestID, err)
	}
	out := storage.Appended{
		First:      row.First,
		Last:       row.First + storage.Position(row.Count) - 1,
		RecordedAt: at,
		Entries:    make([]storage.AppendedEntry, len(a.Entries)),
		IDs:        ids,
		Replayed:   true,
	}
	var firsts []storage.Position
	next := row.First
	for i := range a.Entries {
		if n := len(a.Entries[i].Events); n > 0 {
			firsts = append(firsts, next)
			next += storage.Position(n)
		}
	}
	versions, err := log.Versions(firsts)
	if err != nil {
		return storage.Appended{}, fmt.Errorf("rebuild answer to request %q: %w", a.RequestID, err)
	}
	for i := range a.Entries {
		if n := len(a.Entries[i].Events); n > 0 {
			out.Entries[i] = storage.AppendedEntry{First: versions[0], Last: versions[0] + storage.Version(n) - 1}
			versions = versions[1:]
		}
	}
	return out, nil
}
