package interchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"
)

// walk steps over a JSON text that was checked before: it relies on the text
// being well-formed.
type walk struct {
	text []byte
	at   int
}

func (w *walk) blanks() {
	for w.at < len(w.text) {
		switch w.text[w.at] {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return
		}
	}
}

// value is the raw text of the value that begins here.
func (w *walk) value() []byte {
	w.blanks()
	from, depth := w.at, 0
	for w.at < len(w.text) {
		switch w.text[w.at] {
		case '"':
			w.skipString()
			if depth == 0 {
				return w.text[from:w.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the end of what holds a bare number or word
				return w.text[from:w.at]
			}
			if depth--; depth == 0 {
				w.at++
				return w.text[from:w.at]
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return w.text[from:w.at]
			}
		}
		w.at++
	}
	return w.text[from:]
}

func (w *walk) skipString() {
	for w.at++; w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
}

// next steps over the comma or bracket that follows, and tells whether another
// element comes.
func (w *walk) next(end byte) bool {
	w.blanks()
	c := w.text[w.at]
	w.at++
	if c == end {
		return false
	}
	w.blanks()
	if w.text[w.at] == end { // an empty object or array, just opened
		w.at++
		return false
	}
	return true
}

// members yields names and raw values of the object that begins here.
func (w *walk) members() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		w.blanks()
		for w.next('}') {
			name, err := text(w.value())
			if err != nil {
				return // cannot be: the text was checked
			}
			w.blanks()
			w.at++ // the colon
			if !yield(name, w.value()) {
				return
			}
		}
	}
}

// text is the string that raw spells.
func text(raw []byte) (string, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", fmt.Errorf("is %s; want a string", shorten(raw))
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("is not a string: %w", err)
	}
	return s, nil
}

func number(raw []byte) (uint64, error) {
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("is %s; want a whole number, 0 or more", shorten(raw))
	}
	return n, nil
}

func timestamp(raw []byte) (time.Time, error) {
	s, err := text(raw)
	if err != nil {
		return time.Time{}, err
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return time.Time{}, fmt.Errorf("is %q; want a time with zone as in 2026-01-02T03:04:05Z", s)
	}
	if t.IsZero() { // as the API does, instead of dropping it in silence
		return time.Time{}, fmt.Errorf("is %q, which stands for no time; leave it out", s)
	}
	return t.UTC(), nil
}

func stringMap(raw []byte) (map[string]string, error) {
	if raw[0] != '{' {
		return nil, fmt.Errorf("is %s; want an object of strings", shorten(raw))
	}
	out := map[string]string{}
	w := walk{text: raw}
	for name, value := range w.members() {
		s, err := text(value)
		if err != nil {
			return nil, fmt.Errorf("[%q] %w", name, err)
		}
		out[name] = s
	}
	return out, nil
}

func stringList(raw []byte) ([]string, error) {
	if raw[0] != '[' {
		return nil, errors.New("is not a list of strings")
	}
	var out []string
	for w := (walk{text: raw}); w.next(']'); {
		s, err := text(w.value())
		if err != nil {
			return nil, fmt.Errorf("[%d] %w", len(out), err)
		}
		out = append(out, s)
	}
	return out, nil
}

// shorten keeps a message readable whatever the input was.
func shorten(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return string(bytes.ToValidUTF8(raw[:most], nil)) + "..."
}
