package tick

import "github.com/stet-db/stet/replay/value"

// predicate is compiled. It never faults: what cannot be evaluated is missing,
// which makes a comparison false.
type predicate struct {
	test  test
	left  expression
	right expression
	parts []predicate
}

type test uint8

const (
	testEquals test = iota
	testNotEquals
	testGreater
	testGreaterEqual
	testLess
	testLessEqual
	testIn
	testNotIn
	testExists
	testAnd
	testOr
	testNot
)

var tests = map[string]test{
	"equals": testEquals, "not_equals": testNotEquals, "gt": testGreater, "gte": testGreaterEqual,
	"lt": testLess, "lte": testLessEqual, "in": testIn, "not_in": testNotIn,
	"exists": testExists, "and": testAnd, "or": testOr, "not": testNot,
}

// holds must not be believed when the steps have run out.
func (m *machine) holds(p *predicate) bool {
	if !m.meter.Take(1) {
		return false
	}
	switch p.test {
	case testAnd:
		for i := range p.parts {
			if !m.holds(&p.parts[i]) {
				return false
			}
		}
		return true
	case testOr:
		for i := range p.parts {
			if m.holds(&p.parts[i]) {
				return true
			}
		}
		return false
	case testNot:
		return !m.holds(&p.parts[0])
	case testExists:
		_, f := m.evaluate(&p.left)
		return f == nil
	}
	left, f := m.evaluate(&p.left)
	right, g := m.evaluate(&p.right)
	if f != nil || g != nil {
		return p.test == testNotEquals || p.test == testNotIn
	}
	return m.compare(p.test, left, right)
}

func (m *machine) compare(t test, left, right Value) bool {
	switch t {
	case testEquals:
		return value.EqualWithin(left, right, &m.meter)
	case testNotEquals:
		return !value.EqualWithin(left, right, &m.meter)
	case testIn:
		return m.isIn(left, right)
	case testNotIn:
		return !m.isIn(left, right)
	}
	if left.Kind() == value.KindString && !m.meter.Take((left.Size()+right.Size())/value.TextPerStep) {
		return false
	}
	order, ok := value.Compare(left, right)
	if !ok {
		return false
	}
	switch t {
	case testGreater:
		return order > 0
	case testGreaterEqual:
		return order >= 0
	case testLess:
		return order < 0
	default:
		return order <= 0
	}
}

func (m *machine) isIn(v, all Value) bool {
	if !all.IsArray() {
		return false
	}
	for i := range all.Len() {
		if value.EqualWithin(v, all.At(i), &m.meter) {
			return true
		}
		if m.meter.Out() {
			return false
		}
	}
	return false
}
