package value

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/stet-db/stet/internal/strictjson"
)

// MaxNesting is how deep a value may nest, in texts and in derived state.
const MaxNesting = 64

// sharedText is the length up to which the strings of a parsed value share one
// copy of the text. A string kept from a longer text must not keep all of it:
// there, those that stand close together share a copy of this length, and one
// that is longer has a copy of its own.
const sharedText = 1 << 10

// ParseError says where a text is no value that Stet takes.
type ParseError struct {
	// Path leads to the value, as in items[3].price; empty for the whole.
	Path string
	// Offset is the byte at which the fault shows, counted from 0.
	Offset int
	// Problem says what is wrong, for people.
	Problem string
}

func (e *ParseError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s at byte %d", e.Problem, e.Offset)
	}
	return fmt.Sprintf("%s: %s at byte %d", e.Path, e.Problem, e.Offset)
}

// Parse reads a JSON text as strictly as [strictjson.Check], nested at
// most [MaxNesting] deep, with numbers of at most 34 significant digits and an
// exponent from -100 to 100. The error is a [*ParseError]. The text is copied.
func Parse(text []byte) (Value, error) {
	if err := strictjson.Check(text, MaxNesting); err != nil {
		var fault *strictjson.Error
		if !errors.As(err, &fault) {
			return Value{}, fmt.Errorf("parse value: %w", err)
		}
		return Value{}, &ParseError{strictjson.PathTo(text, fault.Offset), fault.Offset, fault.Problem}
	}
	p := parsers.Get().(*parser) //nolint:forcetypeassert // nothing else is put in
	defer p.release()
	p.text, p.copies = string(text), len(text) > sharedText
	v := p.value()
	if p.problem != "" {
		return Value{}, &ParseError{strictjson.PathTo(text, p.problemAt), p.problemAt, p.problem}
	}
	return v, nil
}

// parser reads a text that was checked, so it looks for no fault but numbers
// out of bounds, of which it keeps the first.
type parser struct {
	text      string
	at        int
	copies    bool   // strings are copied out of the text
	piece     string // the newest copy, of the text from pieceAt on
	pieceAt   int
	items     []Value
	members   []Member
	problem   string
	problemAt int
}

// parsers keep the room in which arrays and objects are gathered.
var parsers = sync.Pool{New: func() any { return new(parser) }}

// release keeps no value alive, and no more than a little room.
func (p *parser) release() {
	const most = 256
	items, members := p.items[:cap(p.items)], p.members[:cap(p.members)]
	if len(items) > most {
		items = nil
	}
	if len(members) > most {
		members = nil
	}
	clear(items)
	clear(members)
	*p = parser{items: items[:0], members: members[:0]}
	parsers.Put(p)
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] <= ' ' {
		p.at++
	}
}

// value leaves at on the byte behind the value.
func (p *parser) value() Value {
	p.space()
	switch p.text[p.at] {
	case '{':
		return p.object()
	case '[':
		return p.array()
	case '"':
		inner, escaped := p.string()
		if escaped {
			return Value{text: `"` + inner + `"`}
		}
		return Value{text: p.keep(p.at-len(inner)-2, p.at)}
	case 't', 'n':
		return p.word(4)
	case 'f':
		return p.word(5)
	default:
		return p.number()
	}
}

func (p *parser) word(n int) Value {
	p.at += n
	switch n {
	case 5:
		return Value{text: "false"}
	default:
		if p.text[p.at-1] == 'l' {
			return Value{text: "null"}
		}
		return Value{text: "true"}
	}
}

// keep is a part of the text that may live longer than the text.
func (p *parser) keep(from, to int) string {
	if !p.copies {
		return p.text[from:to]
	}
	if from < p.pieceAt || to > p.pieceAt+len(p.piece) {
		end := min(max(to, from+sharedText), len(p.text))
		p.piece, p.pieceAt = strings.Clone(p.text[from:end]), from
	}
	return p.piece[from-p.pieceAt : to-p.pieceAt]
}

// string gives what is between the quotes in its one form, and whether that
// differs from what stands in the text.
func (p *parser) string() (inner string, changed bool) {
	p.at++
	start, escaped := p.at, false
	for p.text[p.at] != '"' {
		if p.text[p.at] == '\\' {
			escaped = true
			p.at++
		}
		p.at++
	}
	inner = p.text[start:p.at]
	p.at++
	if !escaped {
		return inner, false
	}
	return escape(unescape(inner)), true
}

func (p *parser) number() Value {
	start := p.at
	for p.at < len(p.text) && numberBytes[p.text[p.at]] {
		p.at++
	}
	text := p.text[start:p.at]
	if _, problem := readNumber(text); problem != "" && p.problem == "" {
		p.problem, p.problemAt = problem, start
	}
	return Value{text: p.keep(start, p.at)}
}

var numberBytes = [256]bool{
	'-': true, '+': true, '.': true, 'e': true, 'E': true, '0': true, '1': true, '2': true, '3': true,
	'4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
}

func (p *parser) array() Value {
	mark := len(p.items)
	p.at++
	for p.space(); p.text[p.at] != ']'; p.space() {
		if p.text[p.at] == ',' {
			p.at++
		}
		p.items = append(p.items, p.value())
	}
	p.at++
	items := append([]Value(nil), p.items[mark:]...)
	p.items = p.items[:mark]
	return Value{list: newList(items)}
}

func (p *parser) object() Value {
	mark := len(p.members)
	p.at++
	for p.space(); p.text[p.at] != '}'; p.space() {
		if p.text[p.at] == ',' {
			p.at++
			p.space()
		}
		key, changed := p.string()
		if !changed {
			key = p.keep(p.at-len(key)-1, p.at-1)
		}
		p.space()
		p.at++ // the colon
		p.members = append(p.members, Member{Key{key}, p.value()})
	}
	p.at++
	members := append([]Member(nil), p.members[mark:]...)
	p.members = p.members[:mark]
	return Value{dict: newDict(members)}
}
