package value

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Key is the key of a member, made once by [KeyOf]. It is kept as it stands
// between the quotes of JSON.
type Key struct{ text string }

// KeyOf is the key with this text. Bytes that are no UTF-8 become U+FFFD.
func KeyOf(s string) Key {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return Key{escape(s)}
}

func (k Key) String() string { return unescape(k.text) }

// Size is the length of the key's JSON text in bytes, without the quotes.
func (k Key) Size() int { return len(k.text) }

// Key is the key that a string makes; the empty one for everything else.
func (v Value) Key() Key {
	if v.Kind() != KindString {
		return Key{}
	}
	return Key{v.inner()}
}

// Member is a key of an object and its value.
type Member struct {
	Key   Key
	Value Value
}

// Object has the members in this order. Of two with one key the later wins.
func Object(members ...Member) Value {
	d := emptyDict
	for _, m := range members {
		d = d.set(m.Key, m.Value)
	}
	return Value{dict: d}
}

// NewObject takes the slice over; nobody may use it again. The keys differ.
func NewObject(members []Member) Value { return Value{dict: newDict(members)} }

// Field is the member of an object with this key, and no value where there is
// none.
func (v Value) Field(key string) Value {
	got, _ := v.Member(KeyOf(key))
	return got
}

// Member is the member of an object with this key, if it is there.
func (v Value) Member(key Key) (Value, bool) {
	if v.dict == nil {
		return Value{}, false
	}
	return v.dict.get(key)
}

// Fields are the members of an object, in the order in which their keys came.
func (v Value) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for key, member := range v.Members() {
			if !yield(key.String(), member) {
				return
			}
		}
	}
}

// Members are the members of an object, in the order in which their keys came.
func (v Value) Members() iter.Seq2[Key, Value] {
	return func(yield func(Key, Value) bool) {
		if v.dict == nil {
			return
		}
		for _, m := range v.dict.ordered() {
			if !yield(m.Key, m.Value) {
				return
			}
		}
	}
}

// With is the object with this field set. What is no object counts as empty.
func (v Value) With(key string, field Value) Value { return v.WithMember(KeyOf(key), field) }

// WithMember is the object with this member set, in its old place if the key
// is there. What is no object counts as empty.
func (v Value) WithMember(key Key, member Value) Value {
	if v.dict == nil {
		v.dict = emptyDict
	}
	return Value{dict: v.dict.set(key, member)}
}

// WithoutMember is the object without the key.
func (v Value) WithoutMember(key Key) Value {
	if _, there := v.Member(key); !there {
		return v
	}
	return Value{dict: v.dict.without(key)}
}

// Merge is the object with all members of another one. What is no object
// counts as empty.
func (v Value) Merge(other Value) Value {
	switch {
	case v.dict == nil:
		return other
	case other.dict == nil:
		return v
	}
	return Value{dict: v.dict.merge(other.dict)}
}
