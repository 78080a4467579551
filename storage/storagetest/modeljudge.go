package storagetest

import (
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// judgeLocked answers one append and counts the answer.
func (m *Model) judgeLocked(a *storage.Append) (storage.Appended, error) {
	if a.Lane.Halted() {
		m.stats.Refused++
		return storage.Appended{}, storage.ErrPipelineHalted
	}
	appended, err := m.decideLocked(a)
	switch {
	case err != nil:
		a.Lane.Refuse()
		m.stats.Refused++
	case appended.Replayed:
		m.stats.Replayed++
	default:
		m.stats.Accepted++
		m.stats.Batches++
		m.stats.Events += uint64(a.EventCount())
	}
	return appended, err
}

// decideLocked is the judgement: a function of the log, the remembered requests
// and the append, of nothing else.
func (m *Model) decideLocked(a *storage.Append) (storage.Appended, error) {
	if a.Refused != nil {
		return storage.Appended{}, a.Refused
	}
	if m.options.Refuse != nil {
		if err := m.options.Refuse(a); err != nil {
			return storage.Appended{}, err
		}
	}
	now := max(a.Time, m.lastTimeLocked()) // I12
	// A request id is looked up before the expectations (I5).
	if row, ok := m.requests[a.RequestID]; ok && a.RequestID != "" && now < row.expiry {
		if row.content != a.Content {
			return storage.Appended{}, &storage.RequestMismatchError{RequestID: a.RequestID}
		}
		return m.firstAnswerLocked(a, row.first, row.count), nil
	}
	if conflicts := m.conflictsLocked(a); len(conflicts) > 0 {
		if first, ok := m.writtenBeforeLocked(a); ok {
			return m.firstAnswerLocked(a, first, a.EventCount()), nil
		}
		return storage.Appended{}, &storage.ConflictError{Conflicts: conflicts, Head: m.headLocked()}
	}
	if a.RequestID != "" && m.rememberedLocked(now) >= m.options.RequestIDLimit {
		return storage.Appended{}, &storage.RequestsFullError{Limit: m.options.RequestIDLimit}
	}
	return m.acceptLocked(a, now), nil
}

// conflictsLocked lists every expectation that fails (I4).
func (m *Model) conflictsLocked(a *storage.Append) []storage.Conflict {
	var out []storage.Conflict
	for _, e := range a.Entries {
		if actual := m.versionLocked(e.Stream); !e.Expectation.Holds(actual) {
			out = append(out, storage.Conflict{Stream: e.Stream, Expected: e.Expectation, Actual: actual})
		}
	}
	return out
}

// version is the number of events of the stream.
func (m *Model) version(stream string) storage.Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.versionLocked(stream)
}

func (m *Model) versionLocked(stream string) storage.Version {
	return storage.Version(len(m.streams[stream]))
}

// writtenBeforeLocked tells whether an append without request id, one of whose
// expectations fails, was written before, and from which position on: all ids
// are the client's, each entry with events has an exact expectation, and just
// after that version lie exactly these events, at contiguous positions in the
// order of the request, with one recorded time.
func (m *Model) writtenBeforeLocked(a *storage.Append) (first storage.Position, ok bool) {
	if a.RequestID != "" {
		return 0, false
	}
	n := 0
	for i := range a.Entries {
		e := &a.Entries[i]
		expected, exact := e.Expectation.Exact()
		for j := range e.Events {
			at := uint64(expected) + uint64(j) // the index of version expected+1+j
			if !exact || e.Events[j].ServerMadeID || at >= uint64(m.versionLocked(e.Stream)) {
				return 0, false
			}
			p := m.streams[e.Stream][at]
			if n == 0 {
				first = p
			}
			found := m.log[p-1]
			if p != first+storage.Position(n) || found.at != m.log[first-1].at || !record.SameContent(found.wire, &e.Events[j]) {
				return 0, false
			}
			n++
		}
	}
	return first, n > 0
}

// firstAnswerLocked is the answer that the request got when it wrote its events
// from the position first on, count of them.
func (m *Model) firstAnswerLocked(a *storage.Append, first storage.Position, count int) storage.Appended {
	answer := m.answerLocked(a, first, count)
	answer.Replayed = true
	return answer
}

// answerLocked tells where the events of the append are, which the log has from
// the position first on, count of them.
func (m *Model) answerLocked(a *storage.Append, first storage.Position, count int) storage.Appended {
	answer := storage.Appended{
		First:      first,
		Last:       first + storage.Position(count) - 1,
		RecordedAt: m.log[first-1].at,
	}
	next := first
	for _, e := range a.Entries {
		var entry storage.AppendedEntry
		if len(e.Events) > 0 {
			entry.First = m.versionOfLocked(e.Stream, next)
			entry.Last = entry.First + storage.Version(len(e.Events)) - 1
		}
		answer.Entries = append(answer.Entries, entry)
		next += storage.Position(len(e.Events))
	}
	for _, e := range m.log[first-1 : answer.Last] {
		answer.IDs = append(answer.IDs, e.id)
	}
	return answer
}

// versionOfLocked is the version that the stream's event at position p has.
func (m *Model) versionOfLocked(stream string, p storage.Position) storage.Version {
	for i, at := range m.streams[stream] {
		if at == p {
			return storage.Version(i + 1)
		}
	}
	panic("storagetest: the model's stream " + stream + " has no event at a position given to it")
}

// acceptLocked adds the events (I2, I3).
func (m *Model) acceptLocked(a *storage.Append, now storage.Instant) storage.Appended {
	first := m.headLocked() + 1
	for _, entry := range a.Entries {
		for i := range entry.Events {
			e := &entry.Events[i]
			p, v := m.headLocked()+1, m.versionLocked(entry.Stream)+1
			wire := record.AppendRecorded(nil, entry.Stream, v, p, now, e)
			m.log = append(m.log, loggedEvent{at: now, id: e.ID, wire: wire})
			m.streams[entry.Stream] = append(m.streams[entry.Stream], p)
		}
	}
	if a.RequestID != "" {
		m.requests[a.RequestID] = rememberedRequest{first, a.EventCount(), a.Content, expiryOf(now, a.Window)}
	}
	m.addGroupLocked(first)
	return m.answerLocked(a, first, a.EventCount())
}

// rememberedLocked counts the request ids that are not expired at an instant.
func (m *Model) rememberedLocked(at storage.Instant) uint64 {
	var n uint64
	for _, row := range m.requests {
		if at < row.expiry {
			n++
		}
	}
	return n
}
