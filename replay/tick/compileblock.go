package tick

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stet-db/stet/replay/value"
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

// Parameters that several operations have.
var (
	aTarget = parameter{"target", true, (*compiler).target}
	aValue  = parameter{"value", true, (*compiler).value}
	aBy     = parameter{"by", false, (*compiler).value}
	aWhere  = parameter{"where", true, (*compiler).where}
	aKey    = parameter{"key", true, (*compiler).key}
	// What update_where does, and map by apply.
	aSet   = parameter{"set", false, (*compiler).set}
	aMerge = parameter{"merge", false, (*compiler).merge}
)

// anApply and the blocks of conditional and let hold operations themselves, so
// they are made when shapes is.
func init() {
	anApply := parameter{"apply", false, (*compiler).apply}
	shapes = map[string]shape{
		"set":           {opSet, []parameter{aTarget, aValue}, nil},
		"merge":         {opMerge, []parameter{aTarget, aValue}, nil},
		"append":        {opAppend, []parameter{aTarget, aValue}, nil},
		"remove":        {opRemove, []parameter{aTarget, optional(aWhere)}, (*compiler).wantsPlace},
		"increment":     {opCount, []parameter{aTarget, aBy}, (*compiler).adds},
		"decrement":     {opCount, []parameter{aTarget, aBy}, (*compiler).subtracts},
		"filter":        {opFilter, []parameter{aTarget, aWhere}, nil},
		"map":           {opMap, []parameter{aTarget, required(anApply)}, nil},
		"update_where":  {opUpdateWhere, []parameter{aTarget, aWhere, aSet, aMerge, anApply}, (*compiler).oneChange},
		"upsert":        {opUpsert, []parameter{aTarget, {"match", true, (*compiler).where}, aValue}, nil},
		"append_unique": {opAppendUnique, []parameter{aTarget, aValue, {"key", false, (*compiler).field}}, nil},
		"set_at":        {opSet, []parameter{aTarget, aKey, aValue}, nil},
		"merge_at":      {opMerge, []parameter{aTarget, aKey, aValue}, nil},
		"remove_at":     {opRemove, []parameter{aTarget, aKey}, nil},
		"increment_at":  {opCount, []parameter{aTarget, aKey, aBy}, (*compiler).adds},
		"conditional": {opConditional, []parameter{
			{"if", true, (*compiler).condition}, {"then", true, (*compiler).then}, {"else", false, (*compiler).orElse},
		}, nil},
		"let": {opLet, []parameter{{"bind", true, (*compiler).bind}, {"do", true, (*compiler).do}}, (*compiler).unbind},
	}
}

// shapes are all operations, by name.
var shapes map[string]shape

func required(p parameter) parameter {
	p.required = true
	return p
}

func optional(p parameter) parameter {
	p.required = false
	return p
}

// block compiles one operation or a list.
func (c *compiler) block(v Value, at *place) block {
	b := block{item: c.scope.item}
	switch v.Kind() {
	case value.KindObject:
		c.operation(&b, v, at)
	case value.KindArray:
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
	if parameters.Kind() != value.KindObject {
		c.fault(at, "the parameters of an operation are an object")
		return
	}
	op := operation{place: at, path: at.String(), run: s.run, value: expression{value: value.Int(1)}}
	c.parameters(&op, s, parameters, at)
	b.operations = append(b.operations, op)
}

// parameters are compiled in the order of the shape, which has bind before do.
func (c *compiler) parameters(op *operation, s shape, given Value, at *place) {
	for _, p := range s.parameters {
		v := given.Field(p.name)
		switch {
		case v.Kind() != value.KindNone:
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
