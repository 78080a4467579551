package tick_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// author writes random handlers that compile. Keys and values are few, so that
// operations often meet what others have left.
type author struct {
	t     *rapid.T
	names []string
	item  bool
}

func (a *author) pick(of ...string) string { return rapid.SampledFrom(of).Draw(a.t, "pick") }

func (a *author) chance(of int) bool { return rapid.IntRange(1, of).Draw(a.t, "chance") == 1 }

func (a *author) target() string {
	if a.item {
		return a.pick("", "a", "b", "l", "a.b", "l.0", "l.-1", "0")
	}
	return a.pick("a", "b", "l", "m", "a.b", "l.0", "l.-1", "l.1.a", "m.a", "m.l", "")
}

func (a *author) path() string {
	roots := []string{"$.data", "$.data", "@", "@"}
	if a.item {
		roots = append(roots, "%", "%")
	}
	for _, n := range a.names {
		roots = append(roots, "#."+n)
	}
	p := a.pick(roots...) + a.pick("", ".a", ".b", ".l", ".m", ".a.b", ".l.0", ".l.-1", ".l.0.a", ".m.a")
	if len(p) > 1 && a.chance(4) {
		p += "?"
	}
	return p
}

func (a *author) scalar() any {
	return rapid.SampledFrom([]any{
		json.Number("0"), json.Number("1"), json.Number("1.0"), json.Number("2.50"), json.Number("-3"),
		"x", "y", "", "@bob", true, nil,
	}).Draw(a.t, "scalar")
}

func (a *author) template(depth int) any {
	kinds := []string{"path", "path", "scalar"}
	if depth > 0 {
		kinds = append(kinds, "path", "array", "object", "form", "form")
	}
	switch a.pick(kinds...) {
	case "path":
		return a.path()
	case "array":
		return a.some(0, 3, func() any { return a.template(depth - 1) })
	case "object":
		out := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(a.t, "members") {
			out[a.pick("a", "b", "l", "m")] = a.template(depth - 1)
		}
		return out
	case "form":
		return a.form(depth - 1)
	}
	return a.scalar()
}

func (a *author) some(least, most int, one func() any) []any {
	out := []any{}
	for range rapid.IntRange(least, most).Draw(a.t, "some") {
		out = append(out, one())
	}
	return out
}

func (a *author) form(depth int) any {
	one := func() any { return a.template(depth) }
	switch name := a.pick("$", "$literal", "$merge", "$default", "$at", "$if", "$len", "$concat", "$add", "$sub", "$mul"); name {
	case "$":
		return map[string]any{name: a.path()}
	case "$literal", "$len":
		return map[string]any{name: one()}
	case "$merge", "$concat":
		return map[string]any{name: a.some(1, 3, one)}
	case "$default":
		return map[string]any{name: a.some(2, 3, one)}
	case "$if":
		return map[string]any{name: []any{a.predicate(depth, false), one(), one()}}
	default:
		return map[string]any{name: []any{one(), one()}}
	}
}

func (a *author) predicate(depth int, where bool) any {
	kinds := []string{"equals", "not_equals", "gt", "gte", "lt", "lte", "in", "not_in", "exists"}
	if where {
		kinds = append(kinds, "fields", "fields", "fields", "fields")
	}
	if depth > 0 {
		kinds = append(kinds, "and", "or", "not")
	}
	switch name := a.pick(kinds...); name {
	case "fields":
		out := map[string]any{}
		for range rapid.IntRange(0, 2).Draw(a.t, "fields") {
			out[a.pick("a", "b", "a.b", "0")] = a.template(depth)
		}
		return out
	case "and", "or":
		return map[string]any{name: a.some(0, 2, func() any { return a.predicate(depth-1, where) })}
	case "not":
		return map[string]any{name: a.predicate(depth-1, where)}
	case "exists":
		return map[string]any{name: a.path()}
	default:
		return map[string]any{name: []any{a.template(depth), a.template(depth)}}
	}
}

func (a *author) block(depth int) any {
	if a.chance(4) {
		return a.operation(depth)
	}
	return a.some(0, 3, func() any { return a.operation(depth) })
}

// inside writes with an item in scope.
func (a *author) inside(write func() any) any {
	before := a.item
	a.item = true
	out := write()
	a.item = before
	return out
}

func (a *author) operation(depth int) any {
	names := []string{
		"set", "set", "set", "merge", "append", "append", "remove", "increment", "decrement", "filter", "upsert",
		"append_unique", "set_at", "merge_at", "remove_at", "increment_at", "update_where", "remove where",
	}
	if depth > 0 {
		names = append(names, "map", "map", "update_where apply", "conditional", "let")
	}
	name := a.pick(names...)
	where := func() any { return a.inside(func() any { return a.predicate(1, true) }) }
	p := map[string]any{}
	if name != "conditional" && name != "let" {
		p["target"] = a.target()
	}
	name, variant, _ := strings.Cut(name, " ")
	switch name {
	case "set", "merge", "append", "upsert", "append_unique", "set_at", "merge_at":
		p["value"] = a.template(2)
	case "increment", "decrement", "increment_at":
		if a.chance(2) {
			p["by"] = a.template(1)
		}
	}
	if strings.HasSuffix(name, "_at") {
		p["key"] = rapid.SampledFrom([]any{"a", "b", "new", json.Number("0"), json.Number("-1"), "$.data.k"}).Draw(a.t, "key")
	}
	switch {
	case name == "filter", name == "update_where", variant == "where":
		p["where"] = where()
	case name == "upsert":
		p["match"] = where()
	case name == "append_unique" && a.chance(2):
		p["key"] = a.pick("a", "b", "a.b")
	case name == "remove" && p["target"] == "":
		p["target"] = "a"
	}
	a.nested(name, variant, p, depth)
	return map[string]any{name: p}
}

// nested writes what holds operations, or values in the scope of an item.
func (a *author) nested(name, variant string, p map[string]any, depth int) {
	apply := func() any { return a.inside(func() any { return a.block(depth - 1) }) }
	switch name {
	case "map":
		p["apply"] = apply()
	case "update_where":
		if variant == "apply" {
			p["apply"] = apply()
			return
		}
		p[a.pick("set", "merge")] = a.inside(func() any { return a.template(1) })
	case "conditional":
		p["if"] = a.predicate(1, false)
		p["then"] = a.block(depth - 1)
		if a.chance(2) {
			p["else"] = a.block(depth - 1)
		}
	case "let":
		p["bind"] = map[string]any{"x": a.template(1), "y": a.template(1)}
		before := a.names
		a.names = []string{"x", "y"}
		p["do"] = a.block(depth - 1)
		a.names = before
	}
}

// data draws a payload.
func (a *author) data() map[string]any {
	out := map[string]any{"k": a.pick("a", "b", "0")}
	for _, k := range []string{"a", "b", "l", "m"} {
		switch a.pick("scalar", "list", "object", "none") {
		case "scalar":
			out[k] = a.scalar()
		case "list":
			out[k] = a.some(0, 3, func() any { return map[string]any{"a": a.scalar(), "b": a.scalar()} })
		case "object":
			out[k] = map[string]any{"a": a.scalar(), "l": a.some(0, 3, a.scalar)}
		}
	}
	return out
}

func jsonText(t *rapid.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func valueOf(t *rapid.T, v any) tick.Value {
	out, err := tick.ParseValue([]byte(jsonText(t, v)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRandomHandlersDoWhatTheOracleDoes also shows that folding is repeatable,
// from the state as from its text (I14), and that no event changes a state that
// was made before.
func TestRandomHandlersDoWhatTheOracleDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &author{t: t}
		handlers := []any{a.block(2), a.block(2), a.block(1)}
		var programs []*tick.Program
		for _, h := range handlers {
			p, faults := tick.Compile(valueOf(t, h), "h")
			if len(faults) > 0 {
				t.Fatalf("%s: %v", jsonText(t, h), faults)
			}
			programs = append(programs, p)
		}
		var state tick.Value
		var want any = map[string]any{}
		var kept []tick.Value
		var texts []string
		for range rapid.IntRange(1, 6).Draw(t, "events") {
			which := rapid.IntRange(0, len(programs)-1).Draw(t, "which")
			data := a.data()
			in := &tick.Input{Data: valueOf(t, data)}
			o := &oracle{event: map[string]any{"data": data}, reasons: map[string]int{}}
			before := want
			want = o.run(handlers[which], want, view{})
			next, warnings := programs[which].Run(state, in, nil)
			context := func() string {
				return fmt.Sprintf("\nhandler %s\nbefore  %s\ndata    %s\n", jsonText(t, handlers[which]), jsonText(t, before), jsonText(t, data))
			}
			if !value.Equal(next, valueOf(t, want)) {
				t.Fatalf("%sgives   %s\nwant    %s", context(), next, jsonText(t, want))
			}
			if reasons := counted(warnings); !maps.Equal(reasons, o.reasons) {
				t.Fatalf("%swarns of %v, want %v", context(), reasons, o.reasons)
			}
			if state.Kind() == value.KindObject {
				state = valueOf(t, state) // the same from its text
			}
			again, repeated := programs[which].Run(state, in, nil)
			if again.String() != next.String() || fmt.Sprint(repeated) != fmt.Sprint(warnings) {
				t.Fatalf("%sgives   %s\nand then %s", context(), next, again)
			}
			state = next
			kept, texts = append(kept, next), append(texts, next.String())
		}
		for i := range kept {
			if kept[i].String() != texts[i] || kept[i].Size() != len(texts[i]) {
				t.Fatalf("state %d was %s, and is %s now", i, texts[i], kept[i])
			}
		}
	})
}

func counted(warnings []tick.Warning) map[string]int {
	out := map[string]int{}
	for _, w := range warnings {
		out[w.Reason.String()] += w.Count
	}
	return out
}

// TestCopiesStayApart stores one value in many places and goes on changing all
// of them: what is shared in memory must not show.
func TestCopiesStayApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := []string{"a", "b", "c", "l.0", "l.1", "o.x", "o.y"}
		one := func() any {
			target, from := rapid.SampledFrom(places).Draw(t, "target"), rapid.SampledFrom(places).Draw(t, "from")
			n := json.Number(fmt.Sprint(rapid.IntRange(0, 99).Draw(t, "n")))
			switch rapid.SampledFrom([]string{"append", "append", "append", "copy", "copy", "set", "keep", "remove"}).Draw(t, "do") {
			case "append":
				return operation("append", "target", target, "value", n)
			case "copy":
				return operation("set", "target", target, "value", "@."+from)
			case "set":
				return operation("set", "target", target+".-1", "value", n)
			case "keep":
				return operation("append", "target", "kept", "value", map[string]any{"is": "@." + from})
			default:
				return operation("remove", "target", target+".0")
			}
		}
		handler := []any{
			operation("set", "target", "l", "value", []any{[]any{}, []any{}}),
			operation("append", "target", "a", "value", "first"),
			operation("set", "target", "b", "value", "@.a"),
			operation("set", "target", "o", "value", map[string]any{"x": "@.a", "y": "@.l.0"}),
		}
		for range rapid.IntRange(10, 120).Draw(t, "operations") {
			handler = append(handler, one())
		}
		o := &oracle{reasons: map[string]int{}}
		want := o.run(handler, map[string]any{}, view{})
		p, faults := tick.Compile(valueOf(t, handler), "h")
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		got, warnings := p.Run(tick.Value{}, nil, nil)
		if !value.Equal(got, valueOf(t, want)) || !maps.Equal(counted(warnings), o.reasons) {
			t.Fatalf("%s\ngives %s\nwant  %s", jsonText(t, handler), got, jsonText(t, want))
		}
	})
}

func operation(name string, parameters ...any) map[string]any {
	p := map[string]any{}
	for i := 0; i < len(parameters); i += 2 {
		p[parameters[i].(string)] = parameters[i+1]
	}
	return map[string]any{name: p}
}
