package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// maxTold bounds the faults and the warnings that are told.
const maxTold = 1000

// Parse reads a specification, bare or as {"spec": {...}}. There is a Spec, or
// at least one fault; warnings come with a Spec only. The text is copied.
func Parse(text []byte) (*Spec, []Fault, []Warning) {
	if len(text) > MaxBytes {
		return nil, []Fault{{"", fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), MaxBytes)}}, nil
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, []Fault{unreadable(err)}, nil
	}
	r := reader{spec: &Spec{text: string(text), byName: map[string]*Type{}, byPath: map[string]int{}}}
	r.specification(r.unwrapped(v))
	if len(r.faults) > 0 {
		return nil, capped(r.faults, func(n int) Fault {
			return Fault{"", fmt.Sprintf("and %d faults more", n)}
		}), nil
	}
	return r.spec, nil, capped(r.warnings, func(n int) Warning {
		return Warning{"", fmt.Sprintf("and %d warnings more", n)}
	})
}

// unreadable says where a text is no strict JSON. Its path begins in the
// specification like any other.
func unreadable(err error) Fault {
	var e *value.ParseError
	if !errors.As(err, &e) {
		return Fault{"", err.Error()}
	}
	path := strings.TrimPrefix(strings.TrimPrefix(e.Path, "spec"), ".")
	return Fault{path, fmt.Sprintf("%s at byte %d", e.Problem, e.Offset)}
}

func capped[T any](all []T, rest func(n int) T) []T {
	if len(all) <= maxTold {
		return all
	}
	return append(all[:maxTold:maxTold], rest(len(all)-maxTold))
}

// reader walks a specification once, goes on after a fault to find all of
// them, and fills in the Spec, which is thrown away if there is one.
type reader struct {
	spec     *Spec
	types    value.Value // all aggregate types, to look names up
	faults   []Fault
	warnings []Warning
}

func (r *reader) fault(path, format string, a ...any) {
	r.faults = append(r.faults, Fault{path, fmt.Sprintf(format, a...)})
}

func (r *reader) warn(path, format string, a ...any) {
	r.warnings = append(r.warnings, Warning{path, fmt.Sprintf(format, a...)})
}

// compiled takes over what package tick found.
func (r *reader) compiled(faults []tick.Fault) {
	for _, f := range faults {
		r.faults = append(r.faults, Fault(f))
	}
}

func (r *reader) unwrapped(v value.Value) value.Value {
	inner := v.Field("spec")
	if inner.Kind() == value.KindNone {
		return v
	}
	for key := range v.Fields() {
		if key != "spec" {
			r.fault(child("", key), `stands beside "spec", which stands alone`)
		}
	}
	return inner
}

func (r *reader) specification(v value.Value) {
	if !r.object(v, "", "aggregate_types", "agent_types", "routes") {
		return
	}
	r.spec.root = v
	r.types = v.Field("aggregate_types")
	r.agents(v.Field("agent_types"))
	if r.types.Kind() == value.KindNone {
		r.fault("", `lacks "aggregate_types"`)
	} else if r.object(r.types, "aggregate_types") {
		for name, part := range r.types.Fields() {
			r.aggregate(name, part, child("aggregate_types", name))
		}
	}
	r.routes(v.Field("routes"))
}

var (
	typeName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)
	eventName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

const (
	typeNameRule  = "a name is a letter and up to 63 letters, digits and underscores more"
	eventNameRule = "a name is a letter or underscore and up to 63 letters, digits and underscores more"
)

func (r *reader) agents(v value.Value) {
	if v.Kind() == value.KindNone || !r.array(v, "agent_types") {
		return
	}
	for i, item := range v.Items() {
		at, name := element("agent_types", i), item.Text()
		switch {
		case item.Kind() != value.KindString || !typeName.MatchString(name):
			r.fault(at, "%s", typeNameRule)
		case slices.Contains(r.spec.agentTypes, name):
			r.fault(at, "stands in the list already")
		default:
			r.spec.agentTypes = append(r.spec.agentTypes, name)
		}
	}
}

func (r *reader) aggregate(name string, v value.Value, path string) {
	if !typeName.MatchString(name) {
		r.fault(path, "%s", typeNameRule)
	}
	if !r.object(v, path, "events", "snapshot_every", "id") {
		return
	}
	t := &Type{name: name, byName: map[string]*Event{}, hash: hashOf(name, v)}
	r.spec.types = append(r.spec.types, t)
	r.spec.byName[name] = t
	t.snapshotEvery = int(r.number(v.Field("snapshot_every"), child(path, "snapshot_every"), 1_000_000, 0))
	switch id := v.Field("id"); {
	case id.Kind() == value.KindNone:
	case id.Kind() == value.KindString && id.Text() == "uuid":
		t.uuid = true
	default:
		r.fault(child(path, "id"), `is "uuid", or is left out`)
	}
	events, at := v.Field("events"), child(path, "events")
	if events.Kind() == value.KindNone {
		r.fault(path, `lacks "events"`)
		return
	}
	if !r.object(events, at) {
		return
	}
	if events.Len() == 0 {
		r.warn(at, "no event can happen to this type")
	}
	for name, part := range events.Fields() {
		e := r.event(name, part, child(at, name))
		t.events = append(t.events, e)
		t.byName[name] = e
	}
}

// object tells whether v is an object, and faults what it must not have. No
// names: any may be there.
func (r *reader) object(v value.Value, path string, names ...string) bool {
	if v.Kind() != value.KindObject {
		r.fault(path, "must be an object")
		return false
	}
	for key := range v.Fields() {
		if len(names) > 0 && !slices.Contains(names, key) {
			r.fault(child(path, key), "there is no such member; there are %s", strings.Join(names, ", "))
		}
	}
	return true
}

func (r *reader) array(v value.Value, path string) bool {
	if v.Kind() != value.KindArray {
		r.fault(path, "must be an array")
		return false
	}
	return true
}

// number is a whole number from 1 to most, or what stands for none.
func (r *reader) number(v value.Value, path string, most, none int64) int64 {
	n, whole := v.Int64()
	switch {
	case v.Kind() == value.KindNone:
		return none
	case !whole || n < 1 || n > most:
		r.fault(path, "must be a whole number from 1 to %d", most)
		return none
	}
	return n
}

// needs is a member that must be there.
func (r *reader) needs(v value.Value, name, path string) (value.Value, bool) {
	member := v.Field(name)
	if member.Kind() == value.KindNone {
		r.fault(path, "lacks %q", name)
		return member, false
	}
	return member, true
}

// isEvent tells whether the specification declares an event, whatever is in it.
func (r *reader) isEvent(typ, event string) bool {
	return r.types.Field(typ).Field("events").Field(event).Kind() != value.KindNone
}

func (r *reader) isType(name string) bool {
	return r.types.Field(name).Kind() != value.KindNone
}

// literal is a string that stands for itself, and no path.
func literal(v value.Value) (string, bool) {
	s := v.Text()
	path := s == "@" || s == "%" || len(s) > 1 && s[1] == '.' && strings.IndexByte("$@%#", s[0]) >= 0
	return s, v.Kind() == value.KindString && !path
}

// quoted shows a text from a specification, cut where it is long.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

func child(path, key string) string     { return strictjson.Child(path, key) }
func element(path string, i int) string { return strictjson.Element(path, i) }
