package tick

// expression is a compiled template. Evaluating it walks only what stands in
// the specification; what a path leads to is data and never looked into.
type expression struct {
	form      form
	value     Value        // literal
	reference reference    // path
	parts     []expression // operands, items or members
	keys      []string     // of the members, escaped
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
	if !m.meter.take(1) {
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
	return Value{list: newList(items)}, nil
}

func (m *machine) object(e *expression) (Value, *fault) {
	members := make([]member, 0, len(e.parts))
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		switch {
		case f == absent:
		case f != nil:
			return Value{}, f
		default:
			members = append(members, member{e.keys[i], v})
		}
	}
	return Value{dict: newDict(members)}, nil
}

func (m *machine) merge(e *expression) (Value, *fault) {
	out := emptyDict
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		switch {
		case f == absent:
			continue
		case f != nil:
			return Value{}, f
		case v.dict == nil:
			return Value{}, typeFault("$merge is given %s", v)
		case !m.meter.take(v.dict.count):
			return Value{}, outOfSteps
		}
		out = out.merge(v.dict)
	}
	return Value{dict: out}, nil
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
	case from.dict == nil && from.list == nil:
		return Value{}, typeFault("$at looks into %s", from)
	}
	if !m.meter.take(s.cost()) {
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
	case m.meter.out():
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
	case KindArray, KindObject:
		return Int(int64(v.Len())), nil
	case KindString:
		if !m.meter.take(len(v.text) / textPerStep) {
			return Value{}, outOfSteps
		}
		return Int(int64(characters(v.text))), nil
	default:
		return Value{}, typeFault("$len is given %s", v)
	}
}

func (m *machine) concat(e *expression) (Value, *fault) {
	out := []byte{'"'}
	for i := range e.parts {
		v, f := m.evaluate(&e.parts[i])
		if f == absent {
			continue
		}
		if f != nil {
			return Value{}, f
		}
		if !m.meter.take(len(v.text) / textPerStep) {
			return Value{}, outOfSteps
		}
		switch v.Kind() {
		case KindString:
			out = append(out, v.text[1:len(v.text)-1]...)
		case KindNumber:
			out = append(out, v.text...)
		default:
			return Value{}, typeFault("$concat is given %s", v)
		}
		if len(out) > m.limits.StateBytes {
			return Value{}, tooLarge
		}
	}
	return Value{text: string(append(out, '"'))}, nil
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
		if v.Kind() != KindNumber {
			return Value{}, typeFault("arithmetic is given %s", v)
		}
	}
	var text string
	var exact bool
	switch how {
	case formAdd:
		text, exact = addNumbers(a.text, b.text)
	case formSubtract:
		text, exact = subtractNumbers(a.text, b.text)
	default:
		text, exact = multiplyNumbers(a.text, b.text)
	}
	if !exact {
		return Value{}, notExact
	}
	return Value{text: text}, nil
}
