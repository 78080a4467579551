package tick

import (
	"fmt"
	"slices"
	"strings"
)

// block is a list of operations with one root: the state, or an item.
type block struct {
	operations []operation
	item       bool
}

// operation is one of the 17, compiled. Which fields are set depends on it.
type operation struct {
	place  *place // in the specification
	path   string // the same, for warnings
	run    opcode
	target []segment
	key    *expression // computed, of the place in the target
	field  []segment   // to tell items apart
	value  expression  // the value, or the by
	how    form        // of arithmetic
	where  predicate
	change change
	then   block
	orElse block
	names  []expression // to be bound
}

// change is what update_where does with a matching item.
type change uint8

const (
	changeNone change = iota
	changeSet
	changeMerge
	changeApply
)

// parameter compiles one parameter of an operation.
type parameter struct {
	name     string
	required bool
	compile  func(c *compiler, op *operation, v Value, at *place)
}

// shape is what an operation is made of.
type shape struct {
	run        opcode
	parameters []parameter
	finish     func(c *compiler, op *operation)
}

var (
	target = parameter{"target", true, (*compiler).target}
	value  = parameter{"value", true, (*compiler).value}
	by     = parameter{"by", false, (*compiler).value}
	where  = parameter{"where", true, (*compiler).where}
	key    = parameter{"key", true, (*compiler).key}
)

// shapes are all operations. Filled by init, for blocks hold operations.
var shapes map[string]shape

func init() {
	shapes = map[string]shape{
		"set":           {opSet, []parameter{target, value}, nil},
		"merge":         {opMerge, []parameter{target, value}, nil},
		"append":        {opAppend, []parameter{target, value}, nil},
		"remove":        {opRemove, []parameter{target, optional(where)}, (*compiler).wantsPlace},
		"increment":     {opCount, []parameter{target, by}, (*compiler).adds},
		"decrement":     {opCount, []parameter{target, by}, (*compiler).subtracts},
		"filter":        {opFilter, []parameter{target, where}, nil},
		"map":           {opMap, []parameter{target, {"apply", true, (*compiler).apply}}, nil},
		"update_where":  {opUpdateWhere, []parameter{target, where, {"set", false, (*compiler).set}, {"merge", false, (*compiler).merge}, {"apply", false, (*compiler).apply}}, (*compiler).oneChange},
		"upsert":        {opUpsert, []parameter{target, {"match", true, (*compiler).where}, value}, nil},
		"append_unique": {opAppendUnique, []parameter{target, value, {"key", false, (*compiler).field}}, nil},
		"set_at":        {opSet, []parameter{target, key, value}, nil},
		"merge_at":      {opMerge, []parameter{target, key, value}, nil},
		"remove_at":     {opRemove, []parameter{target, key}, nil},
		"increment_at":  {opCount, []parameter{target, key, by}, (*compiler).adds},
		"conditional":   {opConditional, []parameter{{"if", true, (*compiler).condition}, {"then", true, (*compiler).then}, {"else", false, (*compiler).orElse}}, nil},
		"let":           {opLet, []parameter{{"bind", true, (*compiler).bind}, {"do", true, (*compiler).do}}, (*compiler).unbind},
	}
}

func optional(p parameter) parameter {
	p.required = false
	return p
}

// block compiles one operation or a list.
func (c *compiler) block(v Value, at *place) block {
	b := block{item: c.scope.item}
	switch v.Kind() {
	case KindObject:
		c.operation(&b, v, at)
	case KindArray:
		for i, item := range v.Items() {
			c.operation(&b, item, at.element(i))
		}
	default:
		c.fault(at, "needs an operation or a list of operations")
	}
	return b
}

func (c *compiler) operation(b *block, v Value, at *place) {
	defer c.leave()
	if !c.deeper(at) {
		return
	}
	if c.operations++; c.operations > MaxOperations {
		if c.operations == MaxOperations+1 {
			c.fault(at, fmt.Sprintf("more than %d operations in one handler", MaxOperations))
		}
		return
	}
	name, parameters, ok := single(v)
	if !ok {
		c.fault(at, "an operation is an object with one member, its name")
		return
	}
	s, known := shapes[name]
	if at = at.child(name); !known {
		c.fault(at, "there is no operation "+quoted(name))
		return
	}
	if parameters.Kind() != KindObject {
		c.fault(at, "the parameters of an operation are an object")
		return
	}
	op := operation{place: at, path: at.String(), run: s.run, value: expression{value: Value{text: "1"}}}
	c.parameters(&op, s, parameters, at)
	b.operations = append(b.operations, op)
}

// parameters are compiled in the order of the shape, which has bind before do.
func (c *compiler) parameters(op *operation, s shape, given Value, at *place) {
	for _, p := range s.parameters {
		v := given.Field(p.name)
		switch {
		case v.Kind() != KindNone:
			p.compile(c, op, v, at.child(p.name))
		case p.required:
			c.fault(at, "lacks "+quoted(p.name))
		}
	}
	for name := range given.Fields() {
		if !slices.ContainsFunc(s.parameters, func(p parameter) bool { return p.name == name }) {
			c.fault(at.child(name), "there is no such parameter; there are "+names(s.parameters))
		}
	}
	if s.finish != nil {
		s.finish(c, op)
	}
}

func names(all []parameter) string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.name
	}
	return strings.Join(out, ", ")
}
