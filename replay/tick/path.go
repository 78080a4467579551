package tick

import (
	"strconv"
	"strings"
)

// segment is one step of a path: a key, and where it is spelt like one, a
// place in an array, counted from the end when negative.
type segment struct {
	key     string // escaped
	index   int
	isPlace bool
}

func newSegment(key string) segment {
	s := segment{key: escape(key)}
	s.index, s.isPlace = readIndex(key)
	return s
}

// readIndex reads 0, 12 or -1, but not 01, -0 or +1.
func readIndex(key string) (int, bool) {
	digits := strings.TrimPrefix(key, "-")
	if len(digits) == 0 || len(digits) > 9 || digits[0] == '0' && key != "0" {
		return 0, false
	}
	n, err := strconv.Atoi(key)
	return n, err == nil && digits[0] != '+' && digits[0] != '-'
}

// cost is in steps: long keys take time to compare.
func (s *segment) cost() int { return 1 + len(s.key)/textPerStep }

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
	case KindString:
		key := v.text[1 : len(v.text)-1]
		s := segment{key: key}
		s.index, s.isPlace = readIndex(key)
		return s, true
	case KindNumber:
		n, whole := wholeNumber(v.text)
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
	switch {
	case v.dict != nil:
		return v.dict.get(s.key)
	case v.list != nil:
		if i, ok := s.within(v.list.count); ok {
			return v.list.at(i), true
		}
	}
	return Value{}, false
}

// find follows a path. Whatever is in the way, there is then nothing.
func (m *machine) find(v Value, path []segment) (Value, bool) {
	for i := range path {
		var there bool
		if !m.meter.take(path[i].cost()) {
			return Value{}, false
		}
		if v, there = path[i].step(v); !there {
			return Value{}, false
		}
	}
	return v, v.text != "" || v.list != nil || v.dict != nil
}

// put is the value with another one at the end of the path. Missing parents
// become objects; only the values on the way are copied.
func (m *machine) put(v Value, path []segment, leaf Value) (Value, *fault) {
	if len(path) == 0 {
		return leaf, nil
	}
	s := &path[0]
	if !m.meter.take(s.cost()) {
		return Value{}, outOfSteps
	}
	switch {
	case v.list != nil:
		i, ok := s.within(v.list.count)
		if !ok {
			return Value{}, nowhere
		}
		next, f := m.put(v.list.at(i), path[1:], leaf)
		if f != nil {
			return Value{}, f
		}
		return Value{list: v.list.set(i, next)}, nil
	case v.dict == nil && v.text != "":
		return Value{}, typeFault("a parent of the target is %s", v)
	}
	d := v.dict
	if d == nil {
		d = emptyDict
	}
	child, _ := d.get(s.key) // none is made
	next, f := m.put(child, path[1:], leaf)
	if f != nil {
		return Value{}, f
	}
	return Value{dict: d.set(s.key, next)}, nil
}

// cut is the value without what is at the end of the path, which is there.
func (m *machine) cut(v Value, path []segment) (Value, *fault) {
	s := &path[0]
	if !m.meter.take(s.cost()) {
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
	if v.dict != nil {
		return Value{dict: v.dict.without(s.key)}, nil
	}
	if !m.meter.take(v.list.count) {
		return Value{}, outOfSteps
	}
	i, _ := s.within(v.list.count) // it was there
	return Value{list: v.list.without(i)}, nil
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
	if len(out) > MaxNesting {
		return nil, "a path has at most " + strconv.Itoa(MaxNesting) + " parts"
	}
	return out, ""
}
