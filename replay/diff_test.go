package replay_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/value"
)

// S4.14: the change between two states, as RFC 6902 has it.
func TestADiffIsAPatchInTheStandardForm(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`{}`, `{}`, `[]`},
		{`{"a":1}`, `{"a":1.0}`, `[]`},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, `[]`},
		{`{"a":1}`, `{"a":2.50}`, `[{"op":"replace","path":"/a","value":2.50}]`},
		{`{"a":null}`, `{}`, `[{"op":"remove","path":"/a"}]`},
		{`{}`, `{"a":null}`, `[{"op":"add","path":"/a","value":null}]`},
		{`{"a/b":{"~":1}}`, `{"a/b":{"~":2}}`, `[{"op":"replace","path":"/a~1b/~0","value":2}]`},
		{`{"a":[1,2]}`, `{"a":[1,2,3]}`, `[{"op":"add","path":"/a/2","value":3}]`},
		{`{"a":[1,2,3]}`, `{"a":[1,3]}`, `[{"op":"remove","path":"/a/1"}]`},
		{`{"a":[1,2,3]}`, `{"a":[0,1,2,3]}`, `[{"op":"add","path":"/a/0","value":0}]`},
		{`{"a":[{"x":1,"y":1}]}`, `{"a":[{"x":1,"y":2}]}`, `[{"op":"replace","path":"/a/0/y","value":2}]`},
		{`{"a":[1]}`, `{"a":{"0":1}}`, `[{"op":"replace","path":"/a","value":{"0":1}}]`},
		{`{"":1}`, `{"":2}`, `[{"op":"replace","path":"/","value":2}]`},
	} {
		got, err := json.Marshal(replay.Diff(parse(t, c.from), parse(t, c.to)))
		if err != nil || string(got) != c.want {
			t.Errorf("%s to %s: %s (%v), want %s", c.from, c.to, got, err, c.want)
		}
	}
}

// anyValue draws values that are often alike.
func anyValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kind := rapid.IntRange(0, 4).Draw(t, "kind")
		if depth == 0 {
			kind = 0
		}
		switch kind {
		case 1, 2:
			return rapid.SliceOfN(anyValue(depth-1), 0, 5).Draw(t, "array")
		case 3, 4:
			return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c/d", "~", "0"}), anyValue(depth-1), 0, 4).Draw(t, "object")
		default:
			return rapid.SampledFrom([]any{1, 2, "x", nil, true}).Draw(t, "scalar")
		}
	})
}

// Applied by somebody else, the patch makes what it should.
func TestAPatchMakesTheSecondValueOfTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var texts [2][]byte
		var values [2]value.Value
		for i := range texts {
			var err error
			if texts[i], err = json.Marshal(anyValue(3).Draw(t, "value")); err != nil {
				t.Fatal(err)
			}
			if values[i], err = value.Parse(texts[i]); err != nil {
				t.Fatal(err)
			}
		}
		var doc any
		if err := json.Unmarshal(texts[0], &doc); err != nil {
			t.Fatal(err)
		}
		for _, o := range replay.Diff(values[0], values[1]) {
			doc = patched(doc, o, strings.Split(o.Path, "/")[1:])
		}
		got, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		made, err := value.Parse(got)
		if err != nil || !value.Equal(made, values[1]) {
			t.Fatalf("%s patched is %s, want %s", texts[0], got, texts[1])
		}
	})
}

// patched applies one operation, the plain way.
func patched(doc any, o replay.Operation, path []string) any {
	var v any
	if o.Op != "remove" {
		if err := json.Unmarshal([]byte(o.Value.String()), &v); err != nil {
			panic(err)
		}
	}
	if len(path) == 0 {
		return v
	}
	key := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	last := len(path) == 1
	switch at := doc.(type) {
	case map[string]any:
		_, there := at[key]
		switch {
		case there == (o.Op == "add" && last):
			panic(fmt.Sprintf("%s of %q, which is there: %v", o.Op, o.Path, there))
		case !last:
			at[key] = patched(at[key], o, path[1:])
		case o.Op == "remove":
			delete(at, key)
		default:
			at[key] = v
		}
		return at
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil {
			panic(err)
		}
		switch {
		case !last:
			at[i] = patched(at[i], o, path[1:])
		case o.Op == "remove":
			at = append(at[:i:i], at[i+1:]...)
		case o.Op == "add":
			at = append(at[:i:i], append([]any{v}, at[i:]...)...)
		default:
			at[i] = v
		}
		return at
	default:
		panic("the path leads nowhere")
	}
}
