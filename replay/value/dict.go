package value

import (
	"cmp"
	"slices"
)

// fewMembers is the number of members up to which an object is a plain slice:
// copied whole at each change, searched from the front. Beyond it is a tree.
const fewMembers = 32

// dict is an object. It is immutable. Which of the two forms it has depends on
// the number of members alone, and its members have the order in which their
// keys came: so neither history nor a way through text shows.
type dict struct {
	count int
	size  int // of the JSON text
	depth int
	few   []Member
	many  *branch
	next  uint64 // the place of the next member, in the tree
}

// size is the length of the member's JSON text.
func (m Member) size() int { return len(m.Key.text) + len(`"":`) + m.Value.Size() }

var emptyDict = &dict{size: len("{}"), depth: 1}

// newDict takes the slice over. Its keys differ.
func newDict(members []Member) *dict {
	if len(members) == 0 {
		return emptyDict
	}
	d := &dict{count: len(members), size: len("{}") + len(members) - 1}
	for i := range members {
		d.size += members[i].size()
		d.depth = max(d.depth, members[i].Value.Depth())
	}
	d.depth++
	if len(members) <= fewMembers {
		d.few = members
		return d
	}
	d.next = uint64(len(members))
	placed := make([]placedMember, len(members))
	for i, m := range members {
		placed[i].Member, placed[i].place = m, uint64(i)
	}
	slices.SortFunc(placed, func(a, b placedMember) int { return cmp.Compare(a.Key.text, b.Key.text) })
	d.many = newTree(placed)
	return d
}

func (d *dict) get(key Key) (Value, bool) {
	if d.many != nil {
		return d.many.get(key)
	}
	for i := range d.few {
		if d.few[i].Key == key {
			return d.few[i].Value, true
		}
	}
	return Value{}, false
}

// ordered are all members, oldest first. Nobody may change the slice.
func (d *dict) ordered() []Member {
	if d.many == nil {
		return d.few
	}
	all := d.many.collect(make([]placedMember, 0, d.count))
	slices.SortFunc(all, func(a, b placedMember) int { return cmp.Compare(a.place, b.place) })
	out := make([]Member, len(all))
	for i := range all {
		out[i] = all[i].Member
	}
	return out
}

// set is the object with this member, in its old place if the key is there.
func (d *dict) set(key Key, v Value) *dict {
	old, there := d.get(key)
	if there && old == v { // one and the same, not only equal
		return d
	}
	m := Member{key, v}
	if !there && d.many == nil && d.count == fewMembers {
		return newDict(append(slices.Clone(d.few), m))
	}
	out := &dict{count: d.count, size: d.size, depth: d.depth, next: d.next}
	if there {
		out.size += v.Size() - old.Size()
	} else {
		out.size += m.size() + min(d.count, 1) // a comma but for the first
		out.count++
	}
	if d.many != nil {
		out.many = d.many.set(placedMember{m, d.next})
		out.next++
	} else {
		out.few = d.fewWith(m, there)
	}
	switch {
	case v.Depth() >= d.depth-1:
		out.depth = v.Depth() + 1
	case there && old.Depth() == d.depth-1:
		out.depth = out.deepest() + 1
	}
	return out
}

func (d *dict) fewWith(m Member, there bool) []Member {
	if !there {
		out := make([]Member, d.count+1)
		copy(out, d.few)
		out[d.count] = m
		return out
	}
	out := slices.Clone(d.few)
	for i := range out {
		if out[i].Key == m.Key {
			out[i].Value = m.Value
		}
	}
	return out
}

func (d *dict) deepest() int {
	if d.many != nil {
		return d.many.depth
	}
	deepest := 0
	for i := range d.few {
		deepest = max(deepest, d.few[i].Value.Depth())
	}
	return deepest
}

// without is the object without the key, which is there.
func (d *dict) without(key Key) *dict {
	if d.many == nil || d.count == fewMembers+1 {
		members := slices.Clone(d.ordered())
		return newDict(slices.DeleteFunc(members, func(m Member) bool { return m.Key == key }))
	}
	old, _ := d.get(key) // known to be there
	out := &dict{count: d.count - 1, next: d.next, many: d.many.without(key)}
	out.size = d.size - Member{key, old}.size() - 1
	out.depth = out.deepest() + 1
	return out
}

// merge is the object with all members of another one.
func (d *dict) merge(other *dict) *dict {
	if d.count == 0 {
		return other
	}
	if d.many != nil {
		for _, m := range other.ordered() {
			d = d.set(m.Key, m.Value)
		}
		return d
	}
	members := append(make([]Member, 0, d.count+other.count), d.few...)
	for _, m := range other.ordered() {
		i := slices.IndexFunc(members[:d.count], func(o Member) bool { return o.Key == m.Key })
		if i < 0 {
			members = append(members, m)
		} else {
			members[i].Value = m.Value
		}
	}
	return newDict(members)
}
