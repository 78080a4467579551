package tick

import (
	"math"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// expression compiles a template.
func (c *compiler) expression(v Value, at *place) expression {
	defer c.leave()
	if !c.deeper(at) {
		return expression{}
	}
	switch kind := v.Kind(); {
	case c.isLiteral(v):
		return expression{value: v}
	case kind == value.KindArray:
		return c.arrayTemplate(v, at)
	case kind == value.KindObject:
		return c.objectTemplate(v, at)
	default:
		return expression{form: formPath, reference: c.reference(v.Text(), at)}
	}
}

func (c *compiler) arrayTemplate(v Value, at *place) expression {
	e := expression{form: formArray, parts: make([]expression, 0, v.Len())}
	for i, item := range v.Items() {
		e.parts = append(e.parts, c.expression(item, at.element(i)))
	}
	return e
}

func (c *compiler) objectTemplate(v Value, at *place) expression {
	e := expression{form: formObject}
	for key, inner := range v.Fields() {
		inside := at.child(key)
		if strings.HasPrefix(key, "$") {
			if v.Len() > 1 {
				c.fault(inside, quoted(key)+" stands alone in its object; {\"$literal\": ...} takes it as it stands")
				continue
			}
			return c.special(key, inner, inside)
		}
		e.keys = append(e.keys, value.KeyOf(key))
		e.parts = append(e.parts, c.expression(inner, inside))
	}
	return e
}

// special compiles the forms that begin with $.
func (c *compiler) special(name string, v Value, at *place) expression {
	switch name {
	case "$":
		return c.explicitPath(v, at)
	case "$literal":
		return expression{value: v}
	case "$merge":
		return expression{form: formMerge, parts: c.operands(v, at, 1, math.MaxInt)}
	case "$default":
		return c.defaults(v, at)
	case "$at":
		return expression{form: formAt, parts: c.operands(v, at, 2, 2)}
	case "$if":
		return c.choice(v, at)
	case "$len":
		return expression{form: formLength, parts: []expression{c.expression(v, at)}}
	case "$concat":
		return expression{form: formConcat, parts: c.operands(v, at, 1, math.MaxInt)}
	case "$add":
		return expression{form: formAdd, parts: c.operands(v, at, 2, 2)}
	case "$sub":
		return expression{form: formSubtract, parts: c.operands(v, at, 2, 2)}
	case "$mul":
		return expression{form: formMultiply, parts: c.operands(v, at, 2, 2)}
	}
	c.fault(at, "there is no form "+quoted(name)+"; {\"$literal\": ...} takes an object as it stands")
	return expression{}
}

func (c *compiler) explicitPath(v Value, at *place) expression {
	s := v.Text()
	if v.Kind() != value.KindString || !c.beginsPath(s) {
		c.fault(at, "$ needs a path that begins with $., @., %. or #.")
		return expression{}
	}
	return expression{form: formPath, reference: c.reference(s, at)}
}

// defaults compiles operands of which all but the last may be missing.
func (c *compiler) defaults(v Value, at *place) expression {
	e := expression{form: formDefault}
	if v.Kind() != value.KindArray || v.Len() < 2 {
		c.fault(at, "needs a list of at least 2 operands")
		return e
	}
	for i, item := range v.Items() {
		if i < v.Len()-1 {
			c.lenient++
		}
		e.parts = append(e.parts, c.expression(item, at.element(i)))
		if i < v.Len()-1 {
			c.lenient--
		}
	}
	return e
}

func (c *compiler) choice(v Value, at *place) expression {
	if v.Kind() != value.KindArray || v.Len() != 3 {
		c.fault(at, "needs a list of a predicate and 2 operands")
		return expression{}
	}
	p := c.predicate(v.At(0), at.element(0), false)
	return expression{form: formChoose, predicate: &p, parts: []expression{
		c.expression(v.At(1), at.element(1)),
		c.expression(v.At(2), at.element(2)),
	}}
}
