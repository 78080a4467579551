package pebblestore

import (
	"strings"
	"sync"

	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// namesCached bounds the rows of names in each of two generations, some 10 MiB
// in all.
const namesCached = 32 << 10

// names remembers rows of names that were found. Such a row is written once and
// never changed, so what was found stays true; what was not found is not
// remembered. It keeps two generations: what is used moves to the young one,
// and when that is full the old one is dropped.
type names struct {
	mu         sync.Mutex
	young, old map[string]rows.Name
}

func (n *names) get(name string) (rows.Name, bool) {
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

func (n *names) put(name string, row rows.Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.putLocked(name, row)
}

func (n *names) putLocked(name string, row rows.Name) {
	if len(n.young) >= namesCached || n.young == nil {
		n.young, n.old = make(map[string]rows.Name), n.young
	}
	n.young[strings.Clone(name)] = row // a caller's name may lie in its buffer
}
