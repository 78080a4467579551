package spec

import (
	"net/url"
	"slices"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// holds says in which shape a keyword holds schemas.
type holds uint8

const (
	holdsNothing holds = iota
	holdsOne
	holdsList
	holdsMap
)

// keyword is one of JSON Schema 2020-12.
type keyword struct {
	holds holds
	// keep notes the schemas that it holds; nil: they are only for references.
	keep func(n *node, subs []*node)
	// check faults what the metaschema does not, and tells whether the library
	// is to see the keyword.
	check func(w *walker, n *node, key string, v value.Value) bool
}

var (
	keepAll        = func(n *node, subs []*node) { n.all = append(n.all, subs...) }
	keepAny        = func(n *node, subs []*node) { n.any = append(n.any, subs) }
	keepAlso       = func(n *node, subs []*node) { n.also = append(n.also, subs...) }
	keepAdditional = func(n *node, subs []*node) { n.additional = subs[0] }
	keepEverywhere = func(n *node, subs []*node) { n.everywhere = append(n.everywhere, subs...) }
	keepNames      = func(n *node, subs []*node) { n.names = subs[0] }
	keepPrefix     = func(n *node, subs []*node) { n.prefix = subs }
	keepRest       = func(n *node, subs []*node) { n.rest = subs[0] }
	keepItems      = func(n *node, subs []*node) { n.items = append(n.items, subs...) }
	keepNothing    = func(*node, []*node) {}
)

// keywords are all that there are. Filled by init, for checks look at others.
var keywords map[string]keyword

func init() {
	keywords = map[string]keyword{
		"allOf": {holdsList, keepAll, nil}, "anyOf": {holdsList, keepAny, nil}, "oneOf": {holdsList, keepAny, nil},
		"not": {holdsOne, keepAlso, nil}, "if": {holdsOne, keepAlso, nil}, "then": {holdsOne, keepAlso, nil}, "else": {holdsOne, keepAlso, nil},
		"dependentSchemas": {holdsMap, keepAlso, nil}, "dependencies": {holdsMap, keepAlso, nil},

		"properties": {holdsMap, nil, nil}, "patternProperties": {holdsMap, keepEverywhere, nil},
		"additionalProperties": {holdsOne, keepAdditional, nil}, "unevaluatedProperties": {holdsOne, keepEverywhere, nil},
		"propertyNames": {holdsOne, keepNames, nil},
		"prefixItems":   {holdsList, keepPrefix, nil}, "items": {holdsOne, keepRest, nil},
		"contains": {holdsOne, keepItems, nil}, "unevaluatedItems": {holdsOne, keepItems, nil},

		"$defs": {holdsMap, nil, nil}, "definitions": {holdsMap, nil, nil}, "contentSchema": {holdsOne, keepNothing, nil},

		"$ref": {check: checkRef}, "$anchor": {check: checkAnchor}, "$id": {check: checkID}, "$schema": {check: checkDialect},
		"$dynamicRef": {check: refuseDynamic}, "$dynamicAnchor": {check: refuseDynamic},
		"$recursiveRef": {check: refuseDynamic}, "$recursiveAnchor": {check: refuseDynamic},
		"pattern": {check: checkPattern}, "format": {check: checkFormat}, "required": {check: noteRequired},
		"uniqueItems": {check: checkUnique},
	}
	for _, name := range strings.Fields(`type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum
		dependentRequired title description default deprecated readOnly writeOnly examples $comment
		contentEncoding contentMediaType`) {
		keywords[name] = keyword{}
	}
	for _, name := range strings.Fields("minLength maxLength minItems maxItems minContains maxContains minProperties maxProperties") {
		keywords[name] = keyword{check: checkCount}
	}
}

// checkCount wants counts that fit the library's, which cuts larger ones.
func checkCount(w *walker, n *node, key string, v value.Value) bool {
	if order, ok := value.Compare(v, value.Int(1<<31)); ok && order >= 0 {
		w.r.fault(child(n.path, key), "must be below 2147483648")
		return false
	}
	return true
}

// checkUnique does the metaschema's part, which does not see this keyword.
func checkUnique(w *walker, n *node, key string, v value.Value) bool {
	if v.Kind() != value.KindBool {
		w.r.fault(child(n.path, key), "must be true or false")
	}
	return true
}

// dialects are the names of the one that there is.
var dialects = []string{
	"https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#",
	"http://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft/2020-12/schema#",
}

// checkDialect keeps $schema from the library, which would load it.
func checkDialect(w *walker, n *node, key string, v value.Value) bool {
	if v.Kind() != value.KindString || !slices.Contains(dialects, v.Text()) {
		w.r.fault(child(n.path, key), "must be %s: there is no other dialect", dialects[0])
	}
	return false
}

// checkID lets the whole schema have a name, which means nothing: a reference
// names no schema.
func checkID(w *walker, n *node, key string, v value.Value) bool {
	if n.pointer != "" || v.Kind() != value.KindString {
		w.r.fault(child(n.path, key), "a schema inside of a schema has no $id; use $anchor")
	}
	return false
}

func refuseDynamic(w *walker, n *node, key string, _ value.Value) bool {
	w.r.fault(child(n.path, key), "is not supported; use $ref and $anchor")
	return false
}

func checkAnchor(w *walker, n *node, key string, v value.Value) bool {
	if v.Kind() != value.KindString {
		return true // the metaschema tells
	}
	if _, twice := w.byAnchor[v.Text()]; twice {
		w.r.fault(child(n.path, key), "there is another anchor %s", quoted(v.Text()))
		return false
	}
	w.byAnchor[v.Text()] = n
	return true
}

func checkRef(w *walker, n *node, _ string, v value.Value) bool {
	if v.Kind() == value.KindString {
		n.ref = v.Text()
		w.refs = append(w.refs, n)
	}
	return true
}

// target is what a reference leads to. It never leaves the schema.
func (w *walker) target(ref string) (*node, string) {
	outside, fragment, _ := strings.Cut(ref, "#")
	if outside != "" {
		return nil, "leads out of this schema: " + quoted(ref) + "; only #/... and #anchor are followed"
	}
	fragment, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, "is no reference: " + quoted(ref)
	}
	target, there := w.byPointer[fragment]
	if fragment != "" && fragment[0] != '/' {
		target, there = w.byAnchor[fragment]
	}
	if !there {
		return nil, "leads to no schema: " + quoted(ref)
	}
	return target, ""
}

func checkPattern(w *walker, n *node, key string, v value.Value) bool {
	if v.Kind() == value.KindString {
		w.pattern(n, v.Text(), child(n.path, key))
	}
	return true
}

// formats are those that are asserted.
var formats = []string{"email", "uuid", "date", "date-time", "uri"}

func checkFormat(w *walker, n *node, key string, v value.Value) bool {
	if v.Kind() != value.KindString || slices.Contains(formats, v.Text()) {
		return true
	}
	w.r.warn(child(n.path, key), "is not checked; checked are %s", strings.Join(formats, ", "))
	return false
}

func noteRequired(_ *walker, n *node, _ string, v value.Value) bool {
	for _, item := range v.Items() {
		if item.Kind() == value.KindString {
			n.required = append(n.required, item.Text())
		}
	}
	return true
}
