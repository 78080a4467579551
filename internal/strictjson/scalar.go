package strictjson

import "unicode/utf16"

// plain tells which bytes a string may hold as they are: all but control
// characters, the quote and the backslash.
var plain = func() (t [256]bool) {
	for b := range t {
		t[b] = b >= 0x20 && b != '"' && b != '\\'
	}
	return t
}()

// string reads a string, quotes included, and gives the span between them.
func (c *checker) string() (span, *Error) {
	c.at++
	s := span{from: c.at}
	for {
		for c.at < len(c.text) && plain[c.text[c.at]] {
			c.at++
		}
		if c.at == len(c.text) {
			return s, c.unexpected("in a string")
		}
		switch c.text[c.at] {
		case '"':
			s.to = c.at
			c.at++
			return s, nil
		case '\\':
			s.escaped = true
			if err := c.escape(); err != nil {
				return s, err
			}
		default:
			return s, c.fault("unescaped control character in a string")
		}
	}
}

// escape reads an escape, and both halves of a surrogate pair together.
func (c *checker) escape() *Error {
	start := c.at
	c.at++
	if c.at == len(c.text) {
		return c.unexpected("in an escape")
	}
	switch c.text[c.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.at++
		return nil
	case 'u':
	default:
		return c.unexpected("in an escape")
	}
	r, err := c.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return err
	}
	if r >= lowSurrogate || c.at+1 >= len(c.text) || c.text[c.at] != '\\' || c.text[c.at+1] != 'u' {
		return &Error{start, "escaped surrogate without its partner"}
	}
	c.at++
	low, err := c.hex4()
	if err != nil {
		return err
	}
	if low < lowSurrogate || !utf16.IsSurrogate(low) {
		return &Error{start, "escaped surrogate without its partner"}
	}
	return nil
}

// lowSurrogate is the first of the second halves of surrogate pairs.
const lowSurrogate = 0xdc00

// hex4 begins at the u of an escape.
func (c *checker) hex4() (rune, *Error) {
	var r rune
	c.at++
	for range 4 {
		if c.at == len(c.text) {
			return 0, c.unexpected("in an escape")
		}
		d, ok := hexDigit(c.text[c.at])
		if !ok {
			return 0, c.unexpected("in an escape")
		}
		r = r<<4 | d
		c.at++
	}
	return r, nil
}

func hexDigit(b byte) (rune, bool) {
	switch {
	case '0' <= b && b <= '9':
		return rune(b - '0'), true
	case 'a' <= b && b <= 'f':
		return rune(b-'a') + 10, true
	case 'A' <= b && b <= 'F':
		return rune(b-'A') + 10, true
	default:
		return 0, false
	}
}

// number reads -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func (c *checker) number() *Error {
	start := c.at
	c.take('-')
	if !c.take('0') && !c.digits() {
		if c.at == start {
			return c.unexpected("where a value should be")
		}
		return c.unexpected("in a number")
	}
	if c.take('.') && !c.digits() {
		return c.unexpected("in a number")
	}
	if c.take('e') || c.take('E') {
		if !c.take('+') {
			c.take('-')
		}
		if !c.digits() {
			return c.unexpected("in a number")
		}
	}
	return nil
}

// digits reads at least one digit, or nothing.
func (c *checker) digits() bool {
	start := c.at
	for c.at < len(c.text) && '0' <= c.text[c.at] && c.text[c.at] <= '9' {
		c.at++
	}
	return c.at > start
}
