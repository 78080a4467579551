package names

import (
	"sync/atomic"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// Names is what is remembered of a store's names. It is safe for concurrent use;
// make it with [New].
type Names struct {
	found  cache
	filter *filter // nil: nobody adds names
	// learned is true when every name that has a row is in filter.
	learned  atomic.Bool
	learning learning
}

// New remembers nothing yet. written tells that rows of names may be added; then
// [Names.Learn] may be called.
func New(written bool) *Names {
	n := &Names{}
	if written {
		n.filter = newFilter()
	}
	return n
}

// Get tells where a name leads; found is false when it has no row. It is known
// only when found before, or when all names were learned.
func (n *Names) Get(name string) (row rows.Name, found, known bool) {
	if row, found = n.found.get(name); found {
		return row, true, true
	}
	return row, false, n.learned.Load() && n.filter.lacks(name)
}

// Found remembers the row of a name, which must never change. The name is
// copied.
func (n *Names) Found(name string, row rows.Name) { n.found.put(name, row) }

// Add tells of a name that gets a row, before anybody may find that.
func (n *Names) Add(name string) {
	if !mutant.On(mutant.NameUnlearned) {
		n.filter.add(name)
	}
}
