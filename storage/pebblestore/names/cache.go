package names

import (
	"strings"
	"sync"

	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// limit bounds each of the two generations, some 10 MiB in all.
const limit = 32 << 10

// cache remembers rows of names that were found. It keeps two generations: what
// is used moves to the young one, and when that is full the old one is dropped.
// The zero value is empty and ready.
type cache struct {
	mu         sync.Mutex
	young, old map[string]rows.Name
}

// get is the row of a name that was put and is still remembered.
func (n *cache) get(name string) (rows.Name, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if row, ok := n.young[name]; ok {
		return row, true
	}
	row, ok := n.old[name]
	if ok {
		n.putLocked(name, row)
	}
	return row, ok
}

// put remembers the row of a name. The name is copied.
func (n *cache) put(name string, row rows.Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.putLocked(name, row)
}

func (n *cache) putLocked(name string, row rows.Name) {
	if len(n.young) >= limit || n.young == nil {
		n.young, n.old = make(map[string]rows.Name), n.young
	}
	n.young[strings.Clone(name)] = row // a caller's name may lie in its buffer
}
