package tick

import "github.com/stet-db/stet/replay/value"

// runFilter keeps the items of which the predicate is, or is not, true.
func (m *machine) runFilter(op *operation, root Value, keep bool) (Value, *fault) {
	all, f := m.listThere(op, root)
	if f != nil {
		return Value{}, f
	}
	var kept []Value
	for i := range all.Len() {
		m.item = all.At(i)
		if m.holds(&op.where) == keep {
			kept = append(kept, m.item)
		}
		if m.meter.Out() {
			return Value{}, outOfSteps
		}
	}
	if len(kept) == all.Len() {
		return root, nil
	}
	return m.put(root, op.target, value.NewArray(kept))
}

// runItems is map and update_where: each item, or each that matches, is made
// anew. A fault while a value is made for one item skips the operation; a fault
// of an operation inside skips that one.
func (m *machine) runItems(op *operation, root Value) (Value, *fault) {
	all, f := m.listThere(op, root)
	if f != nil {
		return Value{}, f
	}
	var made []value.Replaced
	for i := range all.Len() {
		m.item = all.At(i)
		matches := op.run == opMap || m.holds(&op.where)
		if !m.meter.Take(1) {
			return Value{}, outOfSteps
		}
		if !matches {
			continue
		}
		item, f := m.changed(op, m.item)
		if f != nil {
			return Value{}, f
		}
		made = append(made, value.Replaced{Index: i, Item: item})
	}
	if len(made) == 0 {
		return root, nil
	}
	return m.put(root, op.target, all.Replace(made...))
}

func (m *machine) changed(op *operation, item Value) (Value, *fault) {
	if op.change == changeApply {
		return m.run(&op.then, item, false)
	}
	v, f := m.evaluate(&op.value)
	switch {
	case f == absent:
		return item, nil
	case f != nil:
		return Value{}, f
	case op.change == changeMerge:
		return m.merged(item, v)
	}
	return v, nil
}

func (m *machine) runUpsert(op *operation, root Value) (Value, *fault) {
	v, f := m.evaluate(&op.value)
	if f != nil {
		return Value{}, f
	}
	all, f := m.listToGrow(op, root)
	if f != nil {
		return Value{}, f
	}
	for i := range all.Len() {
		m.item = all.At(i)
		matches := m.holds(&op.where)
		if m.meter.Out() {
			return Value{}, outOfSteps
		}
		if matches {
			item, f := m.merged(m.item, v)
			if f != nil {
				return Value{}, f
			}
			return m.put(root, op.target, all.Replace(value.Replaced{Index: i, Item: item}))
		}
	}
	if !v.IsObject() {
		return Value{}, typeFault("the value to merge is %s", v)
	}
	return m.put(root, op.target, all.Append(v))
}

func (m *machine) runAppendUnique(op *operation, root Value) (Value, *fault) {
	v, f := m.evaluate(&op.value)
	if f != nil {
		return Value{}, f
	}
	all, f := m.listToGrow(op, root)
	if f != nil {
		return Value{}, f
	}
	mine, there := m.find(v, op.field)
	for i := range all.Len() {
		other, otherThere := m.find(all.At(i), op.field)
		if there && otherThere && value.EqualWithin(mine, other, &m.meter) {
			return root, nil
		}
		if m.meter.Out() {
			return Value{}, outOfSteps
		}
	}
	switch {
	case m.meter.Out():
		return Value{}, outOfSteps
	case !there:
		return Value{}, &fault{MissingValue, "the value has no key to tell it by"}
	}
	return m.put(root, op.target, all.Append(v))
}
