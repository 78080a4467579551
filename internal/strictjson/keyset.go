package strictjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// span is a string of the text, without its quotes.
type span struct {
	from, to int
	// escaped tells that it holds at least one escape.
	escaped bool
}

// unescaped is what the string says. The bytes are the text's own when there
// is no escape. The string must have been checked.
func (s span) unescaped(text []byte) []byte {
	raw := text[s.from:s.to]
	if !s.escaped {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		if raw[0] != '\\' {
			out = append(out, raw[0])
			raw = raw[1:]
			continue
		}
		switch raw[1] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := checkedHex4(raw[2:6])
			raw = raw[6:]
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, checkedHex4(raw[2:6]))
				raw = raw[6:]
			}
			out = utf8.AppendRune(out, r)
			continue
		default:
			out = append(out, raw[1])
		}
		raw = raw[2:]
	}
	return out
}

// checkedHex4 reads four hexadecimal digits that were checked before.
func checkedHex4(digits []byte) rune {
	var r rune
	for _, b := range digits {
		d, _ := hexDigit(b) // known to be a digit
		r = r<<4 | d
	}
	return r
}

// smallObject is the number of keys up to which an object costs no memory.
const smallObject = 16

// keySet holds the keys of one object. It compares the first few one by one
// and hashes from then on, so that an object of a million keys takes linear
// time. The zero value is empty.
type keySet struct {
	n     int
	small [smallObject]span
	large map[string]struct{}
}

// add takes the key in and tells whether it is new.
func (s *keySet) add(text []byte, k span) bool {
	if s.large != nil {
		return s.addLarge(text, k)
	}
	for _, other := range s.small[:s.n] {
		if sameKey(text, other, k) {
			return false
		}
	}
	if s.n < smallObject {
		s.small[s.n] = k
		s.n++
		return true
	}
	s.large = make(map[string]struct{}, 4*smallObject)
	for _, other := range s.small {
		s.large[string(other.unescaped(text))] = struct{}{}
	}
	return s.addLarge(text, k)
}

func (s *keySet) addLarge(text []byte, k span) bool {
	before := len(s.large)
	s.large[string(k.unescaped(text))] = struct{}{}
	return len(s.large) > before
}

// sameKey allocates only when one of the keys has an escape.
func sameKey(text []byte, a, b span) bool {
	if !a.escaped && !b.escaped {
		return a.to-a.from == b.to-b.from && bytes.Equal(text[a.from:a.to], text[b.from:b.to])
	}
	return bytes.Equal(a.unescaped(text), b.unescaped(text))
}
