package tick_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

func TestAHandlerHas256OperationsAndNoMore(t *testing.T) {
	const one = `{"increment": {"target": "n"}}`
	list := func(n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for _, c := range []struct {
		handler string
		faults  int
	}{
		{`[` + list(255) + `]`, 0},
		{`[` + list(256) + `]`, 0},
		{`[` + list(257) + `]`, 1},
		{`[` + list(1000) + `]`, 1},
		{`[` + list(200) + `,{"conditional":{"if":{"exists":1},"then":[` + list(55) + `]}}]`, 0},
		{`[` + list(200) + `,{"conditional":{"if":{"exists":1},"then":[` + list(55) + `],"else":` + one + `}}]`, 1},
	} {
		p, faults := tick.Compile(parse(t, c.handler), "h")
		if len(faults) != c.faults {
			t.Errorf("%.40s...: %v", c.handler, faults)
		}
		if p != nil {
			if state, warnings := p.Run(tick.Value{}, input(value.Object()), nil); warnings != nil || state.Field("n").Kind() != value.KindNumber {
				t.Errorf("%s %v", state, warnings)
			}
		}
	}
}

func TestAHandlerNestsUpTo32(t *testing.T) {
	operations := func(n int) string { // the innermost has a value: one level more
		const open = `{"conditional":{"then":`
		return strings.Repeat(open, n-2) + `{"set":{"target":"n","value":1}}` + strings.Repeat(`,"if":{"and":[]}}}`, n-2)
	}
	templates := func(n int) string {
		return `{"set":{"target":"n","value":` + strings.Repeat(`{"$merge":[`, n-2) + `"$.data"` + strings.Repeat(`]}`, n-2) + `}}`
	}
	predicates := func(n int) string { // and the operand
		return `{"conditional":{"then":{"set":{"target":"n","value":1}},"if":` + strings.Repeat(`{"not":`, n-3) + `{"exists":"$.id"}` + strings.Repeat(`}`, n-3) + `}}`
	}
	for name, nested := range map[string]func(int) string{"operations": operations, "templates": templates, "predicates": predicates} {
		for n, faults := range map[int]int{31: 0, 32: 0, 33: 1} {
			if _, got := tick.Compile(parse(t, nested(n)), "h"); len(got) != faults {
				t.Errorf("%s nested %d deep: %v", name, n, got)
			}
		}
	}
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	compile(t, `{"set":{"target":"n","value":`+deep+`}}`) // data nests as data may
}

func TestStepsAreCountedAndRunOut(t *testing.T) {
	in := input(parse(t, `{"a": {"b": 1}, "long": "`+strings.Repeat("x", 1000)+`"}`))
	before := parse(t, `{"list": [1, 2, 3], "n": 1}`)
	for handler, needed := range map[string]int{
		`{"set": {"target": "x", "value": 1}}`:                                               1 + 1 + 1,           // operation, value, target
		`{"set": {"target": "x.y", "value": "$.data.a.b"}}`:                                  1 + 1 + 2 + 2,       // and the path's parts
		`{"increment": {"target": "n"}}`:                                                     1 + 1 + 1 + 1,       // by, look, put
		`{"filter": {"target": "list", "where": {"gt": ["%", 1]}}}`:                          1 + 1 + 3*3 + 1,     // predicate and two operands for each
		`{"map": {"target": "list", "apply": {"set": {"target": "", "value": 0}}}}`:          1 + 1 + 3*3 + 1,     // item, operation and value for each
		`{"set": {"target": "x", "value": {"$concat": ["$.data.long", "$.data.long"]}}}`:     1 + 1 + 2*2 + 7 + 1, // 2004 bytes
		`{"append_unique": {"target": "list", "value": 4}}`:                                  1 + 1 + 1 + 3 + 1,
		`[{"set": {"target": "x", "value": [1, "$.id"]}}, {"remove": {"target": "list.0"}}]`: (1 + 3 + 1) + (1 + 1 + 1 + 3 + 1),
	} {
		p := compile(t, handler)
		enough, warnings := p.Run(before, in, nil)
		if warnings != nil {
			t.Errorf("%s: %v", handler, warnings)
		}
		for _, steps := range []int{needed - 1, needed, needed + 1} {
			got, warnings := p.Run(before, in, &tick.Limits{Steps: steps})
			if steps >= needed && (warnings != nil || got.String() != enough.String()) {
				t.Errorf("%s with %d steps: %v", handler, steps, warnings)
			}
			if steps < needed && (len(warnings) != 1 || warnings[0].Reason != tick.LimitReached || got.String() == enough.String()) {
				t.Errorf("%s with %d steps gives %s: %v", handler, steps, got, warnings)
			}
		}
	}
}

func TestWhatRunsOutOfStepsIsSkippedWhole(t *testing.T) {
	p := compile(t, `[
		{"set": {"target": "first", "value": true}},
		{"conditional": {"if": {"and": []}, "then": [
			{"set": {"target": "inside", "value": true}},
			{"map": {"target": "list", "apply": {"set": {"target": "", "value": "$.id"}}}}
		]}},
		{"set": {"target": "last", "value": true}}
	]`)
	list := value.Array()
	for i := range 1000 {
		list = list.Append(value.Int(int64(i)))
	}
	before := value.Object().With("list", list)
	got, warnings := p.Run(before, input(value.Object()), &tick.Limits{Steps: 500})
	if !got.Field("first").Truth() || got.Len() != 2 || !value.Equal(got.Field("list"), list) {
		t.Errorf("the state is %.100s", got)
	}
	if len(warnings) != 2 || warnings[0].Path != "handler[1].conditional" || warnings[1].Path != "handler[2].set" {
		t.Errorf("the warnings are %v", warnings)
	}
}

// TestLoopsOverEverythingEnd has handlers that would work for hours, or make
// values without end.
func TestLoopsOverEverythingEnd(t *testing.T) {
	list := value.Array()
	for i := range 3000 {
		list = list.Append(value.String(strings.Repeat("x", 1000) + fmt.Sprint(i%10)))
	}
	in := input(value.Object(value.Member{Key: value.KeyOf("big"), Value: value.String(strings.Repeat("x", 4<<20))}))
	before := value.Object().With("list", list)
	lets := `{"set": {"target": "x", "value": "#.n12"}}`
	for i := 12; i > 0; i-- { // 1,000 to the power of 12 times the state
		lets = fmt.Sprintf(`{"let": {"bind": {"n%d": [%s"#.n%d"]}, "do": %s}}`, i, strings.Repeat(fmt.Sprintf(`"#.n%d",`, i-1), 999), i-1, lets)
	}
	for _, handler := range []string{
		`{"let": {"bind": {"n0": "@"}, "do": ` + lets + `}}`,
		`{"map": {"target": "list", "apply": {"set": {"target": "", "value": "@"}}}}`,
		`{"map": {"target": "list", "apply": {"set": {"target": "", "value": "$.data.big"}}}}`,
		`{"map": {"target": "list", "apply": {"conditional": {"if": {"in": ["$.data.big", "@.list"]}, "then": []}}}}`,
		`{"map": {"target": "list", "apply": {"conditional": {"if": {"equals": [{"$concat": ["$.data.big", "a"]}, {"$concat": ["$.data.big", "b"]}]}, "then": []}}}}`,
		`{"map": {"target": "list", "apply": {"conditional": {"if": {"equals": ["@.list", {"$default": ["@.list", 1]}]}, "then": []}}}}`,
		`{"map": {"target": "list", "apply": {"set": {"target": "", "value": {"$at": ["@", "$.data.big"]}}}}}`,
		`{"map": {"target": "list", "apply": {"let": {"bind": {"a": ["@", "@"]}, "do": {"let": {"bind": {"b": ["#.a", "#.a"]}, "do": {"set": {"target": "", "value": ["#.b", "#.b"]}}}}}}}}`,
	} {
		p := compile(t, handler)
		got, warnings := p.Run(before, in, nil)
		if text := got.String(); got.Size() != len(text) {
			t.Errorf("%.100s: the size of the state is said to be %d", handler, got.Size())
		}
		if len(warnings) == 0 || len(warnings) > 3 || warnings[0].Reason == 0 {
			t.Errorf("%s: %v", handler, warnings)
		}
		if got.Size() > 8<<20 {
			t.Errorf("%s: the state has %d bytes", handler, got.Size())
		}
	}
}

func TestTheStateIsHeldToItsSize(t *testing.T) {
	p := compile(t, `{"append": {"target": "a", "value": "$.data.x"}}`)
	in := input(parse(t, `{"x": "1234567"}`)) // 9 bytes, and a comma
	state, _ := p.Run(tick.Value{}, in, nil)
	state, _ = p.Run(state, in, nil)
	want := state.Size() + 10
	for _, most := range []int{want - 1, want, want + 1} {
		got, warnings := p.Run(state, in, &tick.Limits{StateBytes: most})
		if fits := most >= want; fits != (warnings == nil) || fits != (got.Size() == want) || fits == (got.Size() == state.Size()) {
			t.Errorf("with %d bytes for %d: %d, %v", most, want, got.Size(), warnings)
		}
	}
	// By default it is 8 MiB, however the state comes to double.
	double := compile(t, `{"set": {"target": "", "value": {"a": "@", "b": "@"}}}`)
	state = parse(t, `{"x": "`+strings.Repeat("x", 1000)+`"}`)
	var warnings []tick.Warning
	for range 40 {
		state, warnings = double.Run(state, in, nil)
	}
	if state.Size() > 8<<20 || state.Size() < 4<<20 || len(warnings) != 1 || warnings[0].Reason != tick.LimitReached {
		t.Errorf("the state has %d bytes: %v", state.Size(), warnings)
	}
}

func TestTheStateNestsUpTo64(t *testing.T) {
	p := compile(t, `{"set": {"target": "", "value": {"a": "@"}}}`)
	state := value.Object()
	var warnings []tick.Warning
	for i := 2; i <= 66; i++ {
		state, warnings = p.Run(state, input(value.Object()), nil)
		if want := min(i, 64); state.Depth() != want || (warnings == nil) != (i <= 64) {
			t.Fatalf("after %d events the state nests %d deep: %v", i-1, state.Depth(), warnings)
		}
	}
	if _, err := tick.ParseValue([]byte(state.String())); err != nil {
		t.Errorf("the state cannot be read again: %v", err)
	}
	put := compile(t, `{"set": {"target": "`+strings.Repeat("a.", 63)+`a", "value": 1}}`)
	if got, warnings := put.Run(tick.Value{}, input(value.Object()), nil); got.Depth() != 64 || warnings != nil {
		t.Errorf("a path of 64 parts: %d deep, %v", got.Depth(), warnings)
	}
	put = compile(t, `{"set": {"target": "`+strings.Repeat("a.", 63)+`a", "value": {}}}`)
	if got, warnings := put.Run(tick.Value{}, input(value.Object()), nil); got.Depth() != 1 || len(warnings) != 1 {
		t.Errorf("an object below 64 parts: %d deep, %v", got.Depth(), warnings)
	}
}

func TestPredicatesAndTemplatesTellThatALimitIsReached(t *testing.T) {
	scene := &tick.Scene{State: parse(t, `{"list": [1, 2, 3]}`), Event: input(value.Object())}
	p, _ := tick.CompilePredicate(parse(t, `{"in": [3, "@.list"]}`), "p", tick.ScopeState)
	for steps, known := range map[int]bool{6: false, 7: true, 8: true} { // predicate, 2 operands, a part, 3 items
		yes, err := p.Holds(scene, &tick.Limits{Steps: steps})
		if known != (err == nil) || yes != known {
			t.Errorf("with %d steps: %v %v", steps, yes, err)
		}
	}
	m, _ := tick.CompileTemplate(parse(t, `{"a": "@.list", "b": "@.none"}`), "t", tick.ScopeState)
	if v, err := m.Make(scene, nil); err == nil || err.Error() != "there is no @.none" || v.Kind() != value.KindNone {
		t.Errorf("a template without its value: %s %v", v, err)
	}
	m, _ = tick.CompileTemplate(parse(t, `{"a": "@.list"}`), "t", tick.ScopeState)
	for most, fits := range map[int]bool{12: false, 13: true, 14: true} {
		if v, err := m.Make(scene, &tick.Limits{StateBytes: most}); fits != (err == nil) || fits != (v.String() == `{"a":[1,2,3]}`) {
			t.Errorf("with %d bytes: %s %v", most, v, err)
		}
	}
}
