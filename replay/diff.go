package replay

import (
	"strconv"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// Patch is a change as RFC 6902 has it, to be applied in order.
type Patch []Operation

// Operation is one part of a patch.
type Operation struct {
	// Op is add, remove or replace.
	Op string `json:"op"`
	// Path is a JSON Pointer (RFC 6901).
	Path string `json:"path"`
	// Value is what is added or takes the place; no value with remove.
	Value value.Value `json:"value,omitzero"`
}

// Diff is the change that makes one value of another. Numbers that are equal
// do not count as changed, however they are spelt. The same values give the
// same patch always. Items of arrays are matched from both ends, which finds
// what was appended, removed or replaced; a value that moved is removed and
// added.
func Diff(from, to value.Value) Patch {
	d := differ{patch: Patch{}}
	d.values("", from, to)
	return d.patch
}

type differ struct{ patch Patch }

func (d *differ) add(op, path string, v value.Value) {
	d.patch = append(d.patch, Operation{op, path, v})
}

func (d *differ) values(path string, from, to value.Value) {
	switch {
	case value.Equal(from, to):
	case from.IsObject() && to.IsObject():
		d.objects(path, from, to)
	case from.IsArray() && to.IsArray():
		d.arrays(path, from, to)
	default:
		d.add("replace", path, to)
	}
}

func (d *differ) objects(path string, from, to value.Value) {
	for key, old := range from.Members() {
		if present, ok := to.Member(key); ok {
			d.values(path+"/"+pointerToken(key.String()), old, present)
		} else {
			d.add("remove", path+"/"+pointerToken(key.String()), value.Value{})
		}
	}
	for key, present := range to.Members() {
		if _, ok := from.Member(key); !ok {
			d.add("add", path+"/"+pointerToken(key.String()), present)
		}
	}
}

func (d *differ) arrays(path string, from, to value.Value) {
	n, m := from.Len(), to.Len()
	start := 0
	for start < n && start < m && value.Equal(from.At(start), to.At(start)) {
		start++
	}
	end := 0 // how many at the end are equal
	for end < n-start && end < m-start && value.Equal(from.At(n-1-end), to.At(m-1-end)) {
		end++
	}
	item := func(i int) string { return path + "/" + strconv.Itoa(i) }
	both := min(n, m) - end
	for i := start; i < both; i++ {
		d.values(item(i), from.At(i), to.At(i))
	}
	for i := n - end - 1; i >= both; i-- {
		d.add("remove", item(i), value.Value{})
	}
	for i := both; i < m-end; i++ {
		d.add("add", item(i), to.At(i))
	}
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointerToken is a key as a part of a JSON Pointer.
func pointerToken(key string) string {
	if !strings.ContainsAny(key, "~/") {
		return key
	}
	return pointerEscapes.Replace(key)
}
