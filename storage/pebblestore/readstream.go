package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// placesAtOnce is how many index rows are read before their events.
const placesAtOnce = 128

// ReadStream yields the events of the range, which names its head.
func (d *DB) ReadStream(ctx context.Context, r storage.StreamRange) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		err := d.readStream(ctx, r, yield)
		if err != nil && !errors.Is(err, errStopped) {
			yield(storage.Recorded{}, err)
		}
	}
}

func (d *DB) readStream(ctx context.Context, r storage.StreamRange, yield func(storage.Recorded, error) bool) error {
	row, ok, err := d.name(r.Stream)
	if err != nil {
		return err
	}
	if !ok || row.First > r.Head {
		return &storage.StreamNotFoundError{Stream: r.Stream}
	}
	// One iterator serves index and events: making one costs as much as
	// reading several events.
	it, err := d.iter(nil, nil)
	if err != nil {
		return err
	}
	s := streamReader{it: it, number: row.Number, head: r.Head, backwards: r.Backwards, next: max(r.From, 1), until: r.Until, info: r.Info}
	if r.Backwards {
		s.next, s.until = r.Until, max(r.From, 1)
	}
	s.lower, s.upper = keys.StreamBounds(row.Number)
	if r.Info != nil {
		*r.Info = storage.StreamInfo{Name: r.Stream, First: row.First}
	}
	return d.closeIter(it, s.read(ctx, yield))
}

// streamReader alternates between the index of a stream and its events.
type streamReader struct {
	it        *pebble.Iterator
	number    uint64
	head      storage.Position
	backwards bool

	// next is the version to go on with and until the bound. Forwards, next is
	// included and until is not, 0 meaning the end. Backwards, next is not
	// included, 0 meaning the end, and until is.
	next, until storage.Version

	// at is the position whose event the iterator is on; 0: it is elsewhere.
	at           storage.Position
	places       [placesAtOnce]storage.Position
	key          []byte
	lower, upper []byte              // bounds of the stream's index keys
	info         *storage.StreamInfo // nil: is not wanted, or complete
}

func (s *streamReader) read(ctx context.Context, yield func(storage.Recorded, error) bool) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		fromEnd := s.backwards && s.next == 0
		n, toEnd, err := s.readPlaces()
		if err != nil {
			return err
		}
		if err := s.describe(n, fromEnd, toEnd); err != nil {
			return err
		}
		for _, p := range s.places[:n] {
			wire, err := s.event(p)
			if err != nil {
				return err
			}
			if !yield(storage.Recorded{Position: p, Wire: wire}, nil) {
				return errStopped
			}
		}
		if n < placesAtOnce {
			return nil
		}
	}
}

// describe completes info after the first n places. A read from or to the end of
// what is visible has met the last version; any other searches for it.
func (s *streamReader) describe(n int, fromEnd, toEnd bool) (err error) {
	switch {
	case s.info == nil:
		return nil
	case n > 0 && fromEnd:
		s.info.Version, s.info.Last = s.next+storage.Version(n-1), s.places[0]
	case n > 0 && toEnd:
		s.info.Version, s.info.Last = s.next-1, s.places[n-1]
	default:
		s.info.Version, s.info.Last, err = lastBelow(s.it, s.lower, s.upper, s.head)
	}
	s.info = nil
	return err
}

// readPlaces reads the positions of the next versions; fewer than asked for
// when the range ends. Versions follow each other without a gap (I2). toEnd: it
// went forwards and met the end of what is visible of the stream.
func (s *streamReader) readPlaces() (n int, toEnd bool, err error) {
	if err := fault.Fail(fault.ReadPlaces); err != nil {
		return 0, false, err
	}
	s.at = 0
	for ok := s.seekIndex(); n < placesAtOnce; ok = s.stepIndex() {
		if !ok || !bytes.HasPrefix(s.it.Key(), s.lower) {
			return n, !s.backwards, damaged("the index of streams", s.it.Error())
		}
		_, v, err := keys.Index(s.it.Key())
		if err != nil {
			return 0, false, err
		}
		if s.beyond(v) {
			return n, false, nil
		}
		p, err := rows.ParseIndex(s.it.Value(), s.number, v)
		if err != nil {
			return 0, false, err
		}
		if p > s.head {
			if s.backwards {
				continue // not shown yet; what is shown lies below
			}
			return n, true, nil
		}
		if err := s.advance(v); err != nil {
			return 0, false, err
		}
		s.places[n] = p
		n++
	}
	return n, false, nil
}

func (s *streamReader) seekIndex() bool {
	switch {
	case !s.backwards:
		return s.it.SeekGE(keys.AppendIndex(s.key[:0], s.number, s.next))
	case s.next == 0:
		return s.it.SeekLT(s.upper)
	default:
		return s.it.SeekLT(keys.AppendIndex(s.key[:0], s.number, s.next))
	}
}

func (s *streamReader) stepIndex() bool {
	if s.backwards {
		return s.it.Prev()
	}
	return s.it.Next()
}

func (s *streamReader) beyond(v storage.Version) bool {
	if s.backwards {
		return v < s.until
	}
	return s.until != 0 && v >= s.until
}

// advance moves on past a version, which must be the one that follows.
func (s *streamReader) advance(v storage.Version) error {
	if !s.backwards {
		if v != s.next {
			return s.hole(s.next)
		}
		s.next = v + 1
		return nil
	}
	if s.next != 0 && s.places[0] != 0 && v != s.next-1 {
		return s.hole(s.next - 1)
	}
	s.next = v
	return nil
}

func (s *streamReader) hole(v storage.Version) error {
	return &storage.CorruptionError{Where: fmt.Sprintf("index row of stream number %d, version %d", s.number, v), Detail: "is missing"}
}

// event goes to the event at a position. Neighbours in a stream are often
// neighbours in the log, and a step is cheaper than a search.
func (s *streamReader) event(p storage.Position) ([]byte, error) {
	s.key = keys.AppendEvent(s.key[:0], p)
	var ok bool
	switch {
	case s.at != 0 && p == s.at+1:
		ok = s.it.Next()
	case s.at != 0 && p+1 == s.at:
		ok = s.it.Prev()
	default:
		ok = s.it.SeekGE(s.key)
	}
	s.at = 0
	if !ok || string(s.it.Key()) != string(s.key) {
		if err := s.it.Error(); err != nil {
			return nil, damaged("the log", err)
		}
		return nil, missingEvent(p)
	}
	s.at = p
	return unseal(s.it, p)
}
