package tick

import (
	"regexp"

	"github.com/stet-db/stet/replay/value"
)

func (c *compiler) target(op *operation, v Value, at *place) {
	s := v.Text()
	op.target = make([]segment, 1) // what is wrong in itself is not called the root as well
	switch {
	case v.Kind() != value.KindString:
		c.fault(at, "a target is a dot path, as a string")
		return
	case s == "@" || s == "%" || len(s) > 1 && s[1] == '.' && isRoot(s[0]):
		c.fault(at, "a target begins in the state, or in the item, without "+quoted(s[:1]))
		return
	case s != "" && s[len(s)-1] == '?':
		c.fault(at, "a target has no ?")
		return
	}
	way, problem := splitPath(s)
	if problem != "" {
		c.fault(at, problem+": "+quoted(s))
		return
	}
	op.target = way
}

func isRoot(b byte) bool { return b == '$' || b == '@' || b == '%' || b == '#' }

func (c *compiler) value(op *operation, v Value, at *place) {
	op.value = c.expression(v, at)
}

func (c *compiler) key(op *operation, v Value, at *place) {
	e := c.expression(v, at)
	op.key = &e
}

func (c *compiler) field(op *operation, v Value, at *place) {
	way, problem := splitPath(v.Text())
	if v.Kind() != value.KindString || problem != "" || len(way) == 0 {
		c.fault(at, "names a field of the items, as a dot path")
	}
	op.field = way
}

func (c *compiler) where(op *operation, v Value, at *place) {
	c.withItem(func() { op.where = c.predicate(v, at, true) })
	if op.run == opRemove {
		op.run = opRemoveWhere
	}
}

func (c *compiler) condition(op *operation, v Value, at *place) {
	op.where = c.predicate(v, at, false)
}

func (c *compiler) set(op *operation, v Value, at *place) {
	c.change(op, changeSet, at)
	c.withItem(func() { op.value = c.expression(v, at) })
}

func (c *compiler) merge(op *operation, v Value, at *place) {
	c.change(op, changeMerge, at)
	c.withItem(func() { op.value = c.expression(v, at) })
}

func (c *compiler) apply(op *operation, v Value, at *place) {
	c.change(op, changeApply, at)
	c.withItem(func() { op.then = c.block(v, at) })
}

func (c *compiler) change(op *operation, how change, at *place) {
	if op.change != changeNone {
		c.fault(at, "there is another one of set, merge and apply already")
	}
	op.change = how
}

// oneChange is asked for when all parameters are there.
func (c *compiler) oneChange(op *operation) {
	if op.change == changeNone {
		c.fault(op.place, `lacks one of "set", "merge" and "apply"`)
	}
}

// wantsPlace refuses to remove the root.
func (c *compiler) wantsPlace(op *operation) {
	if op.run == opRemove && len(op.target) == 0 {
		c.fault(op.place, "the whole state cannot be removed, but it can be set to {}")
	}
}

func (c *compiler) adds(op *operation)      { op.how = formAdd }
func (c *compiler) subtracts(op *operation) { op.how = formSubtract }

func (c *compiler) then(op *operation, v Value, at *place) { op.then = c.block(v, at) }

func (c *compiler) orElse(op *operation, v Value, at *place) { op.orElse = c.block(v, at) }

var boundName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// bind compiles all values first: none of them sees another one's name.
func (c *compiler) bind(op *operation, v Value, at *place) {
	if v.Kind() != value.KindObject {
		c.fault(at, "needs an object of names and values")
		return
	}
	var bound []string
	for name, inner := range v.Fields() {
		inside := at.child(name)
		if !boundName.MatchString(name) {
			c.fault(inside, "a name is a letter or _ and up to 63 letters, digits and _")
		}
		op.names = append(op.names, c.expression(inner, inside))
		bound = append(bound, name)
	}
	c.names = append(c.names, bound...)
}

func (c *compiler) do(op *operation, v Value, at *place) { op.then = c.block(v, at) }

func (c *compiler) unbind(op *operation) { c.names = c.names[:len(c.names)-len(op.names)] }
