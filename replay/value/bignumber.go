package value

import "github.com/cockroachdb/apd/v3"

// decimal128 is IEEE 754's decimal type of 34 digits. Its exponents reach
// beyond every number that a value can hold.
var decimal128 = apd.Context{Precision: maxDigits, MaxExponent: 6144, MinExponent: -6143}

// calculation is one of the context's methods.
type calculation func(c *apd.Context, d, x, y *apd.Decimal) (apd.Condition, error)

var (
	sum        calculation = (*apd.Context).Add
	difference calculation = (*apd.Context).Sub
	product    calculation = (*apd.Context).Mul
)

// arithmetic does what does not fit a machine word. It is not ok when the
// result would be rounded, if only by a zero, or is beyond the bounds.
func arithmetic(f calculation, a, b string) (string, bool) {
	x, y, ok := bigNumbers(a, b)
	if !ok {
		return "", false
	}
	var out apd.Decimal
	condition, err := f(&decimal128, &out, x, y)
	if err != nil || condition&^apd.Subnormal != 0 {
		return "", false
	}
	return printNumber(out.Negative, out.Coeff.Append(nil, 10), int(out.Exponent))
}

func compareBig(a, b string) int {
	x, y, ok := bigNumbers(a, b)
	if !ok {
		return 0
	}
	return x.Cmp(y)
}

// bigNumbers is always ok, for values hold only numbers of the right form.
func bigNumbers(a, b string) (x, y *apd.Decimal, ok bool) {
	x, _, errX := apd.NewFromString(a)
	y, _, errY := apd.NewFromString(b)
	return x, y, errX == nil && errY == nil
}
