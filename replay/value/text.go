package value

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// shortEscapes are the characters with an escape of two characters.
var shortEscapes = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// letters are the meanings of the letters behind a backslash.
var letters = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape writes a text as it stands between the quotes of JSON, with the
// fewest escapes: one text has one form. A text without need is itself.
func escape(s string) string {
	at := 0
	for at < len(s) && s[at] >= 0x20 && s[at] != '"' && s[at] != '\\' {
		at++
	}
	if at == len(s) {
		return s
	}
	out := append(make([]byte, 0, len(s)+8), s[:at]...)
	for ; at < len(s); at++ {
		b := s[at]
		switch {
		case shortEscapes[b] != 0:
			out = append(out, '\\', shortEscapes[b])
		case b < 0x20:
			const hex = "0123456789abcdef"
			out = append(out, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			out = append(out, b)
		}
	}
	return string(out)
}

// unescape reads what stands between the quotes of a checked JSON string.
func unescape(s string) string {
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:at]...)
	for at < len(s) {
		if s[at] != '\\' {
			out = append(out, s[at])
			at++
			continue
		}
		if s[at+1] != 'u' {
			out = append(out, letters[s[at+1]])
			at += 2
			continue
		}
		r := hex4(s[at+2:])
		at += 6
		if utf16.IsSurrogate(r) {
			r = utf16.DecodeRune(r, hex4(s[at+2:]))
			at += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// hex4 reads four checked hexadecimal digits.
func hex4(s string) rune {
	var r rune
	for i := range 4 {
		d := s[i] | 0x20 // letters in lower case; digits have this bit already
		if d >= 'a' {
			d -= 'a' - 10
		} else {
			d -= '0'
		}
		r = r<<4 | rune(d)
	}
	return r
}

// compareTexts orders two strings, given as between quotes, by code points.
func compareTexts(a, b string) int {
	if strings.IndexByte(a, '\\') >= 0 || strings.IndexByte(b, '\\') >= 0 {
		a, b = unescape(a), unescape(b)
	}
	return strings.Compare(a, b)
}
