package replay

import (
	"cmp"
	"slices"
)

// Effective puts events, which are in the order of their recording, into the
// order in which they count when the time of the facts decides: by that time,
// ties by version.
func Effective(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Effective(), b.Effective()) })
}
