package tick_test

import (
	"sync"
	"testing"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

func TestNoProgramAndAnEmptyOneChangeNothing(t *testing.T) {
	var none *tick.Program
	state := parse(t, `{"a":1}`)
	for _, p := range []*tick.Program{none, compile(t, `[]`)} {
		got, warnings := p.Run(state, input(value.Object()), nil)
		first, _ := p.Run(tick.Value{}, nil, nil)
		if got.String() != `{"a":1}` || first.String() != `{}` || warnings != nil || !p.Empty() || p.Reads() != nil {
			t.Errorf("%s %s %v", got, first, warnings)
		}
	}
	if compile(t, `{"set": {"target": "a", "value": 1}}`).Empty() {
		t.Error("a program is empty")
	}
}

func TestWarningsCountWhatIsSkipped(t *testing.T) {
	p := compile(t, `[
		{"map": {"target": "items", "apply": [{"increment": {"target": "n"}}, {"set": {"target": "ok", "value": "%.none"}}]}},
		{"append": {"target": "name", "value": 1}}
	]`)
	got, warnings := p.Run(parse(t, `{"items": [{"n": "x"}, {"n": 1}, {"n": "y"}, {"n": null}], "name": "z"}`), input(value.Object()), nil)
	if got.String() != `{"items":[{"n":"x"},{"n":2},{"n":"y"},{"n":null}],"name":"z"}` {
		t.Errorf("the state is %s", got)
	}
	want := map[tick.Warning]bool{
		{Path: "handler[0].map.apply[0].increment", Reason: tick.WrongType, Problem: "arithmetic is given a string", Count: 2}: true,
		{Path: "handler[0].map.apply[0].increment", Reason: tick.WrongType, Problem: "arithmetic is given null", Count: 1}:     true,
		{Path: "handler[0].map.apply[1].set", Reason: tick.MissingValue, Problem: "there is no %.none", Count: 4}:              true,
		{Path: "handler[1].append", Reason: tick.WrongType, Problem: "the target is a string, not an array", Count: 1}:         true,
	}
	for _, w := range warnings {
		if !want[w] {
			t.Errorf("warns of %+v", w)
		}
		delete(want, w)
	}
	for w := range want {
		t.Errorf("does not warn of %+v", w)
	}
}

// TestOneProgramFoldsManyStreamsFromOneState: programs, values and the states
// that a cache would hand out are shared between goroutines.
func TestOneProgramFoldsManyStreamsFromOneState(t *testing.T) {
	p := compile(t, `[{"append": {"target": "items", "value": "$.data"}}, {"increment_at": {"target": "by", "key": "$.data.k"}}, {"set": {"target": "copy", "value": "@.items"}}, {"append": {"target": "copy", "value": 0}}]`)
	shared, _ := p.Run(tick.Value{}, input(parse(t, `{"k":"first"}`)), nil)
	text := shared.String()
	states := make([]tick.Value, 8)
	inputs := []*tick.Input{input(parse(t, `{"k":"a"}`)), input(parse(t, `{"k":"b"}`))}
	var all sync.WaitGroup
	for g := range states {
		all.Go(func() {
			state := shared
			for range 300 {
				state, _ = p.Run(state, inputs[g%2], nil)
			}
			states[g] = state
		})
	}
	all.Wait()
	for g, s := range states {
		if !value.Equal(s, states[g%2]) || s.Field("items").Len() != 301 || s.Field("items").At(300).Field("k").Text() != []string{"a", "b"}[g%2] {
			t.Errorf("stream %d came to %.100s", g, s)
		}
	}
	if shared.String() != text || value.Equal(states[0], states[1]) {
		t.Errorf("the shared state became %s", shared)
	}
}

func TestPredicatesAndTemplatesTellWhatTheyRead(t *testing.T) {
	p, faults := tick.CompilePredicate(parse(t, `{"gte": ["@.balance", "$.data.amount"]}`), "p", tick.ScopeState)
	m, faults2 := tick.CompileTemplate(parse(t, `{"to": "$.data.to"}`), "m", 0)
	if faults != nil || faults2 != nil {
		t.Fatal(faults, faults2)
	}
	if r := p.Reads(); len(r) != 1 || r[0].Path[0] != "amount" || !r[0].Optional || r[0].Place() != "p.gte[1]" {
		t.Errorf("the predicate reads %+v", r)
	}
	if r := m.Reads(); len(r) != 1 || r[0].Path[0] != "to" || r[0].Optional || r[0].Place() != "m.to" {
		t.Errorf("the template reads %+v", r)
	}
}
