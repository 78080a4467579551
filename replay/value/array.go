package value

import "slices"

// Array has the items in this order. It copies the slice.
func Array(items ...Value) Value { return Value{list: newList(slices.Clone(items))} }

// NewArray takes the slice over; nobody may use it again.
func NewArray(items []Value) Value { return Value{list: newList(items)} }

// Append is the array with one item more. What is no array counts as empty.
// It takes the same time for arrays of every length.
func (v Value) Append(item Value) Value {
	if v.list == nil {
		v.list = emptyList
	}
	return Value{list: v.list.append(item)}
}

// Replaced stands at its index.
type Replaced struct {
	Index int
	Item  Value
}

// Replace is the array with these items in place of the old ones, which must
// be there. A few cost the way to them, many a copy of the array.
func (v Value) Replace(items ...Replaced) Value {
	l := v.list
	if leafSize*len(items) < l.count || len(items) == 1 {
		for _, r := range items {
			l = l.set(r.Index, r.Item)
		}
		return Value{list: l}
	}
	all := l.slice()
	for _, r := range items {
		all[r.Index] = r.Item
	}
	return NewArray(all)
}

// WithoutItem is the array without item i, which must be there. It takes time
// for every item.
func (v Value) WithoutItem(i int) Value {
	return NewArray(slices.Delete(v.list.slice(), i, i+1))
}
