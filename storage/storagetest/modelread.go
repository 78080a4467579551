package storagetest

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/stet-db/stet/storage"
)

// ReadAll fulfils [storage.Store].
func (m *Model) ReadAll(ctx context.Context, r storage.AllRange) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		m.mu.Lock()
		from, until := bounds(r.From, r.Until, m.headLocked())
		log := m.log
		m.mu.Unlock()
		var positions []storage.Position
		for p := from; p < until; p++ {
			positions = append(positions, p)
		}
		give(ctx, log, positions, r.Backwards, yield)
	}
}

// ReadStream fulfils [storage.Store].
func (m *Model) ReadStream(ctx context.Context, r storage.StreamRange) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		m.mu.Lock()
		if r.Head == 0 {
			r.Head = m.headLocked()
		}
		positions := m.visibleLocked(r.Stream, r.Head)
		info, _ := m.streamLocked(r.Stream, r.Head)
		log := m.log
		m.mu.Unlock()
		if len(positions) == 0 {
			yield(storage.Recorded{}, &storage.StreamNotFoundError{Stream: r.Stream})
			return
		}
		if r.Info != nil {
			*r.Info = info
		}
		from, until := bounds(r.From, r.Until, storage.Version(len(positions)))
		if from >= until {
			positions = nil
		} else {
			positions = positions[from-1 : until-1]
		}
		give(ctx, log, positions, r.Backwards, yield)
	}
}

// bounds makes a range definite: both ends are stated, and until is at most one
// above the last.
func bounds[T storage.Position | storage.Version](from, until, last T) (T, T) {
	if until == 0 || until > last {
		until = last + 1
	}
	return max(from, 1), until
}

// visibleLocked are the positions of the stream's events up to head.
func (m *Model) visibleLocked(stream string, head storage.Position) []storage.Position {
	all := m.streams[stream]
	n := 0
	for n < len(all) && all[n] <= head {
		n++
	}
	return all[:n:n]
}

// give yields the events at the positions. The bytes that it lends are spoiled
// after each step, so that a reader who keeps them finds out.
func give(ctx context.Context, log []loggedEvent, positions []storage.Position, backwards bool, yield func(storage.Recorded, error) bool) {
	if backwards {
		positions = slices.Clone(positions)
		slices.Reverse(positions)
	}
	if err := ctx.Err(); err != nil {
		yield(storage.Recorded{}, err)
		return
	}
	var lent []byte
	for _, p := range positions {
		if err := ctx.Err(); err != nil {
			yield(storage.Recorded{}, err)
			return
		}
		lent = append(lent[:0], log[p-1].wire...)
		more := yield(storage.Recorded{Position: p, Wire: lent}, nil)
		for i := range lent {
			lent[i] = 0xdb
		}
		if !more {
			return
		}
	}
}

// Tail fulfils [storage.Store].
func (m *Model) Tail(after storage.Position) (storage.Group, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.groups {
		if g.First <= after+1 && after+1 <= g.Last {
			return g, true
		}
	}
	return storage.Group{}, false
}

// Stream fulfils [storage.Store].
func (m *Model) Stream(ctx context.Context, name string, head storage.Position) (storage.StreamInfo, error) {
	if err := ctx.Err(); err != nil {
		return storage.StreamInfo{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	info, ok := m.streamLocked(name, head)
	if !ok {
		return storage.StreamInfo{}, &storage.StreamNotFoundError{Stream: name}
	}
	return info, nil
}

func (m *Model) streamLocked(name string, head storage.Position) (storage.StreamInfo, bool) {
	positions := m.visibleLocked(name, head)
	if len(positions) == 0 {
		return storage.StreamInfo{}, false
	}
	return storage.StreamInfo{
		Name:    name,
		Version: storage.Version(len(positions)),
		First:   positions[0],
		Last:    positions[len(positions)-1],
	}, true
}

// Streams fulfils [storage.Store].
func (m *Model) Streams(ctx context.Context, q storage.StreamsQuery) ([]storage.StreamInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []storage.StreamInfo
	for _, name := range slices.Sorted(maps.Keys(m.streams)) {
		if !strings.HasPrefix(name, q.Prefix) || name <= q.After {
			continue
		}
		if q.Prefix == "" && storage.IsServerStream(name) && !q.WithServerStreams {
			continue
		}
		info, ok := m.streamLocked(name, q.Head)
		if ok && len(out) < q.Limit {
			out = append(out, info)
		}
	}
	return out, nil
}

// PositionAt fulfils [storage.Store].
func (m *Model) PositionAt(ctx context.Context, t storage.Instant, head storage.Position) (storage.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := storage.Position(1); p <= head; p++ {
		if m.log[p-1].at >= t {
			return p, nil
		}
	}
	return head + 1, nil
}

// VersionAt fulfils [storage.Store].
func (m *Model) VersionAt(ctx context.Context, stream string, t storage.Instant, head storage.Position) (storage.Version, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	positions := m.visibleLocked(stream, head)
	if len(positions) == 0 {
		return 0, &storage.StreamNotFoundError{Stream: stream}
	}
	for i, p := range positions {
		if m.log[p-1].at >= t {
			return storage.Version(i + 1), nil
		}
	}
	return storage.Version(len(positions) + 1), nil
}

// RecordedAt fulfils [storage.Store].
func (m *Model) RecordedAt(ctx context.Context, p storage.Position) (storage.Instant, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p < 1 || p > m.headLocked() {
		return 0, fmt.Errorf("recorded time of position %d: want 1 to %d", p, m.headLocked())
	}
	return m.log[p-1].at, nil
}
