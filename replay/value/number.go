package value

import (
	"math"
	"math/bits"
	"strconv"
)

// Bounds of numbers, in texts that are read and in results. Inside them sums,
// products and comparisons are exact and cheap; a library given 1e10000000
// would fill the memory with zeros.
const (
	maxDigits   = 34  // significant, leading zeros not counted: decimal128
	maxExponent = 100 // as it is written
	// A number with all digits behind the point and the lowest exponent has
	// its last digit here.
	minScale = -maxExponent - maxDigits + 1
)

// decimal is coefficient x 10^exponent. Its digits fit a decimal128; when they
// do not fit the coefficient, small is false and the number is left to apd.
type decimal struct {
	negative    bool
	small       bool
	coefficient uint64 // below 10^18
	exponent    int
}

// smallDigits is the number of digits a coefficient holds.
const smallDigits = 18

var powers = func() (p [smallDigits + 1]uint64) {
	p[0] = 1
	for i := range smallDigits {
		p[i+1] = 10 * p[i]
	}
	return p
}()

// readNumber takes a number of checked form apart. The problem is empty, or
// says which bound the number is beyond.
func readNumber(text string) (d decimal, problem string) {
	d.small = true
	at, digits, point := 0, 0, false
	if text[0] == '-' {
		d.negative, at = true, 1
	}
loop:
	for ; at < len(text); at++ {
		b := text[at]
		switch {
		case b == '.':
			point = true
			continue
		case b < '0' || b > '9':
			break loop
		}
		if point {
			d.exponent--
		}
		if digits == 0 && b == '0' {
			continue
		}
		if digits++; digits > smallDigits {
			d.small = false
			continue
		}
		d.coefficient = 10*d.coefficient + uint64(b-'0')
	}
	if at < len(text) {
		written := writtenExponent(text[at+1:])
		if written < -maxExponent || written > maxExponent {
			return d, "exponent outside -100 to 100"
		}
		d.exponent += written
	}
	switch {
	case digits > maxDigits:
		return d, "more than 34 significant digits"
	case d.exponent < minScale:
		return d, "more than 133 places behind the point"
	}
	return d, ""
}

// writtenExponent is what stands behind the e. More characters than a sensible
// exponent has are out of bounds: a number's text must stay short.
func writtenExponent(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || len(text) > len("-100") {
		return maxExponent + 1
	}
	return n
}

// wholeNumber is the number as an int64, if it is one: 3, 3.0 and 3e2 are.
func wholeNumber(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	d, problem := readNumber(text)
	if problem != "" || !d.small {
		return 0, false
	}
	for ; d.exponent < 0; d.exponent++ {
		if d.coefficient%10 != 0 {
			return 0, false
		}
		d.coefficient /= 10
	}
	if d.coefficient == 0 {
		return 0, true
	}
	for ; d.exponent > 0; d.exponent-- {
		if d.coefficient > math.MaxInt64/10 {
			return 0, false
		}
		d.coefficient *= 10
	}
	if d.negative {
		return -int64(d.coefficient), true
	}
	return int64(d.coefficient), true
}

// align gives both numbers the lower of the two exponents, if they stay small.
func align(a, b decimal) (decimal, decimal, bool) {
	if !a.small || !b.small {
		return a, b, false
	}
	if a.exponent < b.exponent {
		b, a, ok := align(b, a)
		return a, b, ok
	}
	shift := a.exponent - b.exponent
	if shift == 0 {
		return a, b, true
	}
	if shift > smallDigits {
		return a, b, false
	}
	high, low := bits.Mul64(a.coefficient, powers[shift])
	if high != 0 || low >= powers[smallDigits] {
		return a, b, false
	}
	a.coefficient, a.exponent = low, b.exponent
	return a, b, true
}

// compareNumbers orders two numbers by their value.
func compareNumbers(a, b string) int {
	if a == b {
		return 0
	}
	x, _ := readNumber(a) // values hold only numbers within the bounds
	y, _ := readNumber(b)
	x, y, ok := align(x, y)
	if !ok {
		return compareBig(a, b)
	}
	l, r := x.signed(), y.signed()
	switch {
	case l < r:
		return -1
	case l > r:
		return 1
	default:
		return 0
	}
}

func (d decimal) signed() int64 {
	if d.negative {
		return -int64(d.coefficient)
	}
	return int64(d.coefficient)
}

func fromSigned(n int64, exponent int) decimal {
	d := decimal{small: true, coefficient: uint64(n), exponent: exponent}
	if n < 0 {
		d.negative, d.coefficient = true, uint64(-n)
	}
	return d
}

// addNumbers is the exact sum; not ok when it would have to be rounded.
func addNumbers(a, b string) (string, bool) {
	x, _ := readNumber(a) // values hold only numbers within the bounds
	y, _ := readNumber(b)
	x, y, ok := align(x, y)
	if !ok {
		return arithmetic(sum, a, b)
	}
	return fromSigned(x.signed()+y.signed(), x.exponent).print()
}

// subtractNumbers is the exact difference.
func subtractNumbers(a, b string) (string, bool) {
	x, _ := readNumber(a) // values hold only numbers within the bounds
	y, _ := readNumber(b)
	x, y, ok := align(x, y)
	if !ok {
		return arithmetic(difference, a, b)
	}
	return fromSigned(x.signed()-y.signed(), x.exponent).print()
}

// multiplyNumbers is the exact product.
func multiplyNumbers(a, b string) (string, bool) {
	x, _ := readNumber(a) // values hold only numbers within the bounds
	y, _ := readNumber(b)
	high, low := bits.Mul64(x.coefficient, y.coefficient)
	if !x.small || !y.small || high != 0 {
		return arithmetic(product, a, b)
	}
	return decimal{
		negative: x.negative != y.negative, small: true,
		coefficient: low, exponent: x.exponent + y.exponent,
	}.print()
}

func (d decimal) print() (string, bool) {
	var digits [20]byte
	return printNumber(d.negative, strconv.AppendUint(digits[:0], d.coefficient, 10), d.exponent)
}

// printNumber writes a result: plainly, its scale kept, and with an exponent
// only where the zeros would be more digits than may be read again. It is not
// ok for a number beyond the bounds. Zero has no sign.
func printNumber(negative bool, digits []byte, exponent int) (string, bool) {
	zero := digits[0] == '0'
	if len(digits) > maxDigits || exponent < minScale || exponent > maxExponent {
		return "", false
	}
	out := make([]byte, 0, 48)
	if negative && !zero {
		out = append(out, '-')
	}
	switch point := len(digits) + exponent; {
	case exponent > 0 && zero:
		out = append(out, '0')
	case exponent > 0 && point > maxDigits:
		out = append(out, digits...)
		out = append(out, 'e')
		out = strconv.AppendInt(out, int64(exponent), 10)
	case exponent >= 0:
		out = append(out, digits...)
		out = appendZeros(out, exponent)
	case point > 0:
		out = append(out, digits[:point]...)
		out = append(out, '.')
		out = append(out, digits[point:]...)
	default:
		out = append(out, '0', '.')
		out = appendZeros(out, -point)
		out = append(out, digits...)
	}
	return string(out), true
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}
