package spec

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// maxVersion bounds the chain of upcasts.
const maxVersion = 1000

// maxRequires bounds the conditions of one event.
const maxRequires = 100

// eventParts are the members of an event's declaration.
var eventParts = []string{"schema", "handler", "require", "implies", "version", "upcast"}

func (r *reader) event(name string, v value.Value, path string) *Event {
	e := &Event{name: name, version: 1, place: path}
	if !eventName.MatchString(name) {
		r.fault(path, "%s", eventNameRule)
	}
	r.lintName(name, path)
	if !r.object(v, path, eventParts...) {
		return e
	}
	if part := v.Field("schema"); part.Kind() != value.KindNone {
		e.schema = r.schema(part, child(path, "schema"))
	}
	r.handler(e, v.Field("handler"), child(path, "handler"))
	if part := v.Field("require"); part.Kind() != value.KindNone {
		r.requires(e, part, child(path, "require"))
	}
	if part := v.Field("implies"); part.Kind() != value.KindNone {
		r.implies(e, part, child(path, "implies"))
	}
	e.version = uint32(r.number(v.Field("version"), child(path, "version"), maxVersion, 1))
	r.upcasts(e, v.Field("upcast"), path)
	return e
}

func (r *reader) handler(e *Event, v value.Value, path string) {
	if v.Kind() == value.KindNone {
		r.warn(e.place, `has no handler, so it changes no state; "handler": [] says that this is meant`)
		return
	}
	program, faults := tick.Compile(v, path)
	r.compiled(faults)
	if program != nil && !program.Empty() {
		e.program = program
		r.lintReads(e, program.Reads())
	}
}

func (r *reader) requires(e *Event, v value.Value, path string) {
	if !r.array(v, path) {
		return
	}
	if v.Len() > maxRequires {
		r.fault(path, "has %d conditions, at most %d are allowed", v.Len(), maxRequires)
		return
	}
	for i, item := range v.Items() {
		if at := element(path, i); r.object(item, at, "that", "of", "code", "error", "status") {
			e.requires = append(e.requires, r.require(item, at))
		}
	}
}

var codeWord = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// maxSentence bounds the text of an error.
const maxSentence = 1000

func (r *reader) require(v value.Value, path string) Require {
	var out Require
	if that, ok := r.needs(v, "that", path); ok {
		out.That = r.predicate(that, child(path, "that"), tick.ScopeState)
	}
	if of := v.Field("of"); of.Kind() != value.KindNone {
		out.Of = r.other(of, child(path, "of"))
	}
	if code, ok := r.needs(v, "code", path); ok {
		out.Code = code.Text()
		if code.Kind() != value.KindString || !codeWord.MatchString(out.Code) {
			r.fault(child(path, "code"), "must be a word like INSUFFICIENT_FUNDS, of at most 64 characters")
		}
	}
	switch sentence := v.Field("error"); {
	case sentence.Kind() == value.KindNone:
		out.Error = "the rule " + out.Code + " refuses this event"
	case sentence.Kind() != value.KindString || sentence.Text() == "" || len(sentence.Text()) > maxSentence:
		r.fault(child(path, "error"), "must be a sentence of at most %d bytes", maxSentence)
	default:
		out.Error = sentence.Text()
	}
	out.Status = r.status(v.Field("status"), child(path, "status"))
	return out
}

func (r *reader) status(v value.Value, path string) int {
	if v.Kind() == value.KindNone {
		return 422
	}
	switch n, _ := v.Int64(); n { // 0 when it is no number
	case 401, 403, 409, 422:
		return int(n)
	}
	r.fault(path, "must be 401, 403, 409 or 422")
	return 0
}

// other is the aggregate whose state is asked for.
func (r *reader) other(v value.Value, path string) *Aggregate {
	if !r.object(v, path, "type", "id") {
		return nil
	}
	out := new(Aggregate)
	if typ, ok := r.needs(v, "type", path); ok {
		at := child(path, "type")
		out.Type = r.template(typ, at, tick.ScopeState)
		r.knownType(typ, at)
	}
	if id, ok := r.needs(v, "id", path); ok {
		out.ID = r.template(id, child(path, "id"), tick.ScopeState)
	}
	return out
}

func (r *reader) implies(e *Event, v value.Value, path string) {
	if !r.array(v, path) {
		return
	}
	if v.Len() > MaxImplied {
		r.fault(path, "has %d events, at most %d are allowed", v.Len(), MaxImplied)
		return
	}
	for i, item := range v.Items() {
		if at := element(path, i); r.object(item, at, "for_each", "when", "type", "id", "event", "data") {
			e.implies = append(e.implies, r.imply(e, item, at))
		}
	}
}

func (r *reader) imply(e *Event, v value.Value, path string) Imply {
	var out Imply
	var scope tick.Scope
	if each := v.Field("for_each"); each.Kind() != value.KindNone {
		out.ForEach = r.template(each, child(path, "for_each"), 0)
		r.lintTemplate(e, out.ForEach)
		scope = tick.ScopeItem
	}
	if when := v.Field("when"); when.Kind() != value.KindNone {
		out.When = r.predicate(when, child(path, "when"), scope)
	}
	part := func(name string) *tick.Template {
		member, ok := r.needs(v, name, path)
		if !ok {
			return nil
		}
		t := r.template(member, child(path, name), scope)
		r.lintTemplate(e, t)
		return t
	}
	out.Type, out.ID, out.Event, out.Data = part("type"), part("id"), part("event"), part("data")
	r.target(v.Field("type"), v.Field("event"), path)
	switch v.Field("data").Kind() {
	case value.KindNone, value.KindObject, value.KindString:
		// A string must be a path, or there is never an object.
		if s, plain := literal(v.Field("data")); plain {
			r.fault(child(path, "data"), "makes the string %s; the data of an event is an object", quoted(s))
		}
	default:
		r.fault(child(path, "data"), "the data of an event is an object")
	}
	return out
}

// target checks the type and event that are to be written, as far as they are
// written out. Those that are computed can only be checked then.
func (r *reader) target(typ, event value.Value, path string) {
	r.knownType(typ, child(path, "type"))
	if event.Kind() == value.KindNone {
		return // reported
	}
	name, plain := literal(event)
	if !plain {
		if event.Kind() != value.KindString && event.Kind() != value.KindObject {
			r.fault(child(path, "event"), "must be the name of an event, or a path to it")
		}
		return
	}
	if t, known := literal(typ); known {
		if r.isType(t) && !r.isEvent(t, name) {
			r.fault(child(path, "event"), "%s has no event %s", t, quoted(name))
		}
		if r.types.Field(t).Field("events").Field(name).Field("implies").Len() > 0 {
			r.warn(child(path, "event"), "%s implies events itself, which are not written when it is implied", name)
		}
		return
	}
	for t := range r.types.Fields() {
		if r.isEvent(t, name) {
			return
		}
	}
	r.fault(child(path, "event"), "no type has an event %s", quoted(name))
}

func (r *reader) knownType(v value.Value, path string) {
	name, plain := literal(v)
	switch {
	case plain && !r.isType(name):
		r.fault(path, "there is no aggregate type %s", quoted(name))
	case v.Kind() != value.KindNone && v.Kind() != value.KindString && v.Kind() != value.KindObject:
		r.fault(path, "must be the name of an aggregate type, or a path to it")
	}
}

func (r *reader) predicate(v value.Value, path string, scope tick.Scope) *tick.Predicate {
	p, faults := tick.CompilePredicate(v, path, scope)
	r.compiled(faults)
	return p
}

func (r *reader) template(v value.Value, path string, scope tick.Scope) *tick.Template {
	t, faults := tick.CompileTemplate(v, path, scope)
	r.compiled(faults)
	return t
}

// upcasts wants one step from each older version, and nothing else.
func (r *reader) upcasts(e *Event, v value.Value, path string) {
	at := child(path, "upcast")
	if v.Kind() == value.KindNone {
		if e.version > 1 {
			r.fault(path, `lacks "upcast" from version 1 to %d`, e.version)
		}
		return
	}
	if !r.object(v, at) {
		return
	}
	for key := range v.Fields() {
		n, err := strconv.Atoi(key)
		if err != nil || strconv.Itoa(n) != key || n < 1 || n >= int(e.version) {
			r.fault(child(at, key), "must be an older version than the present %d, from 1", e.version)
		}
	}
	for n := 1; n < int(e.version); n++ {
		key := strconv.Itoa(n)
		step := v.Field(key)
		if step.Kind() == value.KindNone {
			r.fault(at, "lacks the step from version %d to %d", n, n+1)
			continue
		}
		program, faults := tick.Compile(step, child(at, key))
		r.compiled(faults)
		r.onlyOf(step, child(at, key), "an upcast")
		e.upcasts = append(e.upcasts, program)
	}
}

// onlyOf faults paths to what there is not where only data is: an upcast must
// give the same for the same data, and a route makes the id that the event
// will have.
func (r *reader) onlyOf(v value.Value, path, who string) {
	switch v.Kind() {
	case value.KindString:
		s := v.Text()
		if strings.HasPrefix(s, "$.") && !strings.HasPrefix(s+".", "$.data.") && s != "$.data?" {
			r.fault(path, "%s sees the data only, not %s", who, quoted(s))
		}
	case value.KindArray:
		for i, item := range v.Items() {
			r.onlyOf(item, element(path, i), who)
		}
	case value.KindObject:
		for key, inner := range v.Fields() {
			if key != "$literal" {
				r.onlyOf(inner, child(path, key), who)
			}
		}
	}
}
