package spec

import (
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// Limits of a schema.
const (
	maxSchemaBytes = 256 << 10
	maxNodes       = 10_000
)

// uniqueKeyword stands for uniqueItems in what the library is given.
const uniqueKeyword = "x-stet-unique-items"

// walker finds all schemas inside of one, and makes of it what the library is
// given: without what this package does itself.
type walker struct {
	r         *reader
	root      string // path in the specification
	count     int
	byPointer map[string]*node
	byAnchor  map[string]*node
	refs      []*node
}

func newWalker(r *reader, path string) *walker {
	return &walker{r: r, root: path, byPointer: map[string]*node{}, byAnchor: map[string]*node{}}
}

// schema walks one schema. What is none is faulted, and taken for true.
func (w *walker) schema(v value.Value, path, pointer string) (*node, any) {
	if w.count++; w.count > maxNodes {
		if w.count == maxNodes+1 {
			w.r.fault(w.root, "has more than %d schemas inside", maxNodes)
		}
		return new(node), true
	}
	n := &node{path: path, pointer: pointer, visit: 1}
	w.byPointer[pointer] = n
	switch v.Kind() {
	case value.KindBool:
		return n, v.Truth()
	case value.KindObject:
		return n, w.keywords(n, v)
	}
	w.r.fault(path, "is no schema: that is an object, true or false")
	return n, true
}

func (w *walker) keywords(n *node, v value.Value) map[string]any {
	doc := make(map[string]any, v.Len())
	own := 0 // bytes
	for key, inner := range v.Fields() {
		k, known := keywords[key]
		if !known {
			if !strings.HasPrefix(key, "x-") {
				w.r.warn(child(n.path, key), "is no keyword of JSON Schema, so it does nothing")
			}
			continue
		}
		if k.holds == holdsNothing {
			own += inner.Size()
		}
		if k.check != nil && !k.check(w, n, key, inner) {
			continue
		}
		name, made := key, w.held(n, k, key, inner)
		if key == "uniqueItems" {
			name = uniqueKeyword
		}
		doc[name] = made
	}
	n.visit += own / 64
	return doc
}

// held walks the schemas that a keyword holds. What does not look like it
// should is left to the metaschema.
func (w *walker) held(n *node, k keyword, key string, v value.Value) any {
	path, pointer := child(n.path, key), n.pointer+"/"+escaped(key)
	switch {
	case k.holds == holdsOne:
		sub, doc := w.schema(v, path, pointer)
		k.keep(n, []*node{sub})
		return doc
	case k.holds == holdsList && v.Kind() == value.KindArray:
		docs := make([]any, 0, v.Len())
		var subs []*node
		for i, item := range v.Items() {
			sub, doc := w.schema(item, element(path, i), pointer+"/"+strconv.Itoa(i))
			subs, docs = append(subs, sub), append(docs, doc)
		}
		k.keep(n, subs)
		return docs
	case k.holds == holdsMap && v.Kind() == value.KindObject:
		docs := make(map[string]any, v.Len())
		for name, inner := range v.Fields() {
			at := child(path, name)
			if key == "dependencies" && inner.Kind() == value.KindArray {
				docs[name] = plain(inner)
				continue
			}
			sub, doc := w.schema(inner, at, pointer+"/"+escaped(name))
			docs[name] = doc
			switch key {
			case "properties":
				n.property(name, sub)
			case "patternProperties":
				w.pattern(n, name, at)
			}
			if k.keep != nil {
				k.keep(n, []*node{sub})
			}
		}
		return docs
	}
	return plain(v)
}

func (n *node) property(name string, sub *node) {
	if n.properties == nil {
		n.properties = map[string]*node{}
	}
	n.properties[name] = sub
	n.inOrder = append(n.inOrder, sub)
}

// pattern compiles a regular expression to see that it is one, and how large.
func (w *walker) pattern(n *node, text, path string) {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		var program *syntax.Prog
		if program, err = syntax.Compile(parsed.Simplify()); err == nil {
			n.program += len(program.Inst)
			return
		}
	}
	w.r.fault(path, "is no regular expression of RE2, which knows no look-around and no back-references: %v", err)
}

// resolve follows the references, when all schemas are known.
func (w *walker) resolve() {
	for _, n := range w.refs {
		target, problem := w.target(n.ref)
		if problem != "" {
			w.r.fault(child(n.path, "$ref"), "%s", problem)
			continue
		}
		n.all = append(n.all, target)
	}
}

func escaped(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
