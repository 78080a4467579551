package storagetest

import (
	"context"
	"slices"
	"time"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// Head fulfils [storage.Store].
func (m *Model) Head() storage.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.headLocked()
}

func (m *Model) headLocked() storage.Position { return storage.Position(len(m.log)) }

// AwaitHead fulfils [storage.Store].
func (m *Model) AwaitHead(ctx context.Context, above storage.Position) (storage.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		switch {
		case m.headLocked() > above:
			return m.headLocked(), nil
		case m.closed:
			return 0, storage.ErrShuttingDown
		}
		if err := m.awaitChangeLocked(ctx); err != nil {
			return 0, err
		}
	}
}

// Info fulfils [storage.Store].
func (m *Model) Info() storage.Info {
	return storage.Info{History: m.history, Format: 1, Durability: "memory"}
}

// Stats fulfils [storage.Store].
func (m *Model) Stats() storage.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Head = m.headLocked()
	s.Queued, s.QueueLimit = len(m.queue), m.options.QueueLimit
	s.RequestIDs, s.RequestIDLimit = m.rememberedLocked(m.lastTimeLocked()), m.options.RequestIDLimit
	for _, g := range m.groups {
		s.TailBytes += uint64(len(g.Frames))
	}
	return s
}

// lastTimeLocked is the recorded time of the newest event; 0, so that no event
// is recorded before 1970, when there is none.
func (m *Model) lastTimeLocked() storage.Instant {
	if len(m.log) == 0 {
		return 0
	}
	return m.log[len(m.log)-1].at
}

// addGroupLocked makes a group of the events from first to head.
func (m *Model) addGroupLocked(first storage.Position) {
	g := storage.Group{First: first, Last: m.headLocked()}
	for _, e := range m.log[first-1:] {
		g.Frames = record.AppendFrame(g.Frames, e.wire)
	}
	m.groups = append(m.groups, g)
	if excess := len(m.groups) - m.options.TailGroups; excess > 0 {
		m.groups = slices.Delete(m.groups, 0, excess)
	}
}

// expiryOf is when a request recorded at an instant is forgotten.
func expiryOf(at storage.Instant, window time.Duration) storage.Instant {
	return at + storage.Instant(window.Microseconds())
}
