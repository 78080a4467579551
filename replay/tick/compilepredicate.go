package tick

import "github.com/stet-db/stet/replay/value"

// predicate compiles a condition. In a where an object that is no predicate
// names fields of the item and their values.
func (c *compiler) predicate(v Value, at *place, where bool) predicate {
	defer c.leave()
	if !c.deeper(at) {
		return predicate{}
	}
	// A comparison says itself what happens without a value.
	c.lenient++
	defer func() { c.lenient-- }()
	name, inner, ok := single(v)
	if t, known := tests[name]; ok && known {
		return c.known(t, inner, at.child(name), where)
	}
	switch {
	case v.Kind() != value.KindObject:
		c.fault(at, "a predicate is an object")
	case where:
		return c.fields(v, at)
	case ok:
		c.fault(at.child(name), "there is no predicate "+quoted(name))
	default:
		c.fault(at, "a predicate is an object with one member, its name")
	}
	return predicate{}
}

func (c *compiler) known(t test, v Value, at *place, where bool) predicate {
	p := predicate{test: t}
	switch t {
	case testAnd, testOr:
		if v.Kind() != value.KindArray {
			c.fault(at, "needs a list of predicates")
		}
		for i, item := range v.Items() {
			p.parts = append(p.parts, c.predicate(item, at.element(i), where))
		}
	case testNot:
		p.parts = []predicate{c.predicate(v, at, where)}
	case testExists:
		if v.Kind() == value.KindArray {
			c.fault(at, "needs one operand, not a list")
		}
		p.left = c.expression(v, at)
	default:
		if operands := c.operands(v, at, 2, 2); operands != nil {
			p.left, p.right = operands[0], operands[1]
		}
	}
	return p
}

// fields is true of an item that has all these values.
func (c *compiler) fields(v Value, at *place) predicate {
	p := predicate{test: testAnd}
	for key, inner := range v.Fields() {
		inside := at.child(key)
		way, problem := splitPath(key)
		if problem != "" || len(way) == 0 {
			c.fault(inside, "a field is a dot path")
		}
		p.parts = append(p.parts, predicate{
			test:  testEquals,
			left:  expression{form: formPath, reference: reference{root: rootItem, path: way, optional: true}},
			right: c.expression(inner, inside),
		})
	}
	return p
}
