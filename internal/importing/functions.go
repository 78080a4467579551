package importing

import (
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/cockroachdb/apd/v3"

	"github.com/stet-db/stet/internal/interchange"
)

// functions are what templates may call beside the language's own. Texts come
// first, as in package strings.
func (m *rowMapping) functions() template.FuncMap {
	return template.FuncMap{
		"hasPrefix":  strings.HasPrefix,
		"hasSuffix":  strings.HasSuffix,
		"contains":   strings.Contains,
		"trim":       strings.TrimSpace,
		"trimPrefix": strings.TrimPrefix,
		"trimSuffix": strings.TrimSuffix,
		"lower":      strings.ToLower,
		"upper":      strings.ToUpper,
		"replace":    strings.ReplaceAll,
		"default":    fallback,
		"json":       jsonOf,
		"number":     numberOf,
		"numEq":      comparison(func(c int) bool { return c == 0 }),
		"numNe":      comparison(func(c int) bool { return c != 0 }),
		"numLt":      comparison(func(c int) bool { return c < 0 }),
		"numLe":      comparison(func(c int) bool { return c <= 0 }),
		"numGt":      comparison(func(c int) bool { return c > 0 }),
		"numGe":      comparison(func(c int) bool { return c >= 0 }),
		"col":        m.current.column,
		"row":        m.rowJSON,
		"line":       func() int64 { return m.current.line },
	}
}

// FunctionsHelp describes the functions of templates, for a command's help.
const FunctionsHelp = `  {{.Column}}, {{col "Odd name"}}       a column's text
  hasPrefix, hasSuffix, contains S T   whether S begins with, ends with, contains T
  trim, lower, upper S                 S without blanks around it, in lower or upper case
  trimPrefix, trimSuffix S T           S without T at its beginning or end
  replace S OLD NEW                    S with every OLD replaced
  default D S                          S, or D when S is empty
  numEq, numNe, numLt, numLe, numGt, numGe A B
                                       compare as exact numbers (lt, eq ... compare texts)
  json S                               S as a JSON string
  number S                             S when it is a JSON number, else a fault of the line
  row, line                            the whole row as a JSON object; the line's number`

func fallback(instead, s string) string {
	if s == "" {
		return instead
	}
	return s
}

func jsonOf(v any) string { return string(interchange.AppendString(nil, fmt.Sprint(v))) }

func numberOf(s string) (string, error) {
	if !isNumber(s) {
		return "", fmt.Errorf("%q is not a number as JSON writes them", s)
	}
	return s, nil
}

// comparison compares exactly, never in floating point: 0.1 and 0.10 are
// equal, and no price is rounded.
func comparison(judge func(int) bool) func(a, b any) (bool, error) {
	return func(a, b any) (bool, error) {
		x, err := decimalOf(a)
		if err != nil {
			return false, err
		}
		y, err := decimalOf(b)
		if err != nil {
			return false, err
		}
		return judge(x.Cmp(y)), nil
	}
}

// maxExponent bounds the digits that comparing can produce.
const maxExponent = 1000

func decimalOf(v any) (*apd.Decimal, error) {
	s := strings.TrimSpace(fmt.Sprint(v))
	if !isNumber(s) {
		return nil, fmt.Errorf("%q is not a number", s)
	}
	d, _, err := apd.NewFromString(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number: %w", s, err)
	}
	if d.Exponent > maxExponent || d.Exponent < -maxExponent {
		return nil, errors.New("the number's exponent is too large to compare")
	}
	return d, nil
}

// isNumber tells whether s is a number as JSON writes them: no plus sign, no
// leading zeros, a digit on both sides of a point.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	leadingZero := strings.HasPrefix(s, "0")
	before := len(s)
	if !digits() || leadingZero && before-len(s) > 1 {
		return false
	}
	if strings.HasPrefix(s, ".") {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}
