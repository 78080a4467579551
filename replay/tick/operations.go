package tick

import "github.com/stet-db/stet/replay/value"

func (m *machine) runSet(op *operation, root Value) (Value, *fault) {
	v, f := m.evaluate(&op.value)
	if f != nil {
		return Value{}, f
	}
	var r room
	path, f := m.place(op, &r)
	if f != nil {
		return Value{}, f
	}
	return m.put(root, path, v)
}

func (m *machine) runMerge(op *operation, root Value) (Value, *fault) {
	v, f := m.evaluate(&op.value)
	if f != nil {
		return Value{}, f
	}
	var r room
	path, f := m.place(op, &r)
	if f != nil {
		return Value{}, f
	}
	old, f := m.old(root, path)
	if f != nil {
		return Value{}, f
	}
	merged, f := m.merged(old, v)
	if f != nil {
		return Value{}, f
	}
	return m.put(root, path, merged)
}

// merged is the old object, or none, with the members of another one.
func (m *machine) merged(old, v Value) (Value, *fault) {
	switch {
	case !v.IsObject():
		return Value{}, typeFault("the value to merge is %s", v)
	case old.IsNone():
		return v, nil
	case !old.IsObject():
		return Value{}, typeFault("the target of the merge is %s", old)
	case !m.meter.Take(v.Len()):
		return Value{}, outOfSteps
	}
	return old.Merge(v), nil
}

func (m *machine) runAppend(op *operation, root Value) (Value, *fault) {
	v, f := m.evaluate(&op.value)
	if f != nil {
		return Value{}, f
	}
	all, f := m.listToGrow(op, root)
	if f != nil {
		return Value{}, f
	}
	return m.put(root, op.target, all.Append(v))
}

// listToGrow is the target, which is made where there is nothing.
func (m *machine) listToGrow(op *operation, root Value) (Value, *fault) {
	old, f := m.old(root, op.target)
	switch {
	case f != nil:
		return Value{}, f
	case old.IsNone():
		return value.Array(), nil
	case !old.IsArray():
		return Value{}, typeFault("the target is %s, not an array", old)
	}
	return old, nil
}

// listThere is the target, which must be there.
func (m *machine) listThere(op *operation, root Value) (Value, *fault) {
	old, f := m.old(root, op.target)
	switch {
	case f != nil:
		return Value{}, f
	case old.IsNone():
		return Value{}, noTarget
	case !old.IsArray():
		return Value{}, typeFault("the target is %s, not an array", old)
	}
	return old, nil
}

var noTarget = &fault{MissingValue, "there is nothing at the target"}

func (m *machine) runRemove(op *operation, root Value) (Value, *fault) {
	var r room
	path, f := m.place(op, &r)
	if f != nil {
		return Value{}, f
	}
	return m.cut(root, path)
}

var zero = value.Int(0)

// runCount is increment and decrement.
func (m *machine) runCount(op *operation, root Value) (Value, *fault) {
	by, f := m.evaluate(&op.value)
	if f != nil {
		return Value{}, f
	}
	var r room
	path, f := m.place(op, &r)
	if f != nil {
		return Value{}, f
	}
	old, f := m.old(root, path)
	if f != nil {
		return Value{}, f
	}
	if old.IsNone() {
		old = zero
	}
	v, f := calculate(op.how, old, by)
	if f != nil {
		return Value{}, f
	}
	return m.put(root, path, v)
}

func (m *machine) runConditional(op *operation, root Value) (Value, *fault) {
	yes := m.holds(&op.where)
	switch {
	case m.meter.Out():
		return Value{}, outOfSteps
	case yes:
		return m.run(&op.then, root, false)
	default:
		return m.run(&op.orElse, root, false)
	}
}

// runLet binds what is there; a name for nothing leads nowhere. Bound values
// are held to the size of a state: lets inside lets would multiply it beyond
// every number.
func (m *machine) runLet(op *operation, root Value) (Value, *fault) {
	before := len(m.names)
	bound := make([]Value, len(op.names))
	for i := range op.names {
		v, f := m.evaluate(&op.names[i])
		if f == nil {
			f = m.tooMuch(v)
		}
		if f != nil && f != absent {
			return Value{}, f
		}
		bound[i] = v
	}
	m.names = append(m.names, bound...)
	out, f := m.run(&op.then, root, false)
	m.names = m.names[:before]
	return out, f
}
