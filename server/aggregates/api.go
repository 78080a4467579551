package aggregates

import "github.com/stet-db/stet/replay/aggregate"

// API answers the calls of stet.v1.Aggregates. Its methods have the names of
// the calls. Safe for concurrent use.
type API struct {
	// Immutable.
	rules      *aggregate.Service
	isDraining func() bool
}

// New makes the answers of what the service says. From when on isDraining tells
// true, what would write is refused with storage.ErrShuttingDown.
func New(rules *aggregate.Service, isDraining func() bool) *API {
	return &API{rules: rules, isDraining: isDraining}
}
