package replay

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// errSnapshot: a snapshot does not have the form of [AppendState]. It is a cache,
// so nobody needs to know more.
var errSnapshot = errors.New("not the form of a snapshot")

// AppendState appends the form in which a state is kept as a snapshot. Numbers
// are varints, texts have their length before them:
//
//	version, position, created at, updated at, skipped, more warnings,
//	number of warnings, and for each: event, path, reason, problem, count
//	the state as JSON text, to the end
//
// Another form needs another [Version], so that old snapshots are not read.
func AppendState(dst []byte, s *State) []byte {
	for _, n := range []uint64{uint64(s.Version), uint64(s.Position), uint64(s.CreatedAt), uint64(s.UpdatedAt), s.Skipped, s.MoreWarnings, uint64(len(s.Warnings))} {
		dst = binary.AppendUvarint(dst, n)
	}
	text := func(t string) { dst = append(binary.AppendUvarint(dst, uint64(len(t))), t...) }
	for i := range s.Warnings {
		w := &s.Warnings[i]
		text(w.Event)
		text(w.Path)
		dst = binary.AppendUvarint(dst, uint64(w.Reason))
		text(w.Problem)
		dst = binary.AppendUvarint(dst, uint64(w.Count))
	}
	return s.Value.AppendJSON(dst)
}

// ParseState reads what [AppendState] wrote. It keeps nothing of the bytes.
func ParseState(b []byte) (State, error) {
	r := stateReader{rest: b}
	s := State{
		Version:      storage.Version(r.number()),
		Position:     storage.Position(r.number()),
		CreatedAt:    storage.Instant(r.number()),
		UpdatedAt:    storage.Instant(r.number()),
		Skipped:      r.number(),
		MoreWarnings: r.number(),
	}
	n := r.number()
	if n > MaxWarnings || r.failed {
		return State{}, errSnapshot
	}
	for range n {
		s.Warnings = append(s.Warnings, Warning{r.text(), tick.Warning{
			Path: r.text(), Reason: tick.Reason(r.number()), Problem: r.text(), Count: int(r.number()),
		}})
	}
	if r.failed {
		return State{}, errSnapshot
	}
	var err error
	if s.Value, err = value.Parse(r.rest); err != nil {
		return State{}, fmt.Errorf("read snapshot: %w", err)
	}
	if !s.Value.IsObject() {
		return State{}, errSnapshot
	}
	return s, nil
}

// stateReader takes parts off the front, until one is not there.
type stateReader struct {
	rest   []byte
	failed bool
}

func (r *stateReader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.failed, size = true, 0
		n = 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *stateReader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.failed = true
		return ""
	}
	t := string(r.rest[:n])
	r.rest = r.rest[n:]
	return t
}
