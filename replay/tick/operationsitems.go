package tick

// runFilter keeps the items of which the predicate is, or is not, true.
func (m *machine) runFilter(op *operation, root Value, keep bool) (Value, *fault) {
	all, f := m.listThere(op, root)
	if f != nil {
		return Value{}, f
	}
	var kept []Value
	for i := range all.count {
		m.item = all.at(i)
		if m.holds(&op.where) == keep {
			kept = append(kept, m.item)
		}
		if m.meter.out() {
			return Value{}, outOfSteps
		}
	}
	if len(kept) == all.count {
		return root, nil
	}
	return m.put(root, op.target, Value{list: newList(kept)})
}

// runItems is map and update_where: each item, or each that matches, is made
// anew. A fault while a value is made for one item skips the operation; a fault
// of an operation inside skips that one.
func (m *machine) runItems(op *operation, root Value) (Value, *fault) {
	all, f := m.listThere(op, root)
	if f != nil {
		return Value{}, f
	}
	var made []madeItem
	for i := range all.count {
		m.item = all.at(i)
		matches := op.run == opMap || m.holds(&op.where)
		if !m.meter.take(1) {
			return Value{}, outOfSteps
		}
		if !matches {
			continue
		}
		item, f := m.changed(op, m.item)
		if f != nil {
			return Value{}, f
		}
		made = append(made, madeItem{i, item})
	}
	if len(made) == 0 {
		return root, nil
	}
	return m.put(root, op.target, Value{list: replaced(all, made)})
}

// madeItem is to stand at its index.
type madeItem struct {
	index int
	item  Value
}

// replaced copies the way to a few items, and everything for many.
func replaced(all *list, made []madeItem) *list {
	if leafSize*len(made) < all.count {
		for _, n := range made {
			all = all.set(n.index, n.item)
		}
		return all
	}
	items := all.slice()
	for _, n := range made {
		items[n.index] = n.item
	}
	return newList(items)
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
	for i := range all.count {
		m.item = all.at(i)
		matches := m.holds(&op.where)
		if m.meter.out() {
			return Value{}, outOfSteps
		}
		if matches {
			item, f := m.merged(m.item, v)
			if f != nil {
				return Value{}, f
			}
			return m.put(root, op.target, Value{list: all.set(i, item)})
		}
	}
	if v.dict == nil {
		return Value{}, typeFault("the value to merge is %s", v)
	}
	return m.put(root, op.target, Value{list: all.append(v)})
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
	for i := range all.count {
		other, otherThere := m.find(all.at(i), op.field)
		if there && otherThere && equal(mine, other, &m.meter) {
			return root, nil
		}
		if m.meter.out() {
			return Value{}, outOfSteps
		}
	}
	switch {
	case m.meter.out():
		return Value{}, outOfSteps
	case !there:
		return Value{}, &fault{MissingValue, "the value has no key to tell it by"}
	}
	return m.put(root, op.target, Value{list: all.append(v)})
}
