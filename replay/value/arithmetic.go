package value

import "unicode/utf8"

// Add is the exact sum of two numbers. It is not ok when one is no number, and
// when the sum would have to be rounded to 34 digits or is out of bounds.
func Add(a, b Value) (Value, bool) { return calculate(addNumbers, a, b) }

// Subtract is the exact difference, as in [Add].
func Subtract(a, b Value) (Value, bool) { return calculate(subtractNumbers, a, b) }

// Multiply is the exact product, as in [Add].
func Multiply(a, b Value) (Value, bool) { return calculate(multiplyNumbers, a, b) }

func calculate(f func(a, b string) (string, bool), a, b Value) (Value, bool) {
	if a.Kind() != KindNumber || b.Kind() != KindNumber {
		return Value{}, false
	}
	text, ok := f(a.text, b.text)
	return Value{text: text}, ok
}

// Compare orders two numbers by their value and two strings by their
// characters. It is not ok for anything else.
func Compare(a, b Value) (order int, ok bool) {
	kind := a.Kind()
	switch {
	case kind != b.Kind():
		return 0, false
	case kind == KindNumber:
		return compareNumbers(a.text, b.text), true
	case kind == KindString:
		return compareTexts(a.inner(), b.inner()), true
	}
	return 0, false
}

// Concat joins strings, and numbers as they are spelt, to one string. It is
// not ok for anything else.
func Concat(parts []Value) (Value, bool) {
	size := len(`""`)
	for _, p := range parts {
		size += p.Size()
	}
	out := append(make([]byte, 0, size), '"')
	for _, p := range parts {
		switch p.Kind() {
		case KindString:
			out = append(out, p.inner()...)
		case KindNumber:
			out = append(out, p.text...)
		default:
			return Value{}, false
		}
	}
	return Value{text: string(append(out, '"'))}, true
}

// Characters is the number of code points of a string.
func (v Value) Characters() int { return utf8.RuneCountInString(v.Text()) }
