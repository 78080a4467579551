package spec

// ChangeKind says what became of a part.
type ChangeKind string

// The kinds.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is a difference between two specifications.
type Change struct {
	// Path leads to the part.
	Path string
	Kind ChangeKind
	// Type and Event are whose part it is; empty where it is none's.
	Type, Event string
	// Incompatible is not empty when what was written before suffers, and says
	// how. Whether anything was written is for others to find out.
	Incompatible string
}

// Compare lists what differs, part by part: types, events, and what is said
// about them. The order is that of the new text, then what is gone.
func Compare(before, after *Spec) []Change { return nil }
