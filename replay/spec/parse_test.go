package spec

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// S0.3: the specification of the seed, byte for byte.
func TestTheCartOfTheSeedIsAccepted(t *testing.T) {
	text := example(t, "cart.json")
	s, faults, warnings := Parse(text)
	if s == nil || len(faults) > 0 || len(warnings) > 0 {
		t.Fatalf("faults %v, warnings %v", faults, warnings)
	}
	if !bytes.Equal(s.Text(), text) {
		t.Error("the text is not given back as it came")
	}
	cart, _ := s.Type("cart")
	if names := namesOf(cart); !slices.Equal(names, []string{"was_created", "had_item_added", "was_checked_out"}) {
		t.Errorf("events %v", names)
	}
	if !slices.Equal(s.AgentTypes(), []string{"user", "admin"}) {
		t.Errorf("agent types %v", s.AgentTypes())
	}
	out, _ := cart.Event("was_checked_out") // S0.4: it has no schema
	if out.Program() == nil || out.Version() != 1 || len(out.CheckData(data(t, `{"anything": [1]}`))) > 0 {
		t.Error("an event without a schema takes any object")
	}
	created, _ := cart.Event("was_created") // S0.4: the schema asks for an object only
	if faults := created.CheckData(data(t, `{}`)); len(faults) > 0 {
		t.Errorf("{} is refused: %v", faults)
	}
}

func namesOf(t *Type) []string {
	var out []string
	for _, e := range t.Events() {
		out = append(out, e.Name())
	}
	return out
}

func TestEachExampleIsAcceptedWithoutWarning(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if s, faults, warnings := Parse(example(t, filepath.Base(file))); s == nil || len(warnings) > 0 {
			t.Errorf("%s: faults %v, warnings %v", file, faults, warnings)
		}
	}
}

func TestASpecificationMayBeWrapped(t *testing.T) {
	bare := string(example(t, "cart.json"))
	wrapped := `{"spec": ` + bare + `}`
	a, b := parsed(t, bare), parsed(t, wrapped)
	x, _ := a.Type("cart")
	y, _ := b.Type("cart")
	if x.Hash() != y.Hash() || len(Compare(a, b)) > 0 {
		t.Error("the wrapping changes what is specified")
	}
	if string(b.Text()) != wrapped {
		t.Error("the text is not given back as it came")
	}
}

// faultCases are specifications with their faults, as path: problem lines.
var faultCases = []struct{ name, text, want string }{
	{"no JSON", `{"aggregate_types": }`, `aggregate_types: `},
	{"a name twice", `{"aggregate_types": {"a": {"events": {}}, "a": {"events": {}}}}`, `aggregate_types: second key "a"`},
	{"a name twice, wrapped", `{"spec": {"aggregate_types": {"a": 1, "a": 2}}}`, `aggregate_types: second key "a"`},
	{"a number out of bounds", withEvent(`"handler": {"set": {"target": "a", "value": 1e-10000000}}`), `aggregate_types.t.events.x.handler.set.value: exponent outside`},
	{"another value", `[]`, `must be an object`},
	{"nothing", `{}`, `lacks "aggregate_types"`},
	{"types that are no object", `{"aggregate_types": []}`, `aggregate_types: must be an object`},
	{"an unknown part", `{"aggregate_types": {}, "agents": []}`, `agents: there is no such member; there are aggregate_types, agent_types, routes`},
	{"another case", `{"Aggregate_types": {}}`, "Aggregate_types: there is no such member; there are aggregate_types, agent_types, routes\nlacks \"aggregate_types\""},
	{"something beside the wrapped", `{"spec": {"aggregate_types": {}}, "force": true}`, `force: stands beside "spec", which stands alone`},
	{"a type's name", `{"aggregate_types": {"a-b": {"events": {}}}}`, `aggregate_types.a-b: a name is a letter`},
	{"a type's name with a dot", `{"aggregate_types": {"a.b": {"events": {}}}}`, `aggregate_types["a.b"]: a name is a letter`},
	{"a type that is no object", `{"aggregate_types": {"t": []}}`, `aggregate_types.t: must be an object`},
	{"a type without events", `{"aggregate_types": {"t": {}}}`, `aggregate_types.t: lacks "events"`},
	{"events that are a list", `{"aggregate_types": {"t": {"events": []}}}`, `aggregate_types.t.events: must be an object`},
	{"an unknown part of a type", `{"aggregate_types": {"t": {"events": {}, "event": 1}}}`, `aggregate_types.t.event: there is no such member`},
	{"snapshots at no number", `{"aggregate_types": {"t": {"events": {}, "snapshot_every": "100"}}}`, `aggregate_types.t.snapshot_every: must be a whole number from 1 to 1000000`},
	{"snapshots at zero", `{"aggregate_types": {"t": {"events": {}, "snapshot_every": 0}}}`, `aggregate_types.t.snapshot_every: must be a whole`},
	{"snapshots too seldom", `{"aggregate_types": {"t": {"events": {}, "snapshot_every": 1000001}}}`, `aggregate_types.t.snapshot_every: must be a whole`},
	{"an unknown rule for ids", `{"aggregate_types": {"t": {"events": {}, "id": "ulid"}}}`, `aggregate_types.t.id: is "uuid", or is left out`},
	{"an event's name", `{"aggregate_types": {"t": {"events": {"a b": {}}}}}`, `aggregate_types.t.events["a b"]: a name is a letter or underscore`},
	{"an event that is no object", `{"aggregate_types": {"t": {"events": {"x": null}}}}`, `aggregate_types.t.events.x: must be an object`},
	{"an unknown part of an event", withEvent(`"handlers": []`), `aggregate_types.t.events.x.handlers: there is no such member; there are schema, handler, require, implies, version, upcast`},
	{"a handler that is none", withEvent(`"handler": 7`), `aggregate_types.t.events.x.handler: needs an operation`},
	{"an unknown operation", withEvent(`"handler": [{"set": {"target": "a", "value": 1}}, {"sett": {}}]`), `aggregate_types.t.events.x.handler[1].sett: there is no operation`},
	{"an unknown form", withEvent(`"handler": {"set": {"target": "a", "value": {"$mull": [1, 2]}}}`), `aggregate_types.t.events.x.handler.set.value.$mull: there is no form`},
	{"an unknown root", withEvent(`"handler": {"set": {"target": "a", "value": "$.dato"}}`), `aggregate_types.t.events.x.handler.set.value: an event has no`},

	{"require that is no list", withEvent(`"require": {}`), `aggregate_types.t.events.x.require: must be an array`},
	{"a condition that is no object", withEvent(`"require": [1]`), `aggregate_types.t.events.x.require[0]: must be an object`},
	{"an empty condition", withEvent(`"require": [{}]`), "aggregate_types.t.events.x.require[0]: lacks \"that\"\naggregate_types.t.events.x.require[0]: lacks \"code\""},
	{"an unknown predicate", withEvent(`"require": [{"that": {"eq": [1, 2]}, "code": "A"}]`), `aggregate_types.t.events.x.require[0].that.eq: there is no predicate`},
	{"an item without a list", withEvent(`"require": [{"that": {"exists": "%.a"}, "code": "A"}]`), `aggregate_types.t.events.x.require[0].that.exists: % means nothing`},
	{"a code in lower case", withEvent(`"require": [{"that": {"exists": "@.a"}, "code": "no_funds"}]`), `aggregate_types.t.events.x.require[0].code: must be a word`},
	{"a status that is none", withEvent(`"require": [{"that": {"exists": "@.a"}, "code": "A", "status": 500}]`), `aggregate_types.t.events.x.require[0].status: must be 401, 403, 409 or 422`},
	{"a status in quotes", withEvent(`"require": [{"that": {"exists": "@.a"}, "code": "A", "status": "403"}]`), `aggregate_types.t.events.x.require[0].status: must be`},
	{"an empty sentence", withEvent(`"require": [{"that": {"exists": "@.a"}, "code": "A", "error": ""}]`), `aggregate_types.t.events.x.require[0].error: must be a sentence`},
	{"another part of a condition", withEvent(`"require": [{"that": {"exists": "@.a"}, "code": "A", "message": "x"}]`), `aggregate_types.t.events.x.require[0].message: there is no such`},
	{"another aggregate without an id", withEvent(`"require": [{"of": {"type": "t"}, "that": {"exists": "@.a"}, "code": "A"}]`), `aggregate_types.t.events.x.require[0].of: lacks "id"`},
	{"another aggregate of no type", withEvent(`"require": [{"of": {"type": "u", "id": "$.id"}, "that": {"exists": "@.a"}, "code": "A"}]`), `aggregate_types.t.events.x.require[0].of.type: there is no aggregate type "u"`},
	{"another aggregate of a number", withEvent(`"require": [{"of": {"type": 1, "id": "$.id"}, "that": {"exists": "@.a"}, "code": "A"}]`), `aggregate_types.t.events.x.require[0].of.type: must be the name`},
	{"another aggregate that is a text", withEvent(`"require": [{"of": "u", "that": {"exists": "@.a"}, "code": "A"}]`), `aggregate_types.t.events.x.require[0].of: must be an object`},
	{"too many conditions", withEvent(`"require": [` + strings.Repeat(`1,`, 100) + `1]`), `aggregate_types.t.events.x.require: has 101 conditions, at most 100`},

	{"implies that is no list", withEvent(`"implies": {}`), `aggregate_types.t.events.x.implies: must be an array`},
	{"an empty implied event", withEvent(`"implies": [{}]`), strings.TrimSpace(strings.Repeat("aggregate_types.t.events.x.implies[0]: lacks \n", 4))},
	{"an implied event of no type", withEvent(`"implies": [{"type": "u", "id": "1", "event": "x", "data": {}}]`), `aggregate_types.t.events.x.implies[0].type: there is no aggregate type "u"`},
	{"an implied event that is none", withEvent(`"implies": [{"type": "t", "id": "1", "event": "y", "data": {}}]`), `aggregate_types.t.events.x.implies[0].event: t has no event "y"`},
	{"an implied event of no type at all", withEvent(`"implies": [{"type": "$.data.a", "id": "1", "event": "y", "data": {}}]`), `aggregate_types.t.events.x.implies[0].event: no type has an event "y"`},
	{"an implied event of a number", withEvent(`"implies": [{"type": "t", "id": "1", "event": 1, "data": {}}]`), `aggregate_types.t.events.x.implies[0].event: must be the name`},
	{"an implied event's data", withEvent(`"implies": [{"type": "t", "id": "1", "event": "x", "data": []}]`), `aggregate_types.t.events.x.implies[0].data: the data of an event is an object`},
	{"an implied event's data as a text", withEvent(`"implies": [{"type": "t", "id": "1", "event": "x", "data": "data"}]`), `aggregate_types.t.events.x.implies[0].data: makes the string "data"`},
	{"an item without for_each", withEvent(`"implies": [{"type": "t", "id": "%.a", "event": "x", "data": {}}]`), `aggregate_types.t.events.x.implies[0].id: % means nothing`},
	{"a state in implies", withEvent(`"implies": [{"type": "t", "id": "@.a", "event": "x", "data": {}}]`), `aggregate_types.t.events.x.implies[0].id: @ means nothing`},
	{"too many implied events", withEvent(`"implies": [` + strings.Repeat(`1,`, 100) + `1]`), `aggregate_types.t.events.x.implies: has 101 events, at most 100`},

	{"a version that is no number", withEvent(`"version": "2"`), `aggregate_types.t.events.x.version: must be a whole number from 1 to 1000`},
	{"a version without a way to it", withEvent(`"version": 2`), `aggregate_types.t.events.x: lacks "upcast" from version 1 to 2`},
	{"a way with a gap", withEvent(`"version": 3, "upcast": {"1": []}`), `aggregate_types.t.events.x.upcast: lacks the step from version 2 to 3`},
	{"a way too far", withEvent(`"version": 2, "upcast": {"1": [], "2": []}`), `aggregate_types.t.events.x.upcast.2: must be an older version than the present 2`},
	{"a way from nowhere", withEvent(`"version": 2, "upcast": {"1": [], "01": [], "v1": []}`), "aggregate_types.t.events.x.upcast.01: must be\naggregate_types.t.events.x.upcast.v1: must be"},
	{"a way without a version", withEvent(`"upcast": {"1": []}`), `aggregate_types.t.events.x.upcast.1: must be an older version than the present 1`},
	{"ways that are a list", withEvent(`"version": 2, "upcast": []`), `aggregate_types.t.events.x.upcast: must be an object`},
	{"a faulty way", withEvent(`"version": 2, "upcast": {"1": {"seth": {}}}`), `aggregate_types.t.events.x.upcast.1.seth: there is no operation`},
	{"a way that asks for the event", withEvent(`"version": 2, "upcast": {"1": {"set": {"target": "a", "value": ["$.id"]}}}`), `aggregate_types.t.events.x.upcast.1.set.value[0]: an upcast sees the data only, not "$.id"`},

	{"agents that are no list", `{"aggregate_types": {}, "agent_types": "user"}`, `agent_types: must be an array`},
	{"agents", `{"aggregate_types": {}, "agent_types": ["user", "", 1, "user"]}`, "agent_types[1]: a name is\nagent_types[2]: a name is\nagent_types[3]: stands in the list already"},

	{"routes that are a list", routed(`[]`), `routes: must be an object`},
}

// routed is a specification with routes to event x of type t.
func routed(routes string) string {
	return `{"aggregate_types": {"t": {"events": {"x": {"handler": []}}}}, "agent_types": ["user"], "routes": ` + routes + `}`
}

func init() {
	const good = `"type": "t", "event": "x", "id": "$.data.id"`
	for _, c := range [][2]string{
		{"", `a path begins with /`},
		{"api", `a path begins with /`},
		{"/_/spec", `paths that begin with /_ are kept`},
		{"/_x", `paths that begin with /_ are kept`},
		{"/t", `begins with the aggregate type "t"`},
		{"/t/1/x", `begins with the aggregate type "t"`},
		{"/", `a path has no empty part`},
		{"/a/", `a path has no empty part`},
		{"/a//b", `a path has no empty part`},
		{"/a/../b", `a path has no empty part`},
		{"/a?b", `a path is made of`},
		{"/ä", `a path is made of`},
		{"/%74/1/x", `a path is made of`},
		{"/" + long256, `a path has at most 256 bytes`},
	} {
		faultCases = append(faultCases, struct{ name, text, want string }{
			"the path " + c[0], routed(fmt.Sprintf(`{%q: {%s}}`, c[0], good)), child("routes", c[0]) + ": " + c[1],
		})
	}
	for _, c := range [][2]string{
		{`1`, `: must be an object`},
		{`{}`, ": lacks \"type\"\n: lacks \"event\"\n: lacks \"id\""},
		{`{` + good + `, "method": "PUT"}`, `.method: there is no such member`},
		{`{"type": "u", "event": "x", "id": "1"}`, `.type: there is no aggregate type "u"`},
		{`{"type": 1, "event": "x", "id": "1"}`, `.type: there is no aggregate type "1"`},
		{`{"type": "t", "event": "y", "id": "1"}`, `.event: t has no event "y"`},
		{`{"type": "t", "event": "x", "id": "@.a"}`, `.id: @ means nothing`},
		{`{"type": "t", "event": "x", "id": "$.id"}`, `.id: a route sees the data only, not "$.id"`},
		{`{` + good + `, "bare": 1}`, `.bare: must be true or false`},
		{`{` + good + `, "bare": true}`, `: lacks "actor"`},
		{`{` + good + `, "actor": "user"}`, `.actor: must be an object`},
		{`{` + good + `, "actor": {}}`, ".actor: lacks \"type\"\n.actor: lacks \"id\""},
		{`{` + good + `, "actor": {"type": "robot", "id": "1"}}`, `.actor.type: "robot" is none of agent_types`},
	} {
		faultCases = append(faultCases, struct{ name, text, want string }{
			"the route " + c[0], routed(`{"/api/1.0/x": ` + c[0] + `}`),
			`routes["/api/1.0/x"]` + strings.ReplaceAll(c[1], "\n", "\n"+`routes["/api/1.0/x"]`),
		})
	}
}

var long256 = strings.Repeat("a", 256)

func TestEachFaultIsToldWithItsPath(t *testing.T) {
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			s, faults, warnings := Parse([]byte(c.text))
			if s != nil || len(warnings) > 0 {
				t.Fatal("there is a specification, or a warning, beside faults")
			}
			sameFaults(t, faults, c.want)
		})
	}
}

// sameFaults wants one line for each fault, of which the end may be missing.
func sameFaults[T error](t *testing.T, faults []T, want string) {
	t.Helper()
	lines := strings.Split(want, "\n")
	if len(lines) != len(faults) {
		t.Fatalf("faults\n%s\nwant\n%s", joined(faults), want)
	}
	for i, line := range lines {
		if !strings.HasPrefix(faults[i].Error(), line) {
			t.Errorf("fault %q, want %q", faults[i], line)
		}
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	_, faults, _ := Parse([]byte(`{
		"aggregate_types": {
			"a-b": {"events": {"x": {"schema": {"type": "strin"}, "handler": [{"sett": {}}, {"set": {}}]}}},
			"c": {"events": {"y z": {"require": [{"code": "a"}]}}, "id": 1}
		},
		"agent_types": [1],
		"routes": {"a": {}}
	}`))
	for _, path := range []string{
		"agent_types[0]", "aggregate_types.a-b", "aggregate_types.a-b.events.x.schema.type",
		"aggregate_types.a-b.events.x.handler[0].sett", "aggregate_types.a-b.events.x.handler[1].set",
		"aggregate_types.c.id", `aggregate_types.c.events["y z"]`, `aggregate_types.c.events["y z"].require[0]`,
		`aggregate_types.c.events["y z"].require[0].code`, "routes.a",
	} {
		if !slices.ContainsFunc(faults, func(f Fault) bool { return f.Path == path }) {
			t.Errorf("no fault at %s among\n%s", path, joined(faults))
		}
	}
}

func TestTheSizeOfASpecificationIsBounded(t *testing.T) {
	text := `{"aggregate_types": {}}`
	if _, faults, _ := Parse([]byte(text + strings.Repeat(" ", MaxBytes-len(text)))); len(faults) > 0 {
		t.Errorf("at the limit: %v", faults)
	}
	_, faults, _ := Parse([]byte(text + strings.Repeat(" ", MaxBytes-len(text)+1)))
	sameFaults(t, faults, "has 1048577 bytes, at most 1048576 are allowed")
}

func TestTheNumberOfFaultsIsBounded(t *testing.T) {
	_, faults, _ := Parse([]byte(`{"aggregate_types": {}, "agent_types": [` + strings.Repeat("1,", 4999) + `1]}`))
	if len(faults) != maxTold+1 || faults[maxTold].Problem != "and 4000 faults more" {
		t.Errorf("%d faults, the last is %q", len(faults), faults[len(faults)-1])
	}
}
