package tick_test

import (
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// small limits keep one run of a fuzzer short, and reach the limits often.
var small = &tick.Limits{Steps: 20_000, StateBytes: 1 << 16}

// FuzzHandler compiles what it is given and runs it on what it is given.
// Nothing may panic or run on, and what comes out must be a state: an object
// within the limits that is read again from its text, and made again the same.
func FuzzHandler(f *testing.F) {
	z := prooftest.Target(f)
	for _, handler := range []string{
		`[{"append": {"target": "items", "value": "$.data"}}, {"set": {"target": "status", "value": "active"}}]`,
		`{"map": {"target": "l", "apply": [{"set": {"target": "a.b", "value": {"$add": ["%.n", 1.50]}}}, {"remove": {"target": "x"}}]}}`,
		`{"update_where": {"target": "l", "where": {"sku": "$.data.sku?"}, "merge": {"n": {"$default": ["%.n", 0]}}}}`,
		`{"let": {"bind": {"x": "@", "y": {"$literal": {}}}, "do": {"set": {"target": "", "value": {"$merge": ["#.x", {"s": "#.x.l.-1"}]}}}}}`,
		`{"conditional": {"if": {"or": [{"gte": ["@.n", 1]}, {"not": {"in": ["$.data.sku", ["a"]]}}]}, "then": {"increment": {"target": "n"}}, "else": []}}`,
		`[{"upsert": {"target": "l", "match": {"sku": "a"}, "value": "$.data"}}, {"append_unique": {"target": "u", "value": "$.data", "key": "sku"}}]`,
		`[{"set_at": {"target": "m", "key": "$.data.sku", "value": {"$at": ["@.l", 0]}}}, {"increment_at": {"target": "m", "key": "x", "by": {"$mul": [1e99, 1e-50]}}}]`,
		`{"set": {"target": "", "value": {"a": "@", "b": "@", "c": {"$concat": ["$.id", 1, {"$if": [{"exists": "$.data"}, "x", "y"]}]}}}}`,
		`{"filter": {"target": "l", "where": {"and": [{"lt": [{"$len": "%"}, 3]}, {"n": 1}]}}}`,
	} {
		z.Add([]byte(handler), []byte(`{"sku": "a", "n": 1.0}`), []byte(`{"l": [{"n": 1, "sku": "a"}, {"n": 2}, 3, null], "n": 2}`))
	}
	z.Run(func(t *testing.T, handler, data, before []byte) {
		h, err := tick.ParseValue(handler)
		if err != nil {
			return
		}
		p, faults := tick.Compile(h, "h")
		if (p == nil) == (len(faults) == 0) {
			t.Fatalf("%s: a program %v and the faults %v", handler, p != nil, faults)
		}
		d, errData := tick.ParseValue(data)
		state, errBefore := tick.ParseValue(before)
		if p == nil || errData != nil || errBefore != nil || state.Kind() != value.KindObject || state.Size() > small.StateBytes {
			return
		}
		in := input(d)
		text := state.String()
		for range 3 {
			next, warnings := p.Run(state, in, small)
			again, _ := p.Run(parse(t, state.String()), in, small)
			if next.String() != again.String() || state.String() != text {
				t.Fatalf("%s on %s: %s, and again %s, of what is now %s", handler, text, next, again, state)
			}
			text = next.String()
			if next.Kind() != value.KindObject || next.Size() != len(text) || next.Size() > small.StateBytes || len(warnings) > 4*tick.MaxOperations {
				t.Fatalf("%s: %.100s of %d bytes, with %d warnings", handler, next, next.Size(), len(warnings))
			}
			if !value.Equal(next, parse(t, text)) {
				t.Fatalf("%s: %s is not what it prints", handler, text)
			}
			state = next
		}
	})
}

// FuzzTemplate does the same with templates and predicates.
func FuzzTemplate(f *testing.F) {
	z := prooftest.Target(f)
	for _, text := range []string{
		`{"a": "$.data.x?", "b": ["%.y", {"$sub": ["@.n", 0.10]}]}`, `{"equals": ["@.a", {"x": [1]}]}`, `{"a.b": 1, "c": "$.metadata.tags.0"}`,
		`{"$default": ["@.x", "%", {"$literal": 1}]}`, `{"not": {"in": ["%", "@.l"]}}`, `{"$concat": ["a", {"$len": "@"}]}`,
	} {
		z.Add([]byte(text), []byte(`{"n": 1, "l": [1, "x"], "a": {"x": [1.0]}}`))
	}
	z.Run(func(t *testing.T, text, state []byte) {
		v, err := tick.ParseValue(text)
		s, errState := tick.ParseValue(state)
		if err != nil || errState != nil {
			return
		}
		scene := &tick.Scene{State: s, Item: s, Event: input(s)}
		if m, faults := tick.CompileTemplate(v, "t", tick.ScopeState|tick.ScopeItem); faults == nil {
			out, err := m.Make(scene, small)
			if err == nil && out.Kind() != value.KindNone && !value.Equal(out, parse(t, out.String())) {
				t.Fatalf("%s makes %s", text, out)
			}
		}
		if p, faults := tick.CompileWhere(v, "w", tick.ScopeState); faults == nil {
			first, err := p.Holds(scene, small)
			second, err2 := p.Holds(scene, small)
			if first != second || (err == nil) != (err2 == nil) {
				t.Fatalf("%s: %v %v, then %v %v", text, first, err, second, err2)
			}
		}
	})
}

// FuzzPath: a path that compiles reads the same from a state and from the
// state's text, and one that sets puts there what is read again.
func FuzzPath(f *testing.F) {
	z := prooftest.Target(f)
	for _, path := range []string{"@.a.b", "@.l.-1", "@.l.0?", "@", "%.x", "@.a..b", "@.01", "@.é", "#.x", "$.data.a"} {
		z.Add(path, []byte(`{"a": {"b": 1, "01": 2}, "l": [1, {"é": 3}]}`))
	}
	z.Run(func(t *testing.T, path string, text []byte) {
		state, err := tick.ParseValue(text)
		if err != nil || state.Kind() != value.KindObject {
			return
		}
		in := input(state)
		if m, faults := tick.CompileTemplate(value.String(path), "t", tick.ScopeState); faults == nil {
			first, errFirst := m.Make(&tick.Scene{State: state, Event: in}, small)
			second, errSecond := m.Make(&tick.Scene{State: parse(t, state.String()), Event: in}, small)
			if (errFirst == nil) != (errSecond == nil) || errFirst == nil && !value.Equal(first, second) {
				t.Fatalf("%q of %s is %v (%v), and again %v (%v)", path, state, first, errFirst, second, errSecond)
			}
		}
		target := value.Object(value.Member{Key: value.KeyOf("set"), Value: value.Object(
			value.Member{Key: value.KeyOf("target"), Value: value.String(path)}, value.Member{Key: value.KeyOf("value"), Value: value.Int(7)})})
		p, _ := tick.Compile(target, "h")
		read, faults := tick.CompileTemplate(value.String("@."+path), "t", tick.ScopeState)
		if p == nil || faults != nil || path == "" {
			return
		}
		next, warnings := p.Run(state, in, small)
		if len(warnings) > 0 {
			return
		}
		if got, err := read.Make(&tick.Scene{State: next, Event: in}, small); err != nil || !value.Equal(got, value.Int(7)) {
			t.Fatalf("7 was set at %q of %s, which gives %s, and there is %v (%v)", path, state, next, got, err)
		}
	})
}
