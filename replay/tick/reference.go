package tick

import (
	"slices"
	"strings"
)

// reference is a path that is read: where it begins, and the way from there.
type reference struct {
	root     root
	field    field // of the event, where that is the root
	slot     int   // of the name, where that is the root
	path     []segment
	optional bool
	missing  *fault
}

type root uint8

const (
	rootEvent root = iota
	rootState
	rootItem
	rootName
)

// Read is a path under $.data that a handler needs or may do without.
type Read struct {
	// Path is where in the data, as keys and places; empty for all of it.
	Path []string
	// Optional tells that the handler says what to do without the value: by
	// ?, a default, or an exists.
	Optional bool
	place    *place
}

// Place leads to the path in the specification.
func (r Read) Place() string { return r.place.String() }

// beginsPath tells strings that are paths, or faults, from other ones.
func (c *compiler) beginsPath(s string) bool {
	switch s {
	case "@":
		return c.scope.state
	case "%":
		return c.scope.item
	}
	return len(s) > 1 && s[1] == '.' && strings.IndexByte("$@%#", s[0]) >= 0
}

// reference reads a path that begins like one.
func (c *compiler) reference(s string, at *place) reference {
	r := reference{missing: &fault{MissingValue, "there is no " + clipped(s)}}
	way := ""
	if len(s) > 1 {
		way = s[2:]
	}
	if strings.HasSuffix(way, "?") {
		r.optional, way = true, way[:len(way)-1]
	}
	if way == "" && len(s) > 1 {
		c.fault(at, "the path "+quoted(s)+" names nothing")
		return r
	}
	path, problem := splitPath(way)
	if problem != "" {
		c.fault(at, problem+": "+quoted(s))
		return r
	}
	r.path = path
	switch s[0] {
	case '$':
		c.eventRoot(&r, s, strings.Split(way, "."), at)
	case '@':
		r.root = rootState
		if !c.scope.state {
			c.fault(at, "@ means nothing here: "+quoted(s))
		}
	case '%':
		r.root = rootItem
		if !c.scope.item {
			c.fault(at, "% means nothing outside filter, map, update_where and for_each: "+quoted(s))
		}
	case '#':
		c.nameRoot(&r, s, at)
	}
	return r
}

// eventRoot finds the field of the event that a path begins with.
func (c *compiler) eventRoot(r *reference, s string, parts []string, at *place) {
	r.root = rootEvent
	known := 1
	r.field = eventFields[parts[0]]
	if parts[0] == "metadata" {
		r.field = metadata
		if len(parts) > 1 {
			known, r.field = 2, metadataFields[parts[1]]
		}
		if len(parts) > 2 && parts[1] == "actor" {
			known, r.field = 3, actorFields[parts[2]]
		}
	}
	if r.field == nil || len(r.path) > known && !hasParts(parts) {
		c.fault(at, "an event has no "+quoted(s))
		return
	}
	r.path = r.path[known:]
	if parts[0] == "data" {
		c.reads = append(c.reads, Read{slices.Clone(parts[1:]), r.optional || c.lenient > 0, at})
	}
}

// hasParts tells which fields of an event a path may go into.
func hasParts(parts []string) bool {
	return parts[0] == "data" || parts[0] == "metadata" && (parts[1] == "tags" || parts[1] == "extra")
}

func (c *compiler) nameRoot(r *reference, s string, at *place) {
	r.root = rootName
	if len(r.path) == 0 {
		return // reported before
	}
	name := r.path[0].key.String()
	r.path = r.path[1:]
	for i := len(c.names) - 1; i >= 0; i-- {
		if c.names[i] == name {
			r.slot = i
			return
		}
	}
	c.fault(at, "no let around binds "+quoted(s))
}

// follow gives what a path leads to.
func (m *machine) follow(r *reference) (Value, *fault) {
	var v Value
	switch r.root {
	case rootEvent:
		if m.event != nil {
			v = r.field(m.event)
		}
	case rootState:
		v = m.state
	case rootItem:
		v = m.item
	case rootName:
		v = m.names[r.slot]
	}
	v, there := m.find(v, r.path)
	switch {
	case there:
		return v, nil
	case m.meter.Out():
		return Value{}, outOfSteps
	case r.optional:
		return Value{}, absent
	}
	return Value{}, r.missing
}
