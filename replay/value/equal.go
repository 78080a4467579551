package value

// Equal tells whether two values say the same: numbers by their value, so that
// 1 equals 1.0, strings by their characters, arrays item by item, and objects
// in whatever order.
func Equal(a, b Value) bool { return EqualWithin(a, b, nil) }

// EqualWithin is [Equal], and counts what it looks at. When the steps run out
// it gives up, and its answer must not be believed. What the values share in
// memory saves no step: it depends on how they came to be, and the count must
// not (I14).
func EqualWithin(a, b Value, m *Meter) bool {
	if m == nil && a == b {
		return true
	}
	if !m.Take(1) {
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
	return m.Take(len(a.text)/TextPerStep) && a.text == b.text
}

func equalLists(a, b *list, m *Meter) bool {
	for i := range a.count {
		if !EqualWithin(a.at(i), b.at(i), m) {
			return false
		}
	}
	return true
}

func equalDicts(a, b *dict, m *Meter) bool {
	if a.many != nil {
		return a.many.within(b, m)
	}
	for i := range a.few {
		other, there := b.get(a.few[i].Key)
		if !there || !EqualWithin(a.few[i].Value, other, m) {
			return false
		}
	}
	return true
}

// within goes through the members in the order of their keys.
func (b *branch) within(d *dict, m *Meter) bool {
	if b == nil {
		return true
	}
	if !b.left.within(d, m) {
		return false
	}
	other, there := d.get(b.Key)
	return there && EqualWithin(b.Value, other, m) && b.right.within(d, m)
}
