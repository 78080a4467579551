package tick

import "github.com/stet-db/stet/replay/value"

// expression is a compiled template. Evaluating it walks only what stands in
// the specification; what a path leads to is data and never looked into.
type expression struct {
	form      form
	value     Value        // literal
	reference reference    // path
	parts     []expression // operands, items or members
	keys      []value.Key  // of the members
	predicate *predicate   // choose
}

type form uint8

const (
	formLiteral form = iota
	formPath
	formArray
	formObject
	formMerge
	formDefault
	formAt
	formChoose
	formLength
	formConcat
	formAdd
	formSubtract
	formMultiply
)

// evaluate makes the value, or says why not: absent, missing, or a fault.
func (m *machine) evaluate(e *expression) (Value, *fault) {
	if !m.meter.Take(1) {
		return Value{}, outOfSteps
	}
	switch e.form {
	case formLiteral:
		return e.value, nil
	case formPath:
		return m.follow(&e.reference)
	case formArray:
		return m.array(e)
	case formObject:
		return m.object(e)
	case formMerge:
		return m.merge(e)
	case formDefault:
		return m.firstThere(e)
	case formAt:
		return m.computed(e)
	case formChoose:
		return m.choose(e)
	case formLength:
		return m.length(e)
	case formConcat:
		return m.concat(e)
	default:
		return m.calculate(e)
	}
}

func (m *machine) array(e *expression) (Value, *fault) {
	items := make([]Value, 0, len(e.parts))
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		switch {
		case f == absent:
		case f != nil:
			return Value{}, f
		default:
			items = append(items, v)
		}
	}
	return value.NewArray(items), nil
}

func (m *machine) object(e *expression) (Value, *fault) {
	members := make([]value.Member, 0, len(e.parts))
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		switch {
		case f == absent:
		case f != nil:
			return Value{}, f
		default:
			members = append(members, value.Member{Key: e.keys[i], Value: v})
		}
	}
	return value.NewObject(members), nil
}

func (m *machine) merge(e *expression) (Value, *fault) {
	out := value.Object()
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		switch {
		case f == absent:
			continue
		case f != nil:
			return Value{}, f
		case !v.IsObject():
			return Value{}, typeFault("$merge is given %s", v)
		case !m.meter.Take(v.Len()):
			return Value{}, outOfSteps
		}
		out = out.Merge(v)
	}
	return out, nil
}

// firstThere is absent or missing as the last one is.
func (m *machine) firstThere(e *expression) (Value, *fault) {
	var v Value
	var f *fault
	for i := range e.parts {
		if v, f = m.evaluate(&e.parts[i]); f == nil || !f.isMissing() {
			break
		}
	}
	return v, f
}

// computed is the value at a key that is computed.
func (m *machine) computed(e *expression) (Value, *fault) {
	from, f := m.evaluate(&e.parts[0])
	if f != nil {
		return Value{}, f
	}
	key, f := m.evaluate(&e.parts[1])
	if f != nil {
		return Value{}, f
	}
	s, ok := segmentOf(key)
	switch {
	case !ok:
		return Value{}, typeFault("the key of $at is %s", key)
	case !from.IsObject() && !from.IsArray():
		return Value{}, typeFault("$at looks into %s", from)
	}
	if !m.meter.Take(s.cost()) {
		return Value{}, outOfSteps
	}
	v, there := s.step(from)
	if !there {
		return Value{}, nothingAt
	}
	return v, nil
}

var nothingAt = &fault{MissingValue, "there is nothing at the key of $at"}

func (m *machine) choose(e *expression) (Value, *fault) {
	yes := m.holds(e.predicate)
	switch {
	case m.meter.Out():
		return Value{}, outOfSteps
	case yes:
		return m.evaluate(&e.parts[0])
	default:
		return m.evaluate(&e.parts[1])
	}
}

func (m *machine) length(e *expression) (Value, *fault) {
	v, f := m.evaluate(&e.parts[0])
	if f != nil {
		return Value{}, f
	}
	switch v.Kind() {
	case value.KindArray, value.KindObject:
		return value.Int(int64(v.Len())), nil
	case value.KindString:
		if !m.meter.Take(v.Size() / value.TextPerStep) {
			return Value{}, outOfSteps
		}
		return value.Int(int64(v.Characters())), nil
	default:
		return Value{}, typeFault("$len is given %s", v)
	}
}

func (m *machine) concat(e *expression) (Value, *fault) {
	size := 0
	parts := make([]Value, 0, len(e.parts))
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		if f == absent {
			continue
		}
		if f != nil {
			return Value{}, f
		}
		if kind := v.Kind(); kind != value.KindString && kind != value.KindNumber {
			return Value{}, typeFault("$concat is given %s", v)
		}
		if size += v.Size(); size > m.limits.StateBytes {
			return Value{}, tooLarge
		}
		parts = append(parts, v)
	}
	if !m.meter.Take(size / value.TextPerStep) {
		return Value{}, outOfSteps
	}
	out, _ := value.Concat(parts) // they are strings and numbers
	return out, nil
}

func (m *machine) calculate(e *expression) (Value, *fault) {
	a, f := m.evaluate(&e.parts[0])
	if f != nil {
		return Value{}, f
	}
	b, f := m.evaluate(&e.parts[1])
	if f != nil {
		return Value{}, f
	}
	return calculate(e.form, a, b)
}

func calculate(how form, a, b Value) (Value, *fault) {
	for _, v := range [...]Value{a, b} {
		if v.Kind() != value.KindNumber {
			return Value{}, typeFault("arithmetic is given %s", v)
		}
	}
	var out Value
	var exact bool
	switch how {
	case formAdd:
		out, exact = value.Add(a, b)
	case formSubtract:
		out, exact = value.Subtract(a, b)
	default:
		out, exact = value.Multiply(a, b)
	}
	if !exact {
		return Value{}, notExact
	}
	return out, nil
}
