package spec

import (
	"strings"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// maxPath is the length of the longest path of a route.
const maxPath = 256

func (r *reader) routes(v value.Value) {
	if v.Kind() == value.KindNone || !r.object(v, "routes") {
		return
	}
	for path, part := range v.Fields() {
		at := child("routes", path)
		if problem := r.pathProblem(path); problem != "" {
			r.fault(at, "%s", problem)
		}
		if r.object(part, at, "type", "event", "id", "bare", "actor") {
			r.spec.byPath[path] = len(r.spec.routes)
			r.spec.routes = append(r.spec.routes, r.route(path, part, at))
		}
	}
}

// pathProblem keeps routes out of each other's way and out of the way of what
// is served anyhow.
func (r *reader) pathProblem(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return "a path begins with /"
	case len(path) > maxPath:
		return "a path has at most 256 bytes"
	case strings.HasPrefix(path, "/_"):
		return "paths that begin with /_ are kept for the server"
	}
	for i := range len(path) {
		if path[i] != '/' && !idBytes[path[i]] {
			return "a path is made of / and letters, digits and . _ ~ : @ + = - |"
		}
	}
	parts := strings.Split(path[1:], "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "a path has no empty part and none that is . or .."
		}
	}
	if r.isType(parts[0]) {
		return "begins with the aggregate type " + quoted(parts[0])
	}
	return ""
}

func (r *reader) route(path string, v value.Value, at string) Route {
	out := Route{Path: path}
	typ, hasType := r.needs(v, "type", at)
	event, hasEvent := r.needs(v, "event", at)
	out.Type, out.Event = typ.Text(), event.Text()
	switch {
	case hasType && (typ.Kind() != value.KindString || !r.isType(out.Type)):
		r.fault(child(at, "type"), "there is no aggregate type %s", quoted(out.Type))
	case hasType && hasEvent && (event.Kind() != value.KindString || !r.isEvent(out.Type, out.Event)):
		r.fault(child(at, "event"), "%s has no event %s", out.Type, quoted(out.Event))
	}
	if id, ok := r.needs(v, "id", at); ok {
		out.ID = r.fromData(id, child(at, "id"))
		if e := r.declared(out.Type, out.Event); e != nil {
			r.lintTemplate(e, out.ID)
		}
	}
	switch bare := v.Field("bare"); bare.Kind() {
	case value.KindNone, value.KindBool:
		out.Bare = bare.Truth()
	default:
		r.fault(child(at, "bare"), "must be true or false")
	}
	actor := v.Field("actor")
	if actor.Kind() != value.KindNone {
		out.Actor = r.actor(actor, child(at, "actor"))
	} else if out.Bare && len(r.spec.agentTypes) > 0 {
		r.fault(at, `lacks "actor": agent_types makes it mandatory, and a bare body has none`)
	}
	return out
}

// declared is an event that was read already.
func (r *reader) declared(typ, event string) *Event {
	if t := r.spec.byName[typ]; t != nil {
		return t.byName[event]
	}
	return nil
}

// fromData is a template that is used before there is an event, so it sees
// the data only.
func (r *reader) fromData(v value.Value, path string) *tick.Template {
	r.onlyOf(v, path, "a route")
	return r.template(v, path, 0)
}

func (r *reader) actor(v value.Value, path string) *Actor {
	if !r.object(v, path, "type", "id") {
		return nil
	}
	out := new(Actor)
	if typ, ok := r.needs(v, "type", path); ok {
		at := child(path, "type")
		out.Type = r.fromData(typ, at)
		if name, plain := literal(typ); plain && !r.spec.HasAgentType(name) {
			r.fault(at, "%s is none of agent_types", quoted(name))
		}
	}
	if id, ok := r.needs(v, "id", path); ok {
		out.ID = r.fromData(id, child(path, "id"))
	}
	return out
}
