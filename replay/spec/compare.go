package spec

import (
	"fmt"

	"github.com/stet-db/stet/replay/value"
)

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
// about them. The order is that of the later text, then what is gone. Parts
// that say the same in other words are taken as changed.
func Compare(before, after *Spec) []Change {
	c := comparison{}
	c.members("aggregate_types", before.part("aggregate_types"), after.part("aggregate_types"), c.typ)
	c.whole("agent_types", before.part("agent_types"), after.part("agent_types"), Change{})
	c.members("routes", before.part("routes"), after.part("routes"), func(path, _ string, old, now value.Value) {
		c.whole(path, old, now, Change{})
	})
	return c.changes
}

func (s *Spec) part(name string) value.Value { return s.root.Field(name) }

type comparison struct{ changes []Change }

// members compares the members of two objects by their names.
func (c *comparison) members(path string, old, now value.Value, each func(path, name string, old, now value.Value)) {
	for name, part := range now.Fields() {
		each(child(path, name), name, old.Field(name), part)
	}
	for name, part := range old.Fields() {
		if now.Field(name).Kind() == value.KindNone {
			each(child(path, name), name, part, value.Value{})
		}
	}
}

// whole notes what became of one part, and tells whether there is something to
// compare inside.
func (c *comparison) whole(path string, old, now value.Value, about Change) {
	about.Path = path
	switch {
	case old.Kind() == value.KindNone && now.Kind() == value.KindNone:
		return
	case old.Kind() == value.KindNone:
		about.Kind = Added
	case now.Kind() == value.KindNone:
		about.Kind = Removed
	case value.Equal(old, now):
		return
	default:
		about.Kind = Changed
	}
	c.changes = append(c.changes, about)
}

func (c *comparison) typ(path, name string, old, now value.Value) {
	about := Change{Type: name}
	switch {
	case old.Kind() == value.KindNone:
		c.whole(path, old, now, about)
		return
	case now.Kind() == value.KindNone:
		about.Incompatible = "events of this type are no longer understood"
		c.whole(path, old, now, about)
		return
	}
	c.whole(child(path, "snapshot_every"), old.Field("snapshot_every"), now.Field("snapshot_every"), about)
	id := about
	if now.Field("id").Kind() != value.KindNone {
		id.Incompatible = "aggregates whose id is no UUID can no longer be written to"
	}
	c.whole(child(path, "id"), old.Field("id"), now.Field("id"), id)
	c.members(child(path, "events"), old.Field("events"), now.Field("events"), func(path, event string, old, now value.Value) {
		c.event(path, Change{Type: name, Event: event}, old, now)
	})
}

func (c *comparison) event(path string, about Change, old, now value.Value) {
	switch {
	case old.Kind() == value.KindNone:
		c.whole(path, old, now, about)
		return
	case now.Kind() == value.KindNone:
		about.Incompatible = "such events are skipped when state is derived"
		c.whole(path, old, now, about)
		return
	}
	for _, name := range eventParts {
		part := about
		if was, is := version(old), version(now); name == "version" && is < was {
			part.Incompatible = fmt.Sprintf("events of version %d are newer than the specification knows", was)
		}
		c.whole(child(path, name), old.Field(name), now.Field(name), part)
	}
}

func version(event value.Value) int64 {
	if n, ok := event.Field("version").Int64(); ok {
		return n
	}
	return 1
}
