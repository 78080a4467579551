package storage

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextProblem says what is wrong with a short text: it must be 1 to maxBytes
// bytes of valid UTF-8 without control characters. Empty: nothing is.
func TextProblem[T string | []byte](s T, maxBytes int) string {
	switch {
	case len(s) == 0:
		return fmt.Sprintf("is empty; give 1 to %d bytes", maxBytes)
	case len(s) > maxBytes:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(s), maxBytes)
	}
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return fmt.Sprintf("has the control character U+%04X at byte %d; remove it", c, i)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && n == 1 {
			return fmt.Sprintf("is not valid UTF-8 at byte %d", i)
		}
		if unicode.IsControl(r) {
			return fmt.Sprintf("has the control character U+%04X at byte %d; remove it", r, i)
		}
		i += n
	}
	return ""
}

// StreamNameProblem says what is wrong with the name of a stream that is to be
// read. Empty: nothing is.
func StreamNameProblem(name string, limits Limits) string {
	return TextProblem(name, limits.StreamBytes)
}

// CategoryProblem says what is wrong with a category: one with a dash has no
// streams and never will, so to ask for it is a mistake. Empty: nothing is.
func CategoryProblem(category string, limits Limits) string {
	if strings.Contains(category, "-") {
		return `has a "-"; a category is what stands before the first one in a stream's name`
	}
	return TextProblem(category, limits.StreamBytes)
}

// AppendStreamProblem says what is wrong with the name of a stream that is to
// be written by a client. Empty: nothing is.
func AppendStreamProblem(name string, limits Limits) string {
	if IsServerStream(name) {
		return `begins with "$", which is kept for the server; choose another name`
	}
	return StreamNameProblem(name, limits)
}
