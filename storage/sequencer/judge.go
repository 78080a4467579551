package sequencer

import (
	"fmt"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
)

// purgeEvery is the recorded time between two purges of expired request ids,
// and purgeAtOnce how many one may forget, so that the writer never waits long.
const (
	purgeEvery  = storage.Instant(1_000_000)
	purgeAtOnce = 1000
)

// judge is the state that appends are judged against: the log with everything
// staged. It belongs to the writer; only its caches' peeks may be used by
// others.
type judge struct {
	log   Log
	limit uint64 // of request ids

	// last and lastTime are those of the newest staged event, lastNumber is the
	// highest stream number staged.
	last       storage.Position
	lastTime   storage.Instant
	lastNumber uint64

	streams     cache[storage.StreamState]
	requests    cache[requestState]
	requestRows uint64
	purgedAt    storage.Instant

	// states is the memory of [judge.expectations]; it means nothing between
	// two of them.
	states []storage.StreamState
}

func (j *judge) open(log Log, o Options) (err error) {
	j.log, j.limit = log, o.RequestIDLimit
	j.streams.init(o.HeadsCached)
	j.requests.init(o.HeadsCached)
	if j.last, j.lastTime, err = log.Last(); err != nil {
		return err
	}
	if j.lastNumber, err = log.LastStreamNumber(); err != nil {
		return err
	}
	j.requestRows, err = log.Requests()
	return err
}

// beginBatch is called when everything staged has been applied. Only here may
// the caches let go of what they hold: it can be read from the log again.
func (j *judge) beginBatch() {
	j.streams.shrink(j.last)
	j.requests.shrink(j.last)
}

// now is the time that an append is judged at and, if accepted, recorded at:
// never before the newest event's (I12).
func (j *judge) now(a *storage.Append) storage.Instant { return max(j.lastTime, a.Time) }

// decide judges one append against the log and everything staged. It changes
// no state but the lane's. When it must read what may be staged only, it
// returns false: apply what is staged and ask again.
func (j *judge) decide(it *item, staged bool) (outcome, bool) {
	a := it.append
	if a.Lane.Halted() {
		return outcome{err: storage.ErrPipelineHalted}, true
	}
	o, ready := j.decideInLane(it, staged)
	if ready && o.err != nil {
		a.Lane.Refuse()
	}
	return o, ready
}

func (j *judge) decideInLane(it *item, staged bool) (outcome, bool) {
	a := it.append
	if a.Refused != nil {
		return outcome{err: a.Refused}, true
	}
	if a.RequestID != "" && !mutant.On(mutant.RetryForgotten) {
		req, err := j.request(it)
		if err != nil {
			return outcome{err: err}, true
		}
		if req.found && req.row.Expiry > j.now(a) {
			if req.row.Content != a.Content && !mutant.On(mutant.RetryAnyContent) {
				return outcome{err: &storage.RequestMismatchError{RequestID: a.RequestID}}, true
			}
			return outcome{replayOf: req.row}, true
		}
	}
	states, conflicts, err := j.expectations(it)
	if err != nil {
		return outcome{err: err}, true
	}
	if mutant.On(mutant.PositionEarly) && len(conflicts) > 0 {
		j.last++
	}
	if len(conflicts) > 0 {
		return j.conflicted(a, states, conflicts, staged)
	}
	if a.RequestID != "" {
		if ready, err := j.roomForRequest(a, staged); !ready || err != nil {
			return outcome{err: err}, ready
		}
	}
	return outcome{accepted: true}, true
}

// expectations reads the state of every stream concerned and lists the
// expectations that fail. The states hold until it is called again.
func (j *judge) expectations(it *item) ([]storage.StreamState, []storage.Conflict, error) {
	a := it.append
	j.states = j.states[:0]
	var conflicts []storage.Conflict
	for i := range a.Entries {
		e := &a.Entries[i]
		state, err := j.stream(it, i)
		if err != nil {
			return nil, nil, err
		}
		j.states = append(j.states, state)
		if !e.Expectation.Holds(state.Version) {
			conflicts = append(conflicts, storage.Conflict{Stream: e.Stream, Expected: e.Expectation, Actual: state.Version})
		}
	}
	return j.states, conflicts, nil
}

// conflicted answers an append whose expectations fail: with the first answer
// when it is a repetition, else with all conflicts.
func (j *judge) conflicted(a *storage.Append, states []storage.StreamState, conflicts []storage.Conflict, staged bool) (outcome, bool) {
	if a.RequestID == "" && couldBeRepeated(a, states) {
		if staged {
			return outcome{}, false
		}
		appended, ok, err := j.repeated(a, states)
		switch {
		case err != nil:
			return outcome{err: err}, true
		case ok:
			return outcome{appended: appended}, true
		}
	}
	return outcome{err: &storage.ConflictError{Conflicts: conflicts, Head: j.last}}, true
}

// couldBeRepeated tells whether an append without request id may be one that
// was accepted before: all its events must follow an exact version, have the
// client's ids, and there must be as many events since.
func couldBeRepeated(a *storage.Append, states []storage.StreamState) bool {
	for i := range a.Entries {
		e := &a.Entries[i]
		if len(e.Events) == 0 {
			continue
		}
		version, exact := e.Expectation.Exact()
		if !exact || states[i].Version < version || uint64(states[i].Version-version) < uint64(len(e.Events)) {
			return false
		}
		for k := range e.Events {
			if e.Events[k].ServerMadeID {
				return false
			}
		}
	}
	return true
}

// repeated looks for exactly the append's events in the log: each entry's just
// after its expected version, all of them at contiguous positions in the order
// of the request, with one recorded time. Everything must be applied.
func (j *judge) repeated(a *storage.Append, states []storage.StreamState) (storage.Appended, bool, error) {
	out := storage.Appended{Entries: make([]storage.AppendedEntry, len(a.Entries)), IDs: idsOf(a), Replayed: true}
	for i := range a.Entries {
		e := &a.Entries[i]
		if len(e.Events) == 0 {
			continue
		}
		version, _ := e.Expectation.Exact()
		found, err := j.log.Stored(states[i].Number, version, e.Events)
		if err != nil {
			return storage.Appended{}, false, fmt.Errorf("compare with stream %q: %w", e.Stream, err)
		}
		if !found.OK || (out.First != 0 && (found.First != out.Last+1 || found.RecordedAt != out.RecordedAt)) {
			return storage.Appended{}, false, nil
		}
		n := len(e.Events)
		if out.First == 0 {
			out.First, out.RecordedAt = found.First, found.RecordedAt
		}
		out.Last = found.First + storage.Position(n) - 1
		out.Entries[i] = storage.AppendedEntry{First: version + 1, Last: version + storage.Version(n)}
	}
	return out, true, nil
}

// stage gives the events of an accepted append their places and adds them to
// the batch (I2, I3). The outcome gets the answer.
func (j *judge) stage(b Batch, a *storage.Append, o *outcome) {
	j.lastTime = j.now(a)
	if mutant.On(mutant.TimeMayFall) {
		j.lastTime = a.Time
	}
	out := storage.Appended{
		First:      j.last + 1,
		RecordedAt: j.lastTime,
		Entries:    make([]storage.AppendedEntry, len(a.Entries)),
		IDs:        idsOf(a),
	}
	for i := range a.Entries {
		if len(a.Entries[i].Events) > 0 {
			out.Entries[i] = j.stageEntry(b, &a.Entries[i])
		}
	}
	out.Last = j.last
	o.appended = out
	if a.RequestID != "" {
		j.remember(b, a, out)
	}
}

func (j *judge) stageEntry(b Batch, e *storage.Entry) storage.AppendedEntry {
	// decide has just read it, so it is cached.
	state, _ := j.streams.get(e.Stream)
	if state.Number == 0 {
		j.lastNumber++
		state.Number = j.lastNumber
	}
	first := state.Version + 1
	for k := range e.Events {
		j.last++
		state.Version++
		b.Put(storage.Placed{
			Stream:     e.Stream,
			Number:     state.Number,
			Version:    state.Version,
			Position:   j.last,
			RecordedAt: j.lastTime,
			Event:      &e.Events[k],
		}, state.Version == 1)
	}
	if !mutant.On(mutant.StagedIgnored) {
		j.streams.put(e.Stream, state)
	}
	return storage.AppendedEntry{First: first, Last: state.Version}
}

func (j *judge) remember(b Batch, a *storage.Append, out storage.Appended) {
	row := storage.RequestRow{
		First:   out.First,
		Count:   uint64(out.Last - out.First + 1),
		Content: a.Content,
		Expiry:  out.RecordedAt + storage.Instant(a.Window.Microseconds()),
	}
	if old, _ := j.requests.get(a.RequestID); !old.found {
		j.requestRows++
	}
	j.requests.put(a.RequestID, requestState{row, true})
	b.Remember(a.RequestID, row, j.requestRows)
}

func idsOf(a *storage.Append) []storage.EventID {
	ids := make([]storage.EventID, 0, a.EventCount())
	for i := range a.Entries {
		for k := range a.Entries[i].Events {
			ids = append(ids, a.Entries[i].Events[k].ID)
		}
	}
	return ids
}
