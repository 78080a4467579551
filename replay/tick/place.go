package tick

import "github.com/stet-db/stet/internal/strictjson"

// place is where something stands in the specification. It is spelt out only
// for a fault or a warning: a specification of long keys has long paths, and
// spelling all of them would take more than linear time.
type place struct {
	parent *place
	key    string // empty for an item; the path of the whole at the top
	index  int
}

// longestKey is how much of a key a path shows.
const longestKey = 128

func (p *place) child(key string) *place { return &place{parent: p, key: key} }

func (p *place) element(i int) *place { return &place{parent: p, index: i} }

func (p *place) String() string {
	switch {
	case p.parent == nil:
		return p.key
	case p.key == "":
		return strictjson.Element(p.parent.String(), p.index)
	}
	return strictjson.Child(p.parent.String(), clipped(p.key))
}
