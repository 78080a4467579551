package tick

// Equal tells whether two values say the same: numbers by their value, so that
// 1 equals 1.0, strings by their characters, arrays item by item, and objects
// in whatever order. What they share is not looked at.
func Equal(a, b Value) bool { return equal(a, b, nil) }

// equal counts what it looks at when there is a meter, and gives up when that
// runs out. What two values share in memory must then not save a step: it
// depends on how they came to be, and the count must not (I14).
func equal(a, b Value, m *meter) bool {
	if m == nil && a == b {
		return true
	}
	if !m.take(1) {
		return false
	}
	switch {
	case a.dict != nil:
		return b.dict != nil && a.dict.count == b.dict.count && equalDicts(a.dict, b.dict, m)
	case a.list != nil:
		return b.list != nil && a.list.count == b.list.count && equalLists(a.list, b.list, m)
	case b.dict != nil || b.list != nil:
		return false
	case a.Kind() == KindNumber && b.Kind() == KindNumber:
		return compareNumbers(a.text, b.text) == 0
	case len(a.text) != len(b.text):
		return false
	}
	return m.take(len(a.text)/textPerStep) && a.text == b.text
}

func equalLists(a, b *list, m *meter) bool {
	for i := range a.count {
		if !equal(a.at(i), b.at(i), m) {
			return false
		}
	}
	return true
}

func equalDicts(a, b *dict, m *meter) bool {
	if a.many != nil {
		return a.many.within(b, m)
	}
	for i := range a.few {
		other, there := b.get(a.few[i].key)
		if !there || !equal(a.few[i].value, other, m) {
			return false
		}
	}
	return true
}

// within goes through the members in the order of their keys.
func (b *branch) within(d *dict, m *meter) bool {
	if b == nil {
		return true
	}
	if !b.left.within(d, m) {
		return false
	}
	other, there := d.get(b.key)
	return there && equal(b.value, other, m) && b.right.within(d, m)
}
