package tick

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// Compile makes a program of a handler: one operation, or a list of them. The
// path is where the handler stands, and begins the paths of all faults and
// warnings. There is a program or at least one fault; of very many faults the
// first hundred are told.
func Compile(handler Value, path string) (*Program, []Fault) {
	c := newCompiler(ScopeState)
	b := c.block(handler, &place{key: path})
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &Program{b, c.reads}, nil
}

// CompilePredicate makes a predicate, as in require and when.
func CompilePredicate(v Value, path string, s Scope) (*Predicate, []Fault) {
	c := newCompiler(s)
	p := c.predicate(v, &place{key: path}, false)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &Predicate{p, c.reads}, nil
}

// CompileWhere makes a predicate over an item, which may also be written as
// the fields that the item must have.
func CompileWhere(v Value, path string, s Scope) (*Predicate, []Fault) {
	c := newCompiler(s | ScopeItem)
	p := c.predicate(v, &place{key: path}, true)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &Predicate{p, c.reads}, nil
}

// CompileTemplate makes a template, as in the id and data of implies.
func CompileTemplate(v Value, path string, s Scope) (*Template, []Fault) {
	c := newCompiler(s)
	e := c.expression(v, &place{key: path})
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &Template{e, c.reads}, nil
}

// compiler walks a specification once. It goes on after a fault, to tell all
// of them; what it has made is then thrown away.
type compiler struct {
	scope      scope
	names      []string // bound by the lets around, by slot
	depth      int
	operations int
	lenient    int // how many forms around provide for a missing value
	faults     []Fault
	reads      []Read
}

// scope tells which roots mean something.
type scope struct {
	state bool
	item  bool
}

// mostFaults bounds what is told of a specification that is wrong everywhere.
const mostFaults = 100

func newCompiler(s Scope) *compiler {
	return &compiler{scope: scope{state: s&ScopeState != 0, item: s&ScopeItem != 0}}
}

func (c *compiler) fault(at *place, problem string) {
	if len(c.faults) < mostFaults {
		c.faults = append(c.faults, Fault{at.String(), problem})
	}
}

// deeper counts a level of nesting, which the caller leaves again.
func (c *compiler) deeper(at *place) bool {
	c.depth++
	if c.depth > MaxDepth {
		c.fault(at, fmt.Sprintf("operations, predicates and templates nest deeper than %d", MaxDepth))
		return false
	}
	return true
}

func (c *compiler) leave() { c.depth-- }

// withItem compiles with an item in scope.
func (c *compiler) withItem(compile func()) {
	before := c.scope.item
	c.scope.item = true
	compile()
	c.scope.item = before
}

// isLiteral tells that nothing in the value means anything: a specification of
// much data compiles to this data.
func (c *compiler) isLiteral(v Value) bool {
	switch v.Kind() {
	case value.KindString:
		return !c.beginsPath(v.Text())
	case value.KindArray:
		for _, item := range v.Items() {
			if !c.isLiteral(item) {
				return false
			}
		}
	case value.KindObject:
		for key, inner := range v.Fields() {
			if strings.HasPrefix(key, "$") || !c.isLiteral(inner) {
				return false
			}
		}
	}
	return true
}

// operands compiles a list of templates.
func (c *compiler) operands(v Value, at *place, least, most int) []expression {
	if v.Kind() != value.KindArray || v.Len() < least || v.Len() > most {
		how := "at least "
		if least == most {
			how = ""
		}
		c.fault(at, fmt.Sprintf("needs a list of %s%d operands", how, least))
		return nil
	}
	out := make([]expression, 0, v.Len())
	for i, item := range v.Items() {
		out = append(out, c.expression(item, at.element(i)))
	}
	return out
}

// single is the only member of an object, if it has just one.
func single(v Value) (key string, inner Value, ok bool) {
	if v.Kind() != value.KindObject || v.Len() != 1 {
		return "", Value{}, false
	}
	for key, inner = range v.Fields() {
		break
	}
	return key, inner, true
}

// quoted shows a text from a specification, cut where it is long.
func quoted(s string) string {
	return strconv.Quote(clipped(s))
}

func clipped(s string) string {
	if len(s) > longestKey {
		return s[:longestKey] + "..."
	}
	return s
}
