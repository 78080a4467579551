package value_test

import (
	"math/big"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/replay/value"
)

// FuzzArithmetic: a result is exact, or there is none.
func FuzzArithmetic(f *testing.F) {
	z := prooftest.Target(f)
	z.Add("0.1", "0.20")
	z.Add("-1e100", "9999999999999999999999999999999999")
	z.Add("999999999999999999", "1e-99")
	z.Add("-0.0", "1.5E+3")
	z.Run(func(t *testing.T, textA, textB string) {
		a, errA := value.Parse([]byte(textA))
		b, errB := value.Parse([]byte(textB))
		if errA != nil || errB != nil || a.Kind() != value.KindNumber || b.Kind() != value.KindNumber {
			return
		}
		x, y := rational(t, textA), rational(t, textB)
		for name, c := range map[string]struct {
			of   func(a, b value.Value) (value.Value, bool)
			want *big.Rat
		}{
			"sum": {value.Add, new(big.Rat).Add(x, y)}, "difference": {value.Subtract, new(big.Rat).Sub(x, y)}, "product": {value.Multiply, new(big.Rat).Mul(x, y)},
		} {
			got, ok := c.of(a, b)
			if !ok {
				continue
			}
			if again, err := value.Parse([]byte(got.String())); err != nil || rational(t, got.String()).Cmp(c.want) != 0 || !value.Equal(again, got) {
				t.Errorf("the %s of %s and %s is %s, want %s (%v)", name, textA, textB, got, c.want, err)
			}
		}
		if order, ok := value.Compare(a, b); !ok || order != x.Cmp(y) || (order == 0) != value.Equal(a, b) {
			t.Errorf("%s and %s compare as %d, equal: %v", textA, textB, order, value.Equal(a, b))
		}
	})
}

func rational(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(trimmed(text))
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return r
}

// trimmed is a JSON text without the blanks around it.
func trimmed(text string) string {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	for n := len(text); n > 0 && (text[n-1] == ' ' || text[n-1] == '\n' || text[n-1] == '\t' || text[n-1] == '\r'); n-- {
		text = text[:n-1]
	}
	return text
}
