package tick

import (
	"strconv"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// segment is one step of a path: a key, and where it is spelt like one, a
// place in an array, counted from the end when negative.
type segment struct {
	key     value.Key
	index   int
	isPlace bool
}

func newSegment(key string) segment {
	s := segment{key: value.KeyOf(key)}
	s.index, s.isPlace = readIndex(key)
	return s
}

// readIndex reads 0, 12 or -1, but not 01, -0 or +1.
func readIndex(key string) (int, bool) {
	digits := strings.TrimPrefix(key, "-")
	if len(digits) == 0 || len(digits) > 9 || digits[0] == '0' && key != "0" {
		return 0, false
	}
	n := 0
	for _, b := range []byte(digits) {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = 10*n + int(b-'0')
	}
	if len(digits) < len(key) {
		n = -n
	}
	return n, true
}

// cost is in steps: long keys take time to compare.
func (s *segment) cost() int { return 1 + s.key.Size()/value.TextPerStep }

// within is the place in an array of this many items, if there is one.
func (s *segment) within(count int) (int, bool) {
	i := s.index
	if i < 0 {
		i += count
	}
	return i, s.isPlace && i >= 0 && i < count
}

// segmentOf is the step that a computed key makes: a string as in a path, or
// a whole number.
func segmentOf(v Value) (segment, bool) {
	switch v.Kind() {
	case value.KindString:
		s := segment{key: v.Key()}
		s.index, s.isPlace = readIndex(s.key.String())
		return s, true
	case value.KindNumber:
		n, whole := v.Int64()
		if !whole {
			return segment{}, false
		}
		return newSegment(strconv.FormatInt(n, 10)), true
	default:
		return segment{}, false
	}
}

// step goes one segment down.
func (s *segment) step(v Value) (Value, bool) {
	if v.IsArray() {
		i, ok := s.within(v.Len())
		return v.At(i), ok
	}
	return v.Member(s.key)
}

// find follows a path. Whatever is in the way, there is then nothing.
func (m *machine) find(v Value, path []segment) (Value, bool) {
	for i := range path {
		var there bool
		if !m.meter.Take(path[i].cost()) {
			return Value{}, false
		}
		if v, there = path[i].step(v); !there {
			return Value{}, false
		}
	}
	return v, !v.IsNone()
}

// put is the value with another one at the end of the path. Missing parents
// become objects; only the values on the way are copied.
func (m *machine) put(v Value, path []segment, leaf Value) (Value, *fault) {
	if len(path) == 0 {
		return leaf, nil
	}
	s := &path[0]
	if !m.meter.Take(s.cost()) {
		return Value{}, outOfSteps
	}
	switch {
	case v.IsArray():
		i, ok := s.within(v.Len())
		if !ok {
			return Value{}, nowhere
		}
		next, f := m.put(v.At(i), path[1:], leaf)
		if f != nil {
			return Value{}, f
		}
		return v.Replace(value.Replaced{Index: i, Item: next}), nil
	case !v.IsObject() && !v.IsNone():
		return Value{}, typeFault("a parent of the target is %s", v)
	}
	child, _ := v.Member(s.key) // one that is not there is made
	next, f := m.put(child, path[1:], leaf)
	if f != nil {
		return Value{}, f
	}
	return v.WithMember(s.key, next), nil
}

// cut is the value without what is at the end of the path, which is there.
func (m *machine) cut(v Value, path []segment) (Value, *fault) {
	s := &path[0]
	if !m.meter.Take(s.cost()) {
		return Value{}, outOfSteps
	}
	child, there := s.step(v)
	if !there {
		return Value{}, nowhere
	}
	if len(path) > 1 {
		next, f := m.cut(child, path[1:])
		if f != nil {
			return Value{}, f
		}
		return m.put(v, path[:1], next)
	}
	if v.IsObject() {
		return v.WithoutMember(s.key), nil
	}
	if !m.meter.Take(v.Len()) {
		return Value{}, outOfSteps
	}
	i, _ := s.within(v.Len()) // it was there
	return v.WithoutItem(i), nil
}

// nowhere does not name the key, which may be computed from anything.
var nowhere = &fault{MissingValue, "the target is not there"}

// splitPath reads the segments of a dot path.
func splitPath(path string) ([]segment, string) {
	if path == "" {
		return nil, ""
	}
	parts := strings.Split(path, ".")
	out := make([]segment, 0, len(parts))
	for i, p := range parts {
		if p == "" {
			return nil, "a path has no empty part"
		}
		if i < len(parts)-1 && strings.HasSuffix(p, "?") {
			return nil, "the ? stands at the end of a path"
		}
		out = append(out, newSegment(p))
	}
	if len(out) > value.MaxNesting {
		return nil, "a path has at most " + strconv.Itoa(value.MaxNesting) + " parts"
	}
	return out, ""
}
