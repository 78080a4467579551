package tick

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
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
func String(s string) Value {
	return Value{text: `"` + keyText(s) + `"`}
}

// keyText is a text from outside as it stands between quotes.
func keyText(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return escape(s)
}

// Array has the items in this order. It takes a copy of the slice.
func Array(items ...Value) Value {
	return Value{list: newList(append([]Value(nil), items...))}
}

// Member is a key of an object and its value.
type Member struct {
	Key   string
	Value Value
}

// Object has the members in this order. Of two with one key the later wins.
func Object(members ...Member) Value {
	d := emptyDict
	for _, m := range members {
		d = d.set(keyText(m.Key), m.Value)
	}
	return Value{dict: d}
}

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

// Truth is the value of a bool; false for everything else.
func (v Value) Truth() bool { return v.text == "true" }

// Text is what a string says, a number as it is spelt, and empty for
// everything else.
func (v Value) Text() string {
	switch v.Kind() {
	case KindString:
		return unescape(v.text[1 : len(v.text)-1])
	case KindNumber:
		return v.text
	default:
		return ""
	}
}

// Int64 is the value of a number that is whole and in range.
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

// At is item i of an array, and no value where there is none.
func (v Value) At(i int) Value {
	if v.list == nil || i < 0 || i >= v.list.count {
		return Value{}
	}
	return v.list.at(i)
}

// Field is the member of an object with this key, and no value where there is
// none.
func (v Value) Field(key string) Value {
	if v.dict == nil {
		return Value{}
	}
	got, _ := v.dict.get(escape(key))
	return got
}

// Items are the items of an array, in order.
func (v Value) Items() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		for i := range v.Len() {
			if v.list == nil || !yield(i, v.list.at(i)) {
				return
			}
		}
	}
}

// Fields are the members of an object, oldest first.
func (v Value) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.dict == nil {
			return
		}
		for _, m := range v.dict.ordered() {
			if !yield(unescape(m.key), m.value) {
				return
			}
		}
	}
}

// With is the object with this member set. What is no object becomes one.
func (v Value) With(key string, member Value) Value {
	d := v.dict
	if d == nil {
		d = emptyDict
	}
	return Value{dict: d.set(keyText(key), member)}
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

// depth is how deep the value nests: 0 for a scalar, 1 for an empty array.
func (v Value) depth() int {
	switch {
	case v.dict != nil:
		return v.dict.depth
	case v.list != nil:
		return v.list.depth
	}
	return 0
}
