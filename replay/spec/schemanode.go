package spec

// node is one schema inside of a schema: what is known of it before the
// library compiles it.
type node struct {
	path    string // in the specification
	pointer string // in the schema, as of RFC 6901
	ref     string
	visit   int // what one look at it costs; an ordinary schema is 1
	program int // instructions of its regular expressions

	// What looks at the same value.
	all  []*node   // allOf, and what a ref leads to
	any  [][]*node // anyOf and oneOf
	also []*node   // the rest: it says nothing of what must be there

	// What looks at a value inside of an object.
	properties map[string]*node
	inOrder    []*node // properties, as they came
	additional *node   // at the others
	everywhere []*node // perhaps at all of them
	names      *node   // at the keys
	required   []string

	// What looks at a value inside of an array.
	prefix []*node
	rest   *node   // at the others
	items  []*node // perhaps at all of them
}

// inPlace are the nodes that look at the same value.
func (n *node) inPlace() []*node {
	if len(n.any) == 0 && len(n.also) == 0 {
		return n.all
	}
	out := append([]*node(nil), n.all...)
	for _, alternatives := range n.any {
		out = append(out, alternatives...)
	}
	return append(out, n.also...)
}

// requires tells whether data that matches must have what is at the end of the
// path. A place in an array is taken as there.
func (n *node) requires(path []string, depth int) bool {
	if len(path) == 0 {
		return true
	}
	if n == nil || depth > maxInPlace {
		return false
	}
	for _, r := range n.required {
		if r == path[0] && (len(path) == 1 || n.within(path[0]).requires(path[1:], 0)) {
			return true
		}
	}
	if len(path) > 0 && (n.rest != nil || len(n.prefix) > 0) {
		return true // of an array nobody knows the length
	}
	for _, part := range n.all {
		if part.requires(path, depth+1) {
			return true
		}
	}
	for _, alternatives := range n.any {
		if allRequire(alternatives, path, depth+1) {
			return true
		}
	}
	return false
}

func allRequire(alternatives []*node, path []string, depth int) bool {
	for _, a := range alternatives {
		if !a.requires(path, depth) {
			return false
		}
	}
	return len(alternatives) > 0
}

func (n *node) within(key string) *node {
	if p, ok := n.properties[key]; ok {
		return p
	}
	return n.additional
}
