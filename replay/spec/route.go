package spec

import "github.com/stet-db/stet/replay/tick"

// Route is an alias: a path that stands for one event.
type Route struct {
	// Path is the exact path of the request.
	Path string
	// Type and Event are names of the specification.
	Type, Event string
	// ID makes the id of the aggregate. It sees the event's data.
	ID *tick.Template
	// Bare means that the whole body is the data.
	Bare bool
	// Actor makes the actor; nil: it is in the body, or there is none.
	Actor *Actor
}

// Actor makes the type and id of an actor by templates, which see the data.
type Actor struct {
	Type, ID *tick.Template
}
