package spec

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// S4.2, S3.4: ids of others, UUIDs of any version.
func TestIDsAreHeldToTheRuleOfTheirType(t *testing.T) {
	s := parsed(t, `{"aggregate_types": {"any": {"events": {}}, "strict": {"events": {}, "id": "uuid"}}}`)
	anyID, _ := s.Type("any")
	strict, _ := s.Type("strict")
	for _, c := range []struct {
		t          *Type
		id, stored string
	}{
		{anyID, "auth0|123456", "auth0|123456"},
		{anyID, "01890A5D-AC96-774B-BCCE-B302099A8057", "01890A5D-AC96-774B-BCCE-B302099A8057"},
		{anyID, "a.b_c~d:e@f+g=h-1", "a.b_c~d:e@f+g=h-1"},
		{anyID, "...", "..."},
		{anyID, strings.Repeat("a", 256), strings.Repeat("a", 256)},
		{anyID, strings.Repeat("a", 257), ""},
		{anyID, "", ""},
		{anyID, ".", ""},
		{anyID, "..", ""},
		{anyID, "a/b", ""},
		{anyID, "a b", ""},
		{anyID, "a%2Fb", ""},
		{anyID, "ä", ""},
		{anyID, "a\x00", ""},
		{anyID, "$x", ""},
		{anyID, "a?b", ""},
		{anyID, "\xff", ""},
		{strict, "01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5d-ac96-774b-bcce-b302099a8057"},
		{strict, "550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
		{strict, "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
		{strict, "550e8400e29b41d4a716446655440000", ""},
		{strict, "", ""},
		{strict, "{550e8400-e29b-41d4-a716-446655440000}", ""},
		{strict, "550e8400-e29b-41d4-a716-44665544000g", ""},
		{strict, "auth0|123456", ""},
		{strict, "550e8400-e29b-41d4-a716-44665544000ſ", ""},
	} {
		stored, problem := c.t.CheckID(c.id)
		if stored != c.stored || (problem == "") != (c.stored != "") {
			t.Errorf("%s %q: %q, %q", c.t.Name(), c.id, stored, problem)
		}
	}
	if anyID.Stream("a-b") != "any-a-b" {
		t.Error(anyID.Stream("a-b"))
	}
}

func TestAConditionIsAsSpecified(t *testing.T) {
	s := parsed(t, withEvent(`"handler": [], "require": [
		{"that": {"gte": ["@.balance", "$.data.amount"]}, "code": "INSUFFICIENT_FUNDS", "error": "too little", "status": 409},
		{"that": {"equals": ["@.ok", true]}, "of": {"type": "t", "id": "@.other"}, "code": "B"}]`))
	e := theEvent(t, s)
	all := e.Requires()
	if len(all) != 2 || e.MaySkipExpectation() {
		t.Fatalf("%d conditions, may skip: %v", len(all), e.MaySkipExpectation())
	}
	if r := all[0]; r.Of != nil || r.Code != "INSUFFICIENT_FUNDS" || r.Error != "too little" || r.Status != 409 {
		t.Errorf("%+v", r)
	}
	if r := all[1]; r.Code != "B" || r.Error != "the rule B refuses this event" || r.Status != 422 {
		t.Errorf("%+v", r)
	}
	for amount, want := range map[string]bool{"100": true, "100.01": false} {
		scene := tick.Scene{State: data(t, `{"balance": 100}`), Event: &tick.Input{Data: data(t, `{"amount": `+amount+`}`)}}
		if holds, err := all[0].That.Holds(&scene, nil); err != nil || holds != want {
			t.Errorf("%s: %v, %v", amount, holds, err)
		}
	}
	id, err := all[1].Of.ID.Make(&tick.Scene{State: data(t, `{"other": "x"}`), Event: &tick.Input{}}, nil)
	if err != nil || id.Text() != "x" {
		t.Errorf("the other aggregate is %v, %v", id, err)
	}
	if e := theEvent(t, parsed(t, withEvent(`"handler": []`))); !e.MaySkipExpectation() {
		t.Error("an event that requires nothing may skip the expectation")
	}
}

// S4.15: one event that says what happened to several things.
func TestImpliedEventsAreMadeForEachItem(t *testing.T) {
	s := parsed(t, string(example(t, "several.json")))
	typ, _ := s.Type("update")
	e, _ := typ.Event("UserUpdated")
	payload := data(t, `{"user_id": "auth0|123456", "updated": [
		{"type": "MailingList", "_id": "aXd45", "email": "a@b.c"}, {"type": "User", "_id": "bgg7x", "email": "a@b.c"}]}`)
	if faults := e.CheckData(payload); len(faults) > 0 {
		t.Fatal(faults)
	}
	imply := e.Implies()[0]
	event := &tick.Input{Data: payload}
	items, err := imply.ForEach.Make(&tick.Scene{Event: event}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range items.Items() {
		line := ""
		for _, part := range []*tick.Template{imply.Type, imply.ID, imply.Event, imply.Data} {
			v, err := part.Make(&tick.Scene{Item: item, Event: event}, nil)
			if err != nil {
				t.Fatal(err)
			}
			line += v.String() + " "
		}
		got = append(got, line)
	}
	want := []string{
		`"MailingList" "aXd45" "had_email_changed" {"email":"a@b.c","user_id":"auth0|123456"} `,
		`"User" "bgg7x" "had_email_changed" {"email":"a@b.c","user_id":"auth0|123456"} `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("implied %q", got)
	}
}

// S4.1: endpoints are events.
func TestARouteMakesIDAndActorFromTheData(t *testing.T) {
	s := parsed(t, string(example(t, "users.json")))
	if len(s.Routes()) != 2 {
		t.Fatalf("%d routes", len(s.Routes()))
	}
	r, ok := s.Route("/api/1.0/userCreated")
	if !ok || r.Type != "user" || r.Event != "userCreated" || !r.Bare || r.Actor == nil {
		t.Fatalf("%+v, %v", r, ok)
	}
	scene := &tick.Scene{Event: &tick.Input{Data: data(t, `{"user_id": "auth0|123456"}`)}}
	for _, part := range []*tick.Template{r.ID, r.Actor.ID} {
		if v, err := part.Make(scene, nil); err != nil || v.Text() != "auth0|123456" {
			t.Errorf("%v, %v", v, err)
		}
	}
	if _, ok := s.Route("/api/1.0/userCreated/"); ok {
		t.Error("another path is taken for the route")
	}
}

// S1.21, S1.22.
func TestUpcastsAreChained(t *testing.T) {
	e := theEvent(t, parsed(t, withEvent(`"handler": [], "version": 3, "upcast": {
		"1": {"set": {"target": "email", "value": {"$default": ["@.email", null]}}},
		"2": [{"set": {"target": "name", "value": {"$concat": ["@.first", " ", "$.data.last"]}}}, {"remove": {"target": "first"}}]}`)))
	for _, c := range []struct {
		from       uint32
		data, want string
		warnings   int
	}{
		{0, `{"first": "A", "last": "B"}`, `{"last":"B","email":null,"name":"A B"}`, 0},
		{1, `{"first": "A", "last": "B"}`, `{"last":"B","email":null,"name":"A B"}`, 0},
		{2, `{"first": "A", "last": "B"}`, `{"last":"B","name":"A B"}`, 0},
		{3, `{"first": "A", "last": "B"}`, `{"first":"A","last":"B"}`, 0},
		{2, `{}`, `{}`, 2},
	} {
		got, warnings, err := e.Upcast(data(t, c.data), c.from)
		if err != nil || got.String() != c.want || len(warnings) != c.warnings {
			t.Errorf("%s from %d: %s, %v, %v", c.data, c.from, got, warnings, err)
		}
	}
	got, _, err := e.Upcast(data(t, `{"a": 1}`), 4)
	if newer, ok := err.(*NewerVersionError); !ok || newer.Present != 3 || got.String() != `{"a":1}` { //nolint:errorlint // not wrapped
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnUpcastThatMakesNoObjectIsSkipped(t *testing.T) {
	e := theEvent(t, parsed(t, withEvent(`"handler": [], "version": 2, "upcast": {"1": {"set": {"target": "", "value": 5}}}`)))
	got, warnings, err := e.Upcast(data(t, `{"a": 1}`), 1)
	if err != nil || got.String() != `{"a":1}` || len(warnings) != 1 || warnings[0].Path != "aggregate_types.t.events.x.upcast.1.set" {
		t.Errorf("%v, %v, %v", got, warnings, err)
	}
}

func TestTheHashIsThatOfTheTypesPart(t *testing.T) {
	hash := func(text, name string) [16]byte {
		typ, _ := parsed(t, text).Type(name)
		return typ.Hash()
	}
	one := `{"aggregate_types": {"a": {"events": {"x": {"handler": []}}}, "b": {"events": {}}}}`
	spaced := `{"aggregate_types":{"a":{"events":{"x":{"handler":[]}}},"b":{"events":{},"snapshot_every":5}},"agent_types":["user"]}`
	if hash(one, "a") != hash(spaced, "a") {
		t.Error("white space, or another part, changes the hash")
	}
	if hash(one, "b") == hash(spaced, "b") || hash(one, "a") == hash(one, "b") {
		t.Error("other parts have the same hash")
	}
	same := `{"aggregate_types": {"a": {"events": {}}, "b": {"events": {}}}}`
	if hash(same, "a") == hash(same, "b") {
		t.Error("types with equal parts have the same hash")
	}
	// What handlers do is part of it.
	text := fmt.Sprintf("stet aggregate type\n%d\na\n{\"events\":{}}", tick.Version)
	if sum := sha256.Sum256([]byte(text)); hash(same, "a") != [16]byte(sum[:]) {
		t.Errorf("the hash is not that of %q", text)
	}
}

func TestTwoSpecificationsAreCompared(t *testing.T) {
	before := parsed(t, `{"aggregate_types": {
		"kept": {"events": {"same": {"handler": []}, "gone": {"handler": []}, "older": {"handler": [], "version": 2, "upcast": {"1": []}},
			"shown": {"handler": {"set": {"target": "a", "value": 1}}}}},
		"lost": {"events": {"x": {"handler": []}}}},
		"routes": {"/a": {"type": "kept", "event": "same", "id": "1"}}}`)
	after := parsed(t, `{"aggregate_types": {
		"new": {"events": {}},
		"kept": {"events": {"same": {"handler": []}, "more": {"handler": []}, "older": {"handler": []},
			"shown": {"handler": {"set": {"target": "a", "value": 2}}, "schema": {}}}, "id": "uuid", "snapshot_every": 10}},
		"agent_types": ["user"],
		"routes": {"/a": {"type": "kept", "event": "more", "id": "1"}, "/b": {"type": "kept", "event": "same", "id": "1"}}}`)
	var got []string
	for _, c := range Compare(before, after) {
		line := fmt.Sprintf("%s %s", c.Kind, c.Path)
		if c.Incompatible != "" {
			line += ": " + c.Incompatible
		}
		if wantOwner := strings.HasPrefix(c.Path, "aggregate_types"); wantOwner != (c.Type != "") {
			t.Errorf("%s is of type %q", c.Path, c.Type)
		}
		got = append(got, line)
	}
	want := []string{
		"added aggregate_types.new",
		"added aggregate_types.kept.snapshot_every",
		"added aggregate_types.kept.id: aggregates whose id is no UUID can no longer be written to",
		"added aggregate_types.kept.events.more",
		"removed aggregate_types.kept.events.older.version: events of version 2 are newer than the specification knows",
		"removed aggregate_types.kept.events.older.upcast",
		"added aggregate_types.kept.events.shown.schema",
		"changed aggregate_types.kept.events.shown.handler",
		"removed aggregate_types.kept.events.gone: such events are skipped when state is derived",
		"removed aggregate_types.lost: events of this type are no longer understood",
		"added agent_types",
		"changed routes./a",
		"added routes./b",
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if same := Compare(after, after); len(same) > 0 {
		t.Errorf("a specification differs from itself: %v", same)
	}
}

func TestASpecificationIsUsedFromManyGoroutines(t *testing.T) {
	s := parsed(t, string(example(t, "users.json")))
	user, _ := s.Type("user")
	changed, _ := user.Event("had_email_changed")
	good, bad := data(t, `{"email": "a@b.c"}`), data(t, `{"email": 1}`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if len(changed.CheckData(good)) != 0 || len(changed.CheckData(bad)) != 1 {
					t.Error("another answer")
				}
				changed.Program().Run(value.Value{}, &tick.Input{Data: good}, nil)
				s.Routes()[0].ID = nil
				s.Types()[0] = nil
				s.Text()[0] = 'x'
				s.AgentTypes()[0] = "x"
				user.Events()[0] = nil
			}
		})
	}
	all.Wait()
	if r := s.Routes()[0]; r.ID == nil || s.Types()[0] == nil || s.Text()[0] != '{' || s.AgentTypes()[0] != "user" {
		t.Error("what was handed out changes the specification")
	}
}

func TestEqualTextsGiveEqualFaultsAndWarnings(t *testing.T) {
	for _, text := range []string{
		string(example(t, "lint/advice.json")),
		withSchema(`{"required": "a", "properties": {"a": {"type": "x"}, "b": {"minLength": "1"}, "c": {"$ref": "#/d"}}, "anyOf": []}`),
		withSchema(`{"properties": {"a": ` + doubling(30, "anyOf")[1:] + `, "b": {"allOf": [{"$ref": "#/properties/b"}]}}}`),
	} {
		_, faults, warnings := Parse([]byte(text))
		for range 20 {
			_, again, warningsAgain := Parse([]byte(text))
			if !reflect.DeepEqual(faults, again) || !reflect.DeepEqual(warnings, warningsAgain) {
				t.Fatalf("first %v %v, then %v %v", faults, warnings, again, warningsAgain)
			}
		}
	}
}
