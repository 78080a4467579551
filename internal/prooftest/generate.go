package prooftest

import (
	"math/rand/v2"
	"slices"
)

// maxGenerated bounds a generated text, in bytes.
const maxGenerated = 4 << 10

// generator makes inputs out of those that were given.
type generator struct {
	random *rand.Rand
	seeds  [][]any
}

// next is a given input with some of its arguments changed.
func (g *generator) next() []any {
	out := slices.Clone(g.seeds[g.random.IntN(len(g.seeds))])
	for i := range out {
		if len(out) > 1 && g.random.IntN(3) == 0 {
			continue
		}
		other := g.seeds[g.random.IntN(len(g.seeds))][i]
		switch a := out[i].(type) {
		case []byte:
			o, _ := other.([]byte)
			out[i] = g.text(a, o)
		case string:
			o, _ := other.(string)
			out[i] = string(g.text([]byte(a), []byte(o)))
		case int:
			out[i] = int(g.number(uint64(a)))
		case int64:
			out[i] = int64(g.number(uint64(a)))
		case uint64:
			out[i] = g.number(a)
		case uint8:
			out[i] = uint8(g.number(uint64(a)))
		case bool:
			out[i] = g.random.IntN(2) == 0
		}
	}
	return out
}

// number is a number near a, near a power of two, or any.
func (g *generator) number(a uint64) uint64 {
	step := g.random.Uint64N(5) - 2
	switch g.random.IntN(4) {
	case 0:
		return a + step
	case 1:
		return 1<<g.random.IntN(64) + step
	case 2:
		return step
	default:
		return g.random.Uint64() >> g.random.IntN(64)
	}
}

// telling are bytes that mean something in the forms that are parsed.
var telling = []byte("{}[]\":,\\/.$@#%-+eE0129tfn \n\x00\x01\x02\x08\x0a\x10\x12\x1a\x22\x7f\x80\xc2\xe2\xf0\xff")

// text changes a text once or some times. The result shares no memory with a
// or other.
func (g *generator) text(a, other []byte) []byte {
	b := slices.Clone(a)
	for range 1 + g.random.IntN(1<<g.random.IntN(4)) {
		b = g.change(b, other)
	}
	return b[:min(len(b), maxGenerated)]
}

func (g *generator) change(b, other []byte) []byte {
	at, end := g.stretch(len(b))
	from, to := g.stretch(len(other))
	switch kind := g.random.IntN(9); {
	case kind == 0:
		return slices.Insert(b, at, telling[g.random.IntN(len(telling))])
	case kind == 1:
		return slices.Insert(b, at, other[from:to]...)
	case kind == 2:
		return slices.Insert(b, at, slices.Clone(b[at:end])...)
	case len(b) == 0:
		return append(b, byte(g.random.Uint32()))
	case kind == 3:
		return slices.Delete(b, at, end)
	case kind == 4:
		return slices.Replace(b, at, end, other[from:to]...)
	case kind == 5:
		return b[:at]
	}
	at = min(at, len(b)-1)
	switch g.random.IntN(3) {
	case 0:
		b[at] ^= 1 << g.random.IntN(8)
	case 1:
		b[at] = telling[g.random.IntN(len(telling))]
	default:
		b[at] += byte(g.random.IntN(9)) - 4
	}
	return b
}

// stretch is some part of n bytes, more often a short one.
func (g *generator) stretch(n int) (from, to int) {
	from = g.random.IntN(n + 1)
	return from, from + g.random.IntN(min(n-from, 1<<g.random.IntN(8))+1)
}
