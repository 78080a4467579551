package aggregate

import (
	"context"
	"fmt"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// StreamID names one event of a stream, which must be visible at the head.
func (s *Service) StreamID(ctx context.Context, stream string, v storage.Version, at storage.Instant) (replay.StreamID, error) {
	first, err := s.firstOfMillis(ctx, stream, v, at, s.store.Head())
	return replay.StreamID{Millis: replay.Millis(at), Place: uint64(v - first)}, err
}

// streamIDs name n events from version first on that were recorded together.
func (s *Service) streamIDs(ctx context.Context, stream string, first storage.Version, n int, at storage.Instant, head storage.Position) ([]string, error) {
	base, err := s.firstOfMillis(ctx, stream, first, at, head)
	if err != nil {
		return nil, err
	}
	out := make([]string, n)
	for i := range out {
		out[i] = replay.StreamID{Millis: replay.Millis(at), Place: uint64(first-base) + uint64(i)}.String()
	}
	return out, nil
}

// firstOfMillis is the first version of the stream that was recorded in the
// same millisecond as the event of version v.
func (s *Service) firstOfMillis(ctx context.Context, stream string, v storage.Version, at storage.Instant, head storage.Position) (storage.Version, error) {
	if v <= 1 {
		return v, nil
	}
	// Mostly the event before is older: one read instead of a search.
	for r, err := range s.store.ReadStream(ctx, storage.StreamRange{Stream: stream, From: v - 1, Until: v, Head: head}) {
		if err != nil {
			return 0, fmt.Errorf("name events of stream %q: %w", stream, err)
		}
		_, _, _, before, err := record.Place(r.Wire)
		if err != nil {
			return 0, fmt.Errorf("name events of stream %q: %w", stream, err)
		}
		if replay.Millis(before) != replay.Millis(at) {
			return v, nil
		}
	}
	const microsPerMilli = 1000
	first, err := s.store.VersionAt(ctx, stream, storage.Instant(replay.Millis(at)*microsPerMilli), head)
	if err != nil {
		return 0, fmt.Errorf("name events of stream %q: %w", stream, err)
	}
	return first, nil
}
