package strictjson

import (
	"fmt"
	"unicode/utf8"
)

// Error says where a text breaks which rule.
type Error struct {
	// Offset is the byte at which the fault shows, counted from 0.
	Offset int
	// Problem says what is wrong, for people.
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Problem, e.Offset) }

// Check tells whether the text is strict JSON, as the package describes, with
// arrays and objects nested at most maxDepth deep. A bare number or string has
// depth 0. The error is an [*Error]. The text is only read, and not kept.
func Check(text []byte, maxDepth int) error {
	// One fast pass here lets the walk look at bytes instead of runes.
	if !utf8.Valid(text) {
		return &Error{invalidUTF8At(text), "invalid UTF-8"}
	}
	c := checker{text: text}
	if err := c.document(maxDepth); err != nil {
		return err
	}
	return nil
}

func invalidUTF8At(text []byte) int {
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}

// checker walks a text that is valid UTF-8. Its methods begin at the byte that
// they are named for and leave at on the byte after it.
type checker struct {
	text []byte
	at   int
}

func (c *checker) document(maxDepth int) *Error {
	c.space()
	if err := c.value(maxDepth); err != nil {
		return err
	}
	c.space()
	if c.at < len(c.text) {
		return c.unexpected("after the value")
	}
	return nil
}

// value reads a value that may nest depth levels deeper.
func (c *checker) value(depth int) *Error {
	if c.at == len(c.text) {
		return c.unexpected("where a value should be")
	}
	switch b := c.text[c.at]; b {
	case '"':
		_, err := c.string()
		return err
	case '{', '[':
		if depth <= 0 {
			return c.fault("nested too deep")
		}
		c.at++
		if b == '{' {
			return c.object(depth - 1)
		}
		return c.array(depth - 1)
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	default:
		return c.number()
	}
}

// array begins behind the bracket.
func (c *checker) array(depth int) *Error {
	c.space()
	if c.take(']') {
		return nil
	}
	for {
		if err := c.value(depth); err != nil {
			return err
		}
		c.space()
		if c.take(']') {
			return nil
		}
		if !c.take(',') {
			return c.unexpected("in an array")
		}
		c.space()
	}
}

// object begins behind the brace.
func (c *checker) object(depth int) *Error {
	var keys keySet
	c.space()
	if c.take('}') {
		return nil
	}
	for {
		if c.at == len(c.text) || c.text[c.at] != '"' {
			return c.unexpected("where a key should be")
		}
		start := c.at
		k, err := c.string()
		if err != nil {
			return err
		}
		if !keys.add(c.text, k) {
			return &Error{start, fmt.Sprintf("second key %.64q in one object", k.unescaped(c.text))}
		}
		c.space()
		if !c.take(':') {
			return c.unexpected("after a key")
		}
		c.space()
		if err := c.value(depth); err != nil {
			return err
		}
		c.space()
		if c.take('}') {
			return nil
		}
		if !c.take(',') {
			return c.unexpected("in an object")
		}
		c.space()
	}
}

func (c *checker) word(w string) *Error {
	for i := range len(w) {
		if c.at == len(c.text) || c.text[c.at] != w[i] {
			return c.unexpected("in a word that should be " + w)
		}
		c.at++
	}
	return nil
}

func (c *checker) space() {
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return
		}
	}
}

// take steps over the byte b if it is the next one.
func (c *checker) take(b byte) bool {
	if c.at == len(c.text) || c.text[c.at] != b {
		return false
	}
	c.at++
	return true
}

func (c *checker) fault(problem string) *Error { return &Error{c.at, problem} }

func (c *checker) unexpected(where string) *Error {
	if c.at == len(c.text) {
		return c.fault("the text ends " + where)
	}
	r, _ := utf8.DecodeRune(c.text[c.at:])
	return c.fault(fmt.Sprintf("unexpected %q %s", r, where))
}
