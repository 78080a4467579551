package sequencer

import (
	"fmt"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/storage"
)

// hint is something read ahead of judging, so that a cold read does not stall
// the writer.
type hint[T any] struct {
	value T
	// asOf is the last position that was applied when the reading began.
	asOf storage.Position
	read bool
}

// prefetch reads what judging the item will need, in the goroutine of whoever
// brings it. It changes no answer: a hint that is too old is not used, and an
// error is left to the writer, who will meet it again.
func (s *Sequencer) prefetch(it *item) {
	a := it.append
	if a.Refused != nil {
		return
	}
	asOf := storage.Position(s.applied.Load())
	if a.RequestID != "" && !s.judge.requests.peek(a.RequestID) {
		if row, found, err := s.log.Request(a.RequestID); err == nil {
			it.request = hint[requestState]{requestState{row, found}, asOf, true}
		}
	}
	defer fault.At(fault.AppendPrefetched)
	for i := range a.Entries {
		if s.judge.streams.peek(a.Entries[i].Stream) {
			continue
		}
		if state, err := s.log.Stream(a.Entries[i].Stream); err == nil {
			if it.streams == nil {
				it.streams = make([]hint[storage.StreamState], len(a.Entries))
			}
			it.streams[i] = hint[storage.StreamState]{state, asOf, true}
		}
	}
}

// stream is the state of the i-th entry's stream, with everything staged.
func (j *judge) stream(it *item, i int) (storage.StreamState, error) {
	name := it.append.Entries[i].Stream
	if state, ok := j.streams.get(name); ok {
		return state, nil
	}
	if it.streams != nil {
		if h := it.streams[i]; h.read && j.streams.trusts(h.asOf) {
			j.streams.put(name, h.value)
			return h.value, nil
		}
	}
	state, err := j.log.Stream(name)
	if err != nil {
		return state, fmt.Errorf("look up stream %q: %w", name, err)
	}
	j.streams.put(name, state)
	return state, nil
}

// request is the row of the item's request id, with everything staged.
func (j *judge) request(it *item) (requestState, error) {
	id := it.append.RequestID
	if state, ok := j.requests.get(id); ok {
		return state, nil
	}
	state := it.request.value
	if !it.request.read || !j.requests.trusts(it.request.asOf) {
		row, found, err := j.log.Request(id)
		if err != nil {
			return state, fmt.Errorf("look up request %q: %w", id, err)
		}
		state = requestState{row, found}
	}
	j.requests.put(id, state)
	return state, nil
}

// roomForRequest makes sure that one more request id may be remembered. The
// answer depends on the ids that have not expired at the append's time, never
// on when the others are purged: that is done after the append, which moves the
// log's time on. It returns false when everything staged must be applied first.
func (j *judge) roomForRequest(a *storage.Append, staged bool) (bool, error) {
	if j.requestRows < j.limit {
		return true, nil
	}
	if staged {
		return false, nil
	}
	needed := j.requestRows - j.limit + 1
	expired, err := j.log.Expired(j.now(a), needed)
	if err != nil {
		return true, fmt.Errorf("count expired request ids: %w", err)
	}
	if expired < needed {
		return true, &storage.RequestsFullError{Limit: j.limit}
	}
	return true, nil
}

// purgeExpired forgets some expired request ids, now and then or when there are
// too many. It is called when everything staged has been applied. A failure is
// met again by the next one.
func (j *judge) purgeExpired() {
	full := j.requestRows > j.limit
	if j.requestRows == 0 || (!full && j.lastTime < j.purgedAt+purgeEvery) {
		return
	}
	j.purgedAt = j.lastTime
	// By the log's own time, which never goes back: no later request can be
	// judged to find these rows alive. The engine keeps the order of batches, so
	// a crash cannot keep this one and lose the event with that time.
	left, purged, err := j.log.Purge(j.lastTime, purgeAtOnce)
	if err != nil || purged == 0 {
		return
	}
	j.requestRows = left
	fault.At(fault.Purged)
	// What was read before, also ahead, no longer tells whether a row is there.
	j.requests.forget(j.last + 1)
}
