package spec

import (
	"slices"

	"github.com/stet-db/stet/replay/value"
)

// Limits of what a schema may cost. Without them a few references make a
// schema that looks at each value more often than there are atoms.
const (
	// maxExpanded bounds the schemas that look at values, counted once for
	// each way that leads to them.
	maxExpanded = maxNodes
	// maxInPlace is how deep schemas for the same value may nest.
	maxInPlace = 100
	// maxVisits bounds the looks along one path through data.
	maxVisits = 10_000
	// maxProgram bounds the instructions of regular expressions likewise.
	maxProgram = 100_000
)

// expansion is a schema as it unfolds over data.
type expansion struct {
	// at are, for each node that looks at values of its own, all nodes that
	// then look at the same value; one that is reached twice counts twice.
	at    map[*node][]*node
	order []*node // of at
	size  int
}

// expand unfolds a schema, or says why it cannot be.
func expand(root *node) (*expansion, string) {
	x := &expansion{at: map[*node][]*node{}}
	pending := []*node{root}
	for len(pending) > 0 {
		n := pending[0]
		pending = pending[1:]
		if _, done := x.at[n]; done || n == nil {
			continue
		}
		u := unfolding{x: x, on: map[*node]bool{}}
		if problem := u.unfold(n); problem != "" {
			return nil, problem
		}
		x.at[n] = u.nodes
		x.order = append(x.order, n)
		for _, part := range u.nodes {
			pending = append(pending, part.inside()...)
		}
	}
	return x, ""
}

// unfolding gathers the nodes for one value.
type unfolding struct {
	x     *expansion
	nodes []*node
	on    map[*node]bool // on the way here
}

func (u *unfolding) unfold(n *node) string {
	switch {
	case u.on[n]:
		return "leads back to itself without going into the data: " + n.path
	case len(u.on) >= maxInPlace:
		return "has references and combinations that nest too deep: " + n.path
	case u.x.size >= maxExpanded:
		return "unfolds to more than 10000 schemas"
	}
	u.x.size++
	u.nodes = append(u.nodes, n)
	u.on[n] = true
	defer delete(u.on, n)
	for _, part := range n.inPlace() {
		if problem := u.unfold(part); problem != "" {
			return problem
		}
	}
	return ""
}

// inside are the nodes that look at values inside, in a fixed order.
func (n *node) inside() []*node {
	return slices.Concat([]*node{n.additional, n.rest, n.names}, n.everywhere, n.items, n.prefix, n.inOrder)
}

// most is the largest sum of what the nodes cost along one path through data
// that nests as deep as data can, given up when it is beyond the limit.
//
// A value is looked at once for each way through the schema that leads there.
// Ways part where two nodes look at the same value and go on to the same key.
// The ways through one key are the sum over the nodes; of several keys only
// one is on a path, so the dearest one counts.
func (x *expansion) most(root *node, cost func(*node) int, limit int) int {
	sums := make(map[*node]int, len(x.order))
	for range value.MaxNesting + 1 {
		next := make(map[*node]int, len(x.order))
		changed := false
		for _, n := range x.order {
			next[n] = min(x.path(n, cost, sums), 2*limit)
			changed = changed || next[n] != sums[n]
		}
		sums = next
		if !changed || sums[root] > limit {
			break
		}
	}
	return sums[root]
}

// path adds what the nodes for one value cost to the dearest way on.
func (x *expansion) path(n *node, cost func(*node) int, sums map[*node]int) int {
	own, other, rest := 0, 0, 0
	keys, places := map[string]int{}, map[int]int{} // beside other and rest
	for _, part := range x.at[n] {
		own += cost(part)
		for _, name := range x.at[part.names] {
			own += cost(name) // keys hold nothing
		}
		other += sums[part.additional]
		for _, e := range part.everywhere {
			other += sums[e]
		}
		for key, p := range part.properties {
			keys[key] += sums[p] - sums[part.additional]
		}
		rest += sums[part.rest]
		for _, e := range part.items {
			rest += sums[e]
		}
		for i, p := range part.prefix {
			places[i] += sums[p] - sums[part.rest]
		}
	}
	return own + max(other+dearest(keys), rest+dearest(places))
}

// dearest is 0 when all are cheaper than what has no name.
func dearest[K comparable](extra map[K]int) int {
	most := 0
	for _, n := range extra {
		most = max(most, n)
	}
	return most
}
