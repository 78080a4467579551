package value

import "sync/atomic"

// A list is a tree of leaves of 32 items, all full, and a tail of 1 to 32:
//
//	root  [ . . . ]          each node has up to 32 children
//	       |  \  \
//	      [32][32][32] tail [1..32]
//
// Appending fills the tail; a full one becomes a leaf. Replacing an item copies
// its leaf and the nodes above. Everything else is shared with the list before.
const (
	leafBits = 5
	leafSize = 1 << leafBits
	leafMask = leafSize - 1
)

// list is an array. All fields are immutable, and so is what they lead to,
// but for the unused end of the tail: see chunk.
type list struct {
	count int
	size  int // of the JSON text
	depth int
	shift int // bits of an index below the root's; 0 without a root
	root  *node
	tail  *chunk
}

// node is a leaf, with items, or has nodes below it.
type node struct {
	kids  []*node
	items []Value
	depth int // the deepest item's
}

// chunk is the tail of several lists, each using a prefix of it. The first
// used places are taken and never change again. A list may claim the place
// behind its own last one only while nobody else has: so two lists that grew
// from one never write to one place, in whatever goroutines they grow.
type chunk struct {
	used  atomic.Int32
	items []Value // as long as it has room
}

var emptyList = &list{size: len("[]"), depth: 1}

// newList takes the slice over.
func newList(items []Value) *list {
	if len(items) == 0 {
		return emptyList
	}
	l := &list{count: len(items), size: len("[]") + len(items) - 1}
	for _, v := range items {
		l.size += v.Size()
		l.depth = max(l.depth, v.Depth())
	}
	l.depth++
	start := l.tailStart()
	l.tail = &chunk{items: items[start:len(items):len(items)]}
	l.tail.used.Store(int32(len(items) - start))
	var level []*node
	for at := 0; at < start; at += leafSize {
		level = append(level, newLeaf(items[at:at+leafSize:at+leafSize]))
	}
	for len(level) > 0 {
		l.shift += leafBits
		var above []*node
		for at := 0; at < len(level); at += leafSize {
			end := min(at+leafSize, len(level))
			above = append(above, newNode(level[at:end:end]))
		}
		if level = above; len(level) == 1 {
			l.root = level[0]
			break
		}
	}
	return l
}

func newLeaf(items []Value) *node {
	n := &node{items: items}
	for _, v := range items {
		n.depth = max(n.depth, v.Depth())
	}
	return n
}

func newNode(kids []*node) *node {
	n := &node{kids: kids}
	for _, k := range kids {
		n.depth = max(n.depth, k.depth)
	}
	return n
}

// tailStart is the index of the tail's first item.
func (l *list) tailStart() int { return max(l.count-1, 0) &^ leafMask }

func (l *list) at(i int) Value {
	if i >= l.tailStart() {
		return l.tail.items[i&leafMask]
	}
	n := l.root
	for s := l.shift; s > 0; s -= leafBits {
		n = n.kids[i>>s&leafMask]
	}
	return n.items[i&leafMask]
}

// append is the list with one item more.
func (l *list) append(v Value) *list {
	out := &list{
		count: l.count + 1, size: l.size + v.Size(), depth: max(l.depth, v.Depth()+1),
		shift: l.shift, root: l.root, tail: l.tail,
	}
	if l.count == 0 {
		out.tail = grown(nil, v)
		return out
	}
	out.size++ // the comma
	start := l.tailStart()
	used := l.count - start
	switch {
	case used == leafSize:
		out.push(newLeaf(l.tail.items), start)
		out.tail = grown(nil, v)
	case used < len(l.tail.items) && l.tail.used.CompareAndSwap(int32(used), int32(used)+1):
		l.tail.items[used] = v
	default:
		out.tail = grown(l.tail.items[:used], v)
	}
	return out
}

// grown is a new chunk with the items and one more, and room.
func grown(items []Value, v Value) *chunk {
	c := &chunk{items: make([]Value, min(max(2*len(items), 4), leafSize))}
	copy(c.items, items)
	c.items[len(items)] = v
	c.used.Store(int32(len(items) + 1))
	return c
}

// push hangs a full leaf behind the others, while the list is being made.
func (l *list) push(leaf *node, start int) {
	switch {
	case l.root == nil:
		l.root, l.shift = newNode([]*node{leaf}), leafBits
	case start == 1<<(l.shift+leafBits):
		l.root = newNode([]*node{l.root, chain(leaf, l.shift)})
		l.shift += leafBits
	default:
		l.root = l.root.push(leaf, start, l.shift)
	}
}

func (n *node) push(leaf *node, start, shift int) *node {
	out := &node{kids: make([]*node, len(n.kids), len(n.kids)+1), depth: max(n.depth, leaf.depth)}
	copy(out.kids, n.kids)
	if k := start >> shift & leafMask; k < len(n.kids) {
		out.kids[k] = n.kids[k].push(leaf, start, shift-leafBits)
	} else {
		out.kids = append(out.kids, chain(leaf, shift-leafBits))
	}
	return out
}

// chain puts nodes with one child each above a leaf.
func chain(leaf *node, shift int) *node {
	for ; shift > 0; shift -= leafBits {
		leaf = newNode([]*node{leaf})
	}
	return leaf
}

// set is the list with item i replaced.
func (l *list) set(i int, v Value) *list {
	old := l.at(i)
	out := *l
	out.size += v.Size() - old.Size()
	if start := l.tailStart(); i >= start {
		out.tail = &chunk{items: append([]Value(nil), l.tail.items[:l.count-start]...)}
		out.tail.items[i-start] = v
		out.tail.used.Store(int32(l.count - start))
	} else {
		out.root = l.root.set(i, v, l.shift)
	}
	switch {
	case v.Depth() >= l.depth-1:
		out.depth = v.Depth() + 1
	case old.Depth() == l.depth-1:
		out.depth = out.deepest() + 1
	}
	return &out
}

// deepest looks at the tail and the root, which knows.
func (l *list) deepest() int {
	deepest := 0
	if l.root != nil {
		deepest = l.root.depth
	}
	for _, v := range l.tail.items[:l.count-l.tailStart()] {
		deepest = max(deepest, v.Depth())
	}
	return deepest
}

func (n *node) set(i int, v Value, shift int) *node {
	if shift == 0 {
		items := append([]Value(nil), n.items...)
		items[i&leafMask] = v
		return newLeaf(items)
	}
	kids := append([]*node(nil), n.kids...)
	k := i >> shift & leafMask
	kids[k] = kids[k].set(i, v, shift-leafBits)
	return newNode(kids)
}

// slice is a copy of all items.
func (l *list) slice() []Value {
	out := make([]Value, l.count)
	for i := range out {
		out[i] = l.at(i)
	}
	return out
}
