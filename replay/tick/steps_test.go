package tick_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// TestStepsMayRunOutAnywhere runs every handler of the reference, and two with
// long texts, with 1 step, with 2, and so on until they are enough. Each time
// the state must be what some number of whole operations leaves.
func TestStepsMayRunOutAnywhere(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	examples := []tick.Value{
		parse(t, `{"data": {"t": "`+strings.Repeat("x", 900)+`"}, "handler": [
			{"set": {"target": "a", "value": {"$len": "$.data.t"}}}, {"set": {"target": "b", "value": {"$at": [{"x": 1}, {"$if": [{"gt": ["$.data.t", "$.data.t"]}, "y", "x"]}]}}}]}`),
		parse(t, `{"data": {"t": "`+strings.Repeat("x", 900)+`"}, "before": {"l": ["$.data.t", "`+strings.Repeat("x", 900)+`"]}, "handler": [
			{"append_unique": {"target": "l", "value": "$.data.t"}}, {"set_at": {"target": "m", "key": "$.data.t", "value": {"$merge": ["$.data", "$.data"]}}}, {"remove_at": {"target": "m", "key": "$.data.t"}}]}`),
	}
	for _, block := range exampleBlock.FindAllSubmatch(text, -1) {
		examples = append(examples, parse(t, string(block[1])))
	}
	for _, e := range examples {
		handler := e.Field("handler")
		if handler.Kind() == value.KindObject {
			handler = value.Array(handler)
		}
		if handler.Kind() != value.KindArray {
			continue
		}
		in := input(e.Field("data"))
		states := []string{}
		operations := value.Array()
		for i := range handler.Len() + 1 {
			p, faults := tick.Compile(operations, "h")
			if faults != nil {
				t.Fatal(faults)
			}
			state, _ := p.Run(e.Field("before"), in, nil)
			states = append(states, state.String())
			operations = operations.Append(handler.At(i))
		}
		runOut(t, handler, e.Field("before"), in, states)
	}
}

func runOut(t *testing.T, handler, before tick.Value, in *tick.Input, states []string) {
	p, faults := tick.Compile(handler, "h")
	if faults != nil {
		t.Fatal(faults)
	}
	done := 0
	for steps := 1; ; steps++ {
		state, warnings := p.Run(before, in, &tick.Limits{Steps: steps})
		for done < len(states)-1 && state.String() != states[done] {
			done++ // more steps never do less
		}
		limited := 0
		for _, w := range warnings {
			if w.Reason == tick.LimitReached {
				limited++
			}
		}
		if state.String() != states[done] || limited == 0 && done < len(states)-1 && states[done] != states[len(states)-1] {
			t.Fatalf("%.300s with %d steps gives %s", handler, steps, state)
		}
		if limited == 0 {
			return
		}
		if steps > 10_000 {
			t.Fatalf("%.300s does not end", handler)
		}
	}
}
