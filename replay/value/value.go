package value

import (
	"iter"
	"strconv"
)

// Kind tells what a value is.
type Kind uint8

// The kinds. The zero Value has KindNone: there is nothing, not even null.
const (
	KindNone Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// Value is one JSON value. It never changes: every change makes a new value
// that shares what stayed the same. So a Value is copied freely, stored twice,
// and read and changed by many goroutines at once. The zero Value is no value.
//
// A scalar is its JSON text: null, true, false, a number as it was spelt, or a
// string in quotes with the fewest escapes possible, so that equal strings
// have equal texts. At most one of the three fields is set.
type Value struct {
	text string
	list *list
	dict *dict
}

// kindOf tells a scalar by its first byte.
var kindOf = [256]Kind{
	'n': KindNull, 't': KindBool, 'f': KindBool, '"': KindString, '-': KindNumber,
	'0': KindNumber, '1': KindNumber, '2': KindNumber, '3': KindNumber, '4': KindNumber,
	'5': KindNumber, '6': KindNumber, '7': KindNumber, '8': KindNumber, '9': KindNumber,
}

// Null is JSON's null, which is a value and exists.
func Null() Value { return Value{text: "null"} }

// Bool is true or false.
func Bool(b bool) Value { return Value{text: strconv.FormatBool(b)} }

// Int is a whole number.
func Int(n int64) Value { return Value{text: strconv.FormatInt(n, 10)} }

// String is a text. Bytes that are no UTF-8 become U+FFFD.
func String(s string) Value { return Value{text: `"` + KeyOf(s).text + `"`} }

// Kind tells what the value is.
func (v Value) Kind() Kind {
	switch {
	case v.dict != nil:
		return KindObject
	case v.list != nil:
		return KindArray
	case v.text == "":
		return KindNone
	}
	return kindOf[v.text[0]]
}

// IsNone tells that there is no value.
func (v Value) IsNone() bool { return v.text == "" && v.list == nil && v.dict == nil }

// IsArray tells that the value is an array.
func (v Value) IsArray() bool { return v.list != nil }

// IsObject tells that the value is an object.
func (v Value) IsObject() bool { return v.dict != nil }

// Truth is the value of a bool; false for everything else.
func (v Value) Truth() bool { return v.text == "true" }

// Text is what a string says, a number as it is spelt, and empty for
// everything else.
func (v Value) Text() string {
	switch v.Kind() {
	case KindString:
		return unescape(v.inner())
	case KindNumber:
		return v.text
	default:
		return ""
	}
}

// inner is what stands between the quotes of a string.
func (v Value) inner() string { return v.text[1 : len(v.text)-1] }

// Int64 is the value of a number that is whole and in range: of 3, 3.0 and 3e2.
func (v Value) Int64() (int64, bool) {
	if v.Kind() != KindNumber {
		return 0, false
	}
	return wholeNumber(v.text)
}

// Len is the number of items or members; 0 for a scalar.
func (v Value) Len() int {
	switch {
	case v.dict != nil:
		return v.dict.count
	case v.list != nil:
		return v.list.count
	}
	return 0
}

// Size is the length of the value's JSON text in bytes. It costs nothing.
func (v Value) Size() int {
	switch {
	case v.dict != nil:
		return v.dict.size
	case v.list != nil:
		return v.list.size
	case v.text == "":
		return len("null")
	}
	return len(v.text)
}

// Depth is how deep the value nests: 0 for a scalar, 1 for an empty array. It
// costs nothing.
func (v Value) Depth() int {
	switch {
	case v.dict != nil:
		return v.dict.depth
	case v.list != nil:
		return v.list.depth
	}
	return 0
}

// At is item i of an array, and no value where there is none.
func (v Value) At(i int) Value {
	if v.list == nil || i < 0 || i >= v.list.count {
		return Value{}
	}
	return v.list.at(i)
}

// Items are the items of an array, in order.
func (v Value) Items() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		for i := 0; v.list != nil && i < v.list.count; i++ {
			if !yield(i, v.list.at(i)) {
				return
			}
		}
	}
}
