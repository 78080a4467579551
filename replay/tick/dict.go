package tick

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
	few   []member
	many  *branch
	next  uint64 // the place of the next member, in the tree
}

// member is a key, escaped as between the quotes of JSON, and its value.
type member struct {
	key   string
	value Value
}

// size is the length of the member's JSON text.
func (m member) size() int { return len(m.key) + len(`"":`) + m.value.Size() }

var emptyDict = &dict{size: len("{}"), depth: 1}

// newDict takes the slice over. Its keys differ.
func newDict(members []member) *dict {
	if len(members) == 0 {
		return emptyDict
	}
	d := &dict{count: len(members), size: len("{}") + len(members) - 1}
	for i := range members {
		d.size += members[i].size()
		d.depth = max(d.depth, members[i].value.depth())
	}
	d.depth++
	if len(members) <= fewMembers {
		d.few = members
		return d
	}
	d.next = uint64(len(members))
	placed := make([]placedMember, len(members))
	for i, m := range members {
		placed[i].member, placed[i].place = m, uint64(i)
	}
	slices.SortFunc(placed, func(a, b placedMember) int { return cmp.Compare(a.key, b.key) })
	d.many = newTree(placed)
	return d
}

func (d *dict) get(key string) (Value, bool) {
	if d.many != nil {
		return d.many.get(key)
	}
	for i := range d.few {
		if d.few[i].key == key {
			return d.few[i].value, true
		}
	}
	return Value{}, false
}

// ordered are all members, oldest first. Nobody may change the slice.
func (d *dict) ordered() []member {
	if d.many == nil {
		return d.few
	}
	all := d.many.collect(make([]placedMember, 0, d.count))
	slices.SortFunc(all, func(a, b placedMember) int { return cmp.Compare(a.place, b.place) })
	out := make([]member, len(all))
	for i := range all {
		out[i] = all[i].member
	}
	return out
}

// set is the object with this member, in its old place if the key is there.
func (d *dict) set(key string, v Value) *dict {
	old, there := d.get(key)
	m := member{key, v}
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
	case v.depth() >= d.depth-1:
		out.depth = v.depth() + 1
	case there && old.depth() == d.depth-1:
		out.depth = out.deepest() + 1
	}
	return out
}

func (d *dict) fewWith(m member, there bool) []member {
	if !there {
		out := make([]member, d.count+1)
		copy(out, d.few)
		out[d.count] = m
		return out
	}
	out := slices.Clone(d.few)
	for i := range out {
		if out[i].key == m.key {
			out[i].value = m.value
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
		deepest = max(deepest, d.few[i].value.depth())
	}
	return deepest
}

// without is the object without the key, which is there.
func (d *dict) without(key string) *dict {
	if d.many == nil || d.count == fewMembers+1 {
		members := slices.Clone(d.ordered())
		return newDict(slices.DeleteFunc(members, func(m member) bool { return m.key == key }))
	}
	old, _ := d.get(key) // known to be there
	out := &dict{count: d.count - 1, next: d.next, many: d.many.without(key)}
	out.size = d.size - member{key, old}.size() - 1
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
			d = d.set(m.key, m.value)
		}
		return d
	}
	members := append(make([]member, 0, d.count+other.count), d.few...)
	for _, m := range other.ordered() {
		i := slices.IndexFunc(members[:d.count], func(o member) bool { return o.key == m.key })
		if i < 0 {
			members = append(members, m)
		} else {
			members[i].value = m.value
		}
	}
	return newDict(members)
}
