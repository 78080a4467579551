package value_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/replay/value"
)

func TestArithmeticIsExactAndKeepsTheScale(t *testing.T) {
	nines := strings.Repeat("9", 34)
	for _, c := range []struct{ a, op, b, want string }{
		{"10.50", "+", "0.50", "11.00"},
		{"0.1", "+", "0.2", "0.3"},
		{"1", "+", "1.000", "2.000"},
		{"29.99", "*", "2", "59.98"},
		{"1.5", "*", "1.5", "2.25"},
		{"1000", "-", "200", "800"},
		{"0", "-", "0.05", "-0.05"},
		{"-0", "+", "-0", "0"},
		{"-1", "*", "0", "0"},
		{"-1.5", "*", "0.0", "0.00"},
		{"1e3", "+", "1", "1001"},
		{"1E5", "+", "0e5", "100000"},
		{"1e-3", "+", "1", "1.001"},
		{"0e50", "+", "0e60", "0"},
		{"1e30", "+", "1", "1" + strings.Repeat("0", 29) + "1"},
		{"1e30", "*", "1e3", "1" + strings.Repeat("0", 33)},
		{"1e30", "*", "1e4", "1e34"},
		{"12e50", "*", "1e50", "12e100"},
		{"1e-50", "*", "1e-50", "0." + strings.Repeat("0", 99) + "1"},
		{"999999999999999999", "+", "1", "1000000000000000000"},
		{"9223372036854775807", "+", "9223372036854775807", "18446744073709551614"},
		{"-9223372036854775808", "-", "1", "-9223372036854775809"},
		{"4294967296", "*", "4294967296", "18446744073709551616"},
		{nines, "-", nines, "0"},
		{nines, "+", "0", nines},
		{"123456789012345678901234567890.12", "-", "0.02", "123456789012345678901234567890.10"},
		// What would be rounded, even by a zero, is refused.
		{nines, "+", "1", ""},
		{nines, "+", "0.1", ""},
		{"1e33", "+", "0.1", ""},
		{"5" + strings.Repeat("0", 33), "+", "5" + strings.Repeat("0", 33), ""},
		{"12345678901234567890", "*", "12345678901234567890", ""},
		{"1e100", "+", "1", ""},
		{"1e100", "+", "0", ""},
		// So is what could not be read again.
		{"1e100", "*", "10e0", "10e100"},
		{"1e100", "*", "1e1", ""},
		{"1e100", "*", "1e100", ""},
		{"1e-100", "*", "1e-33", "0." + strings.Repeat("0", 132) + "1"},
		{"1e-100", "*", "1e-34", ""},
	} {
		got, ok := calculate(parse(t, c.a), c.op, parse(t, c.b))
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s %s %s = %s %v, want %q", c.a, c.op, c.b, got, ok, c.want)
		}
	}
	if _, ok := value.Add(value.Int(1), value.String("1")); ok {
		t.Error("a string is added")
	}
}

func calculate(a value.Value, op string, b value.Value) (value.Value, bool) {
	switch op {
	case "+":
		return value.Add(a, b)
	case "-":
		return value.Subtract(a, b)
	default:
		return value.Multiply(a, b)
	}
}

// number draws numbers of every size, many of them close to what a machine
// word holds.
func number() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digits := rapid.SampledFrom([]int{1, 2, 8, 9, 17, 18, 19, 20, 33, 34}).Draw(t, "digits")
		text := rapid.StringMatching(fmt.Sprintf(`[1-9][0-9]{%d}`, digits-1)).Draw(t, "coefficient")
		if rapid.IntRange(0, 9).Draw(t, "zero") == 0 {
			text = "0"
		}
		if point := rapid.IntRange(0, len(text)-1).Draw(t, "point"); point > 0 {
			text = text[:point] + "." + text[point:]
		}
		if rapid.Bool().Draw(t, "negative") {
			text = "-" + text
		}
		if rapid.IntRange(0, 3).Draw(t, "exponent") == 0 {
			text += fmt.Sprintf("e%d", rapid.IntRange(-100, 100).Draw(t, "exponent"))
		}
		return text
	})
}

// TestArithmeticAgreesWithFractions holds the quick way and the library's to
// the same answers: exact ones.
func TestArithmeticAgreesWithFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := number().Draw(t, "a"), number().Draw(t, "b")
		x, y := fraction(t, a), fraction(t, b)
		va, errA := value.Parse([]byte(a))
		vb, errB := value.Parse([]byte(b))
		if errA != nil || errB != nil {
			t.Fatalf("%s %v, %s %v", a, errA, b, errB)
		}
		for op, want := range map[string]*big.Rat{"+": new(big.Rat).Add(x, y), "-": new(big.Rat).Sub(x, y), "*": new(big.Rat).Mul(x, y)} {
			got, ok := calculate(va, op, vb)
			if !ok {
				continue
			}
			if fraction(t, got.String()).Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s", a, op, b, got)
			}
			if again, err := value.Parse([]byte(got.String())); err != nil || !value.Equal(again, got) {
				t.Fatalf("%s %s %s = %s, which is not read again: %v", a, op, b, got, err)
			}
			if op != "*" && strings.HasPrefix(got.String(), "-0") && want.Sign() == 0 {
				t.Fatalf("%s %s %s = %s", a, op, b, got)
			}
		}
		if order, _ := value.Compare(va, vb); order != x.Cmp(y) || value.Equal(va, vb) != (order == 0) {
			t.Fatalf("%s and %s compare as %d", a, b, order)
		}
	})
}

func fraction(t interface{ Fatalf(string, ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%s is no number", text)
	}
	return r
}

// TestSmallResultsAreAlwaysThere shows that being exact is no excuse.
func TestSmallResultsAreAlwaysThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) value.Value {
			n := rapid.Int64Range(-1e15, 1e15).Draw(t, name)
			scale := rapid.IntRange(0, 4).Draw(t, name+" scale")
			v, err := value.Parse([]byte(fmt.Sprintf("%de-%d", n, scale)))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		a, b := draw("a"), draw("b")
		for _, op := range []string{"+", "-", "*"} {
			if _, ok := calculate(a, op, b); !ok {
				t.Fatalf("%s %s %s is refused", a, op, b)
			}
		}
	})
}

func TestStringsAreOrderedByTheirCharacters(t *testing.T) {
	ordered := []string{``, `\u0000`, `\t`, `!`, `\"`, `A`, `Z`, `\\`, `a`, `a\n`, `a!`, `ab`, `é`, `世`, `😀`}
	for i, a := range ordered {
		for k, b := range ordered {
			order, ok := value.Compare(parse(t, `"`+a+`"`), parse(t, `"`+b+`"`))
			if want := min(max(i-k, -1), 1); !ok || order != want {
				t.Errorf("%q and %q compare as %d, want %d", a, b, order, want)
			}
		}
	}
	for _, c := range [][2]string{{`1`, `"1"`}, {`true`, `false`}, {`null`, `null`}, {`[1]`, `[2]`}, {`{}`, `{}`}} {
		if _, ok := value.Compare(parse(t, c[0]), parse(t, c[1])); ok {
			t.Errorf("%s and %s have an order", c[0], c[1])
		}
	}
}

func TestConcatJoinsTextsAndSpellings(t *testing.T) {
	got, ok := value.Concat([]value.Value{value.String("a\"\n"), parse(t, "1.50"), value.String(""), value.String("é")})
	if !ok || got.String() != `"a\"\n1.50é"` {
		t.Errorf("%s %v", got, ok)
	}
	for _, v := range []value.Value{value.Null(), value.Bool(true), value.Array(), value.Object(), {}} {
		if _, ok := value.Concat([]value.Value{v}); ok {
			t.Errorf("%s is joined", v)
		}
	}
	if got, ok := value.Concat(nil); !ok || got.String() != `""` {
		t.Errorf("nothing joins to %s", got)
	}
}
