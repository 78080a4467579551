package value

import "cmp"

// branch is a node of a weight-balanced search tree over the keys: neither
// side weighs more than three times the other (and one), so no key is far.
// A change makes the nodes on the way to it new and shares all others. The
// shape depends on what was done, and nothing that can be seen depends on the
// shape.
type branch struct {
	placedMember
	left, right *branch
	count       int
	depth       int // the deepest value's
}

// placedMember is a member and its place in the order of its object.
type placedMember struct {
	Member
	place uint64
}

// The balance: how many times heavier one side may be, and from which ratio of
// its inner to its outer half on a heavy side takes a double rotation.
const (
	treeDelta = 3
	treeRatio = 2
)

func newBranch(m placedMember, left, right *branch) *branch {
	b := &branch{placedMember: m, left: left, right: right, count: 1 + left.weight() + right.weight(), depth: m.Value.Depth()}
	if left != nil {
		b.depth = max(b.depth, left.depth)
	}
	if right != nil {
		b.depth = max(b.depth, right.depth)
	}
	return b
}

// newTree is balanced. The members are sorted by key, and there is at least one
// at the top.
func newTree(members []placedMember) *branch {
	if len(members) == 0 {
		return nil
	}
	half := len(members) / 2
	return newBranch(members[half], newTree(members[:half]), newTree(members[half+1:]))
}

func (b *branch) weight() int {
	if b == nil {
		return 0
	}
	return b.count
}

func (b *branch) get(key Key) (Value, bool) {
	for b != nil {
		switch order := cmp.Compare(key.text, b.Key.text); {
		case order < 0:
			b = b.left
		case order > 0:
			b = b.right
		default:
			return b.Value, true
		}
	}
	return Value{}, false
}

// set keeps the old place of a key that is there.
func (b *branch) set(m placedMember) *branch {
	if b == nil {
		return newBranch(m, nil, nil)
	}
	switch order := cmp.Compare(m.Key.text, b.Key.text); {
	case order < 0:
		return balanced(b.placedMember, b.left.set(m), b.right)
	case order > 0:
		return balanced(b.placedMember, b.left, b.right.set(m))
	}
	m.place = b.place
	return newBranch(m, b.left, b.right)
}

// without takes out a key, which is there.
func (b *branch) without(key Key) *branch {
	switch order := cmp.Compare(key.text, b.Key.text); {
	case order < 0:
		return balanced(b.placedMember, b.left.without(key), b.right)
	case order > 0:
		return balanced(b.placedMember, b.left, b.right.without(key))
	}
	switch {
	case b.left == nil:
		return b.right
	case b.right == nil:
		return b.left
	case b.left.count > b.right.count:
		last := b.left
		for last.right != nil {
			last = last.right
		}
		return balanced(last.placedMember, b.left.without(last.Key), b.right)
	default:
		first := b.right
		for first.left != nil {
			first = first.left
		}
		return balanced(first.placedMember, b.left, b.right.without(first.Key))
	}
}

// balanced joins two sides of which one may be one member out of balance.
func balanced(m placedMember, left, right *branch) *branch {
	l, r := left.weight(), right.weight()
	switch {
	case l+r <= 1:
	case r > treeDelta*l:
		if right.left.weight() < treeRatio*right.right.weight() {
			return newBranch(right.placedMember, newBranch(m, left, right.left), right.right)
		}
		inner := right.left
		return newBranch(inner.placedMember, newBranch(m, left, inner.left), newBranch(right.placedMember, inner.right, right.right))
	case l > treeDelta*r:
		if left.right.weight() < treeRatio*left.left.weight() {
			return newBranch(left.placedMember, left.left, newBranch(m, left.right, right))
		}
		inner := left.right
		return newBranch(inner.placedMember, newBranch(left.placedMember, left.left, inner.left), newBranch(m, inner.right, right))
	}
	return newBranch(m, left, right)
}

// collect appends all members in the order of their keys.
func (b *branch) collect(dst []placedMember) []placedMember {
	if b == nil {
		return dst
	}
	dst = append(b.left.collect(dst), b.placedMember)
	return b.right.collect(dst)
}
