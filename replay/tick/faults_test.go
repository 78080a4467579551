package tick_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/tick"
)

// told are faults as texts, sorted.
func told(faults []tick.Fault) []string {
	out := make([]string, len(faults))
	for i, f := range faults {
		out[i] = f.Error()
	}
	slices.Sort(out)
	return out
}

func TestEveryFaultOfAHandlerIsToldAtOnce(t *testing.T) {
	const handler = `[
		{"set": {"target": "a"}},
		{"sett": {"target": "a", "value": 1}},
		{"set": {"target": "$.data.x", "value": "$.foo", "vlaue": 1}},
		{"append": {"target": 5, "value": {"a b": [{"$sum": [1, 2]}]}}},
		5,
		{"set": {"target": "a", "value": 1}, "append": {"target": "a", "value": 1}},
		{"conditional": {"if": {"eq": [1, 2]}, "then": [{"increment": {"target": "a?", "by": "%.x"}}]}},
		{"let": {"bind": {"x": 1}, "do": {"set": {"target": "a..b", "value": "#.y"}}}},
		{"set": {"target": "a", "value": "#.x"}}
	]`
	want := []string{
		`h[0].set: lacks "value"`,
		`h[1].sett: there is no operation "sett"`,
		`h[2].set.target: a target begins in the state, or in the item, without "$"`,
		`h[2].set.value: an event has no "$.foo"`,
		`h[2].set.vlaue: there is no such parameter; there are target, value`,
		`h[3].append.target: a target is a dot path, as a string`,
		`h[3].append.value["a b"][0].$sum: there is no form "$sum"; {"$literal": ...} takes an object as it stands`,
		`h[4]: an operation is an object with one member, its name`,
		`h[5]: an operation is an object with one member, its name`,
		`h[6].conditional.if.eq: there is no predicate "eq"`,
		`h[6].conditional.then[0].increment.by: % means nothing outside filter, map, update_where and for_each: "%.x"`,
		`h[6].conditional.then[0].increment.target: a target has no ?`,
		`h[7].let.do.set.target: a path has no empty part: "a..b"`,
		`h[7].let.do.set.value: no let around binds "#.y"`,
		`h[8].set.value: no let around binds "#.x"`,
	}
	p, faults := tick.Compile(parse(t, handler), "h")
	if got := told(faults); p != nil || !slices.Equal(got, want) {
		t.Errorf("the faults are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAHandlerIsHeldToItsForms(t *testing.T) {
	set := func(value string) string { return `{"set": {"target": "a", "value": ` + value + `}}` }
	for handler, want := range map[string]string{
		`5`:                                      `h: needs an operation or a list of operations`,
		`null`:                                   `h: needs an operation or a list of operations`,
		`{}`:                                     `h: an operation is an object with one member, its name`,
		`{"set": []}`:                            `h.set: the parameters of an operation are an object`,
		`{"set": {"target": "@", "value": 1}}`:   `h.set.target: a target begins in the state, or in the item, without "@"`,
		`{"set": {"target": "%.a", "value": 1}}`: `h.set.target: a target begins in the state, or in the item, without "%"`,
		`{"set": {"target": "a?.b", "value": 1}}`:                                          `h.set.target: the ? stands at the end of a path: "a?.b"`,
		`{"set": {"target": ".", "value": 1}}`:                                             `h.set.target: a path has no empty part: "."`,
		`{"set": {"target": "` + strings.Repeat("a.", 64) + `a", "value": 1}}`:             `h.set.target: a path has at most 64 parts: "` + strings.Repeat("a.", 64) + `..."`,
		`{"remove": {"target": ""}}`:                                                       `h.remove: the whole state cannot be removed, but it can be set to {}`,
		`{"remove": {"target": "$.x"}}`:                                                    `h.remove.target: a target begins in the state, or in the item, without "$"`,
		`{"filter": {"target": "a", "where": 5}}`:                                          `h.filter.where: a predicate is an object`,
		`{"filter": {"target": "a", "where": {"a..b": 5}}}`:                                `h.filter.where["a..b"]: a field is a dot path`,
		`{"map": {"target": "a"}}`:                                                         `h.map: lacks "apply"`,
		`{"map": {"target": "a", "apply": 5}}`:                                             `h.map.apply: needs an operation or a list of operations`,
		`{"update_where": {"target": "a", "where": {}}}`:                                   `h.update_where: lacks one of "set", "merge" and "apply"`,
		`{"update_where": {"target": "a", "where": {}, "set": 1, "merge": {}}}`:            `h.update_where.merge: there is another one of set, merge and apply already`,
		`{"append_unique": {"target": "a", "value": 1, "key": 5}}`:                         `h.append_unique.key: names a field of the items, as a dot path`,
		`{"append_unique": {"target": "a", "value": 1, "key": ""}}`:                        `h.append_unique.key: names a field of the items, as a dot path`,
		`{"set_at": {"target": "a", "value": 1}}`:                                          `h.set_at: lacks "key"`,
		`{"set": {"target": "a", "value": 1, "key": "x"}}`:                                 `h.set.key: there is no such parameter; there are target, value`,
		`{"decrement_at": {"target": "a", "key": "x"}}`:                                    `h.decrement_at: there is no operation "decrement_at"`,
		`{"conditional": {"if": {"a": 1, "b": 2}, "then": []}}`:                            `h.conditional.if: a predicate is an object with one member, its name`,
		`{"conditional": {"if": {"and": {}}, "then": []}}`:                                 `h.conditional.if.and: needs a list of predicates`,
		`{"conditional": {"if": {"not": [{"exists": 1}]}, "then": []}}`:                    `h.conditional.if.not: a predicate is an object`,
		`{"conditional": {"if": {"exists": ["@.a"]}, "then": []}}`:                         `h.conditional.if.exists: needs one operand, not a list`,
		`{"conditional": {"if": {"gte": [1]}, "then": []}}`:                                `h.conditional.if.gte: needs a list of 2 operands`,
		`{"conditional": {"if": {"gte": {"a": 1}}, "then": []}}`:                           `h.conditional.if.gte: needs a list of 2 operands`,
		`{"let": {"bind": [], "do": []}}`:                                                  `h.let.bind: needs an object of names and values`,
		`{"let": {"bind": {"a.b": 1}, "do": []}}`:                                          `h.let.bind["a.b"]: a name is a letter or _ and up to 63 letters, digits and _`,
		`{"let": {"bind": {"a": 1, "b": "#.a"}, "do": []}}`:                                `h.let.bind.b: no let around binds "#.a"`,
		`[{"map": {"target": "a", "apply": []}}, {"set": {"target": "b", "value": "%."}}]`: `h[1].set.value: the path "%." names nothing`,
		set(`"$."`):                        `h.set.value: the path "$." names nothing`,
		set(`"$.?"`):                       `h.set.value: the path "$.?" names nothing`,
		set(`"#."`):                        `h.set.value: the path "#." names nothing`,
		set(`"$.data."`):                   `h.set.value: a path has no empty part: "$.data."`,
		set(`"$.data.a?.b"`):               `h.set.value: the ? stands at the end of a path: "$.data.a?.b"`,
		set(`"$.dat"`):                     `h.set.value: an event has no "$.dat"`,
		set(`"$.id.x"`):                    `h.set.value: an event has no "$.id.x"`,
		set(`"$.metadata.foo"`):            `h.set.value: an event has no "$.metadata.foo"`,
		set(`"$.metadata.actor.name"`):     `h.set.value: an event has no "$.metadata.actor.name"`,
		set(`"$.metadata.actor.id.x"`):     `h.set.value: an event has no "$.metadata.actor.id.x"`,
		set(`"$.metadata.timestamp.x"`):    `h.set.value: an event has no "$.metadata.timestamp.x"`,
		set(`{"$": 5}`):                    `h.set.value.$: $ needs a path that begins with $., @., %. or #.`,
		set(`{"$": "text"}`):               `h.set.value.$: $ needs a path that begins with $., @., %. or #.`,
		set(`{"$add": [1]}`):               `h.set.value.$add: needs a list of 2 operands`,
		set(`{"$mul": [1, 2, 3]}`):         `h.set.value.$mul: needs a list of 2 operands`,
		set(`{"$sub": 1}`):                 `h.set.value.$sub: needs a list of 2 operands`,
		set(`{"$at": [1]}`):                `h.set.value.$at: needs a list of 2 operands`,
		set(`{"$merge": {}}`):              `h.set.value.$merge: needs a list of at least 1 operands`,
		set(`{"$concat": []}`):             `h.set.value.$concat: needs a list of at least 1 operands`,
		set(`{"$default": [1]}`):           `h.set.value.$default: needs a list of at least 2 operands`,
		set(`{"$if": [{"exists": 1}, 2]}`): `h.set.value.$if: needs a list of a predicate and 2 operands`,
		set(`{"$if": [true, 1, 2]}`):       `h.set.value.$if[0]: a predicate is an object`,
		set(`{"$add": [1, 2], "x": 1}`):    `h.set.value.$add: "$add" stands alone in its object; {"$literal": ...} takes it as it stands`,
		set(`{"a": {"$": "$.nope"}}`):      `h.set.value.a.$: an event has no "$.nope"`,
	} {
		_, faults := tick.Compile(parse(t, handler), "h")
		got := strings.Join(told(faults), "\n")
		if got != want {
			t.Errorf("%.200s\nis told as %s\nwant       %s", handler, got, want)
		}
	}
}

func TestScopesSayWhatAPathMayBeginWith(t *testing.T) {
	for _, c := range []struct {
		template string
		scope    tick.Scope
		want     string // empty: compiles
	}{
		{`"@.a"`, tick.ScopeState, ``},
		{`"@.a"`, 0, `t: @ means nothing here: "@.a"`},
		{`"%.a"`, tick.ScopeItem, ``},
		{`"%.a"`, tick.ScopeState, `t: % means nothing outside filter, map, update_where and for_each: "%.a"`},
		{`["%.a", "@.a", "$.data"]`, tick.ScopeItem | tick.ScopeState, ``},
		{`["%", "@"]`, 0, ``}, // texts
	} {
		_, faults := tick.CompileTemplate(parse(t, c.template), "t", c.scope)
		if got := strings.Join(told(faults), "\n"); got != c.want {
			t.Errorf("%s in scope %d: %q, want %q", c.template, c.scope, got, c.want)
		}
	}
	if _, faults := tick.CompilePredicate(parse(t, `{"status": 1}`), "p", tick.ScopeState); len(faults) != 1 {
		t.Errorf("a list of fields outside a where: %v", faults)
	}
	if _, faults := tick.CompileWhere(parse(t, `{"equals": ["%.a", "@.a"]}`), "p", 0); len(faults) != 1 {
		t.Errorf("a state in a where without one: %v", faults)
	}
}

func TestAHandlerTellsWhatItReadsOfTheData(t *testing.T) {
	p := compile(t, `[
		{"append": {"target": "items", "value": {"sku": "$.data.sku", "note": "$.data.note?", "size": {"$default": ["$.data.size.w", "$.data.size.h"]}}}},
		{"conditional": {"if": {"exists": "$.data.gift"}, "then": {"set_at": {"target": "g", "key": "$.data.items.0.id", "value": "$.data"}}}},
		{"set": {"target": "id", "value": "$.id"}}
	]`)
	var got []string
	for _, r := range p.Reads() {
		got = append(got, fmt.Sprintf("%s %v %s", strings.Join(r.Path, "/"), r.Optional, r.Place()))
	}
	want := []string{
		"sku false handler[0].append.value.sku",
		"note true handler[0].append.value.note",
		"size/w true handler[0].append.value.size.$default[0]",
		"size/h false handler[0].append.value.size.$default[1]",
		"gift true handler[1].conditional.if.exists",
		"items/0/id false handler[1].conditional.then.set_at.key",
		" false handler[1].conditional.then.set_at.value",
	}
	if !slices.Equal(got, want) {
		t.Errorf("reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVeryManyFaultsAreToldInPart(t *testing.T) {
	handler := `[` + strings.Repeat(`{"set": {"target": "a", "value": [`+strings.Repeat(`"$.x",`, 999)+`"$.x"]}},`, 200) + `5]`
	if _, faults := tick.Compile(parse(t, handler), "h"); len(faults) != 100 {
		t.Errorf("%d faults are told", len(faults))
	}
}

func TestLongKeysAreCutInPaths(t *testing.T) {
	key := strings.Repeat("k", 500_000)
	_, faults := tick.Compile(parse(t, `{"set": {"target": "a", "value": {"`+key+`": [`+strings.Repeat(`"$.x",`, 80_000)+`1]}}}`), "h")
	if len(faults) != 100 || len(faults[99].Error()) > 300 {
		t.Errorf("%d faults, the last of them %d long", len(faults), len(faults[len(faults)-1].Error()))
	}
}
