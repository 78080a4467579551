package spec

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/stet-db/stet/replay/value"
)

// randomSchema draws schemas that refer to each other and to themselves.
func randomSchema(t *rapid.T, depth int) any {
	if depth == 0 || rapid.IntRange(0, 9).Draw(t, "leaf") == 0 {
		return rapid.SampledFrom([]any{
			true,
			map[string]any{"type": "integer"},
			map[string]any{"type": []any{"object", "array"}},
			map[string]any{"$ref": "#"},
			map[string]any{"$ref": "#/$defs/a"},
			map[string]any{"$ref": "#/$defs/b"},
			map[string]any{"required": []any{"a"}},
			map[string]any{"uniqueItems": true},
			map[string]any{"enum": []any{1, "x", nil}},
			false,
		}).Draw(t, "schema")
	}
	sub := func() any { return randomSchema(t, depth-1) }
	out := map[string]any{}
	for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{
		"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "properties", "patternProperties", "additionalProperties",
		"propertyNames", "items", "prefixItems", "contains", "unevaluatedProperties", "unevaluatedItems", "dependentSchemas",
	}), 1, 3).Draw(t, "keywords") {
		switch key {
		case "allOf", "anyOf", "oneOf", "prefixItems":
			out[key] = []any{sub(), sub()}
		case "properties", "dependentSchemas":
			out[key] = map[string]any{"a": sub(), "b": sub()}
		case "patternProperties":
			out[key] = map[string]any{"^[ac]$": sub()}
		default:
			out[key] = sub()
		}
	}
	return out
}

func randomData(t *rapid.T, depth int) any {
	switch n := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case n < 2 && depth > 0:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			out = append(out, randomData(t, depth-1))
		}
		return out
	case n < 6 && depth > 0:
		return randomObject(t, depth)
	}
	return rapid.SampledFrom([]any{1, 1.0, 2.5, "x", nil, true}).Draw(t, "value")
}

func randomObject(t *rapid.T, depth int) any {
	out := map[string]any{}
	for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "keys") {
		out[key] = randomData(t, depth-1)
	}
	return out
}

// counter counts how often a schema looks at a value.
type counter struct{ n *int }

func (c counter) Validate(*jsonschema.ValidatorContext, any) { *c.n++ }

// The bound on looks is one: a schema never looks oftener at values than is
// computed when it is read. The quick answer and the one with reasons agree.
func TestNoSchemaLooksOftenerThanComputed(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		root, ok := randomSchema(t, 3).(map[string]any)
		if !ok {
			return
		}
		root["$defs"] = map[string]any{"a": randomSchema(t, 2), "b": randomSchema(t, 2)}
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		s, _, _ := Parse([]byte(withSchema(string(text))))
		if s == nil {
			return
		}
		accepted++
		judged := s.types[0].events[0].schema
		looks := 0
		counting := countingSchema(t, root, &looks)
		for range 4 {
			payload, err := json.Marshal(randomObject(t, 5))
			if err != nil {
				t.Fatal(err)
			}
			v, err := value.Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			faults := judged.check(v)
			if wrong := judged.judge.Validate(plain(v)) != nil; wrong != (len(faults) > 0) {
				t.Fatalf("%s by %s: wrong is %v, faults are %v", payload, text, wrong, faults)
			}
			looks = 0
			_ = counting.Validate(plain(v)) // only the looks matter
			if most := count(v) * judged.visits; looks > most {
				t.Fatalf("%s by %s: %d looks, computed were %d", payload, text, looks, most)
			}
		}
	})
	if accepted == 0 {
		t.Error("no schema was accepted")
	}
}

// countingSchema is the same schema by a compiler of its own.
func countingSchema(t *rapid.T, root any, looks *int) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.RegisterVocabulary(&jsonschema.Vocabulary{
		URL: "stet://vocabulary/counter",
		Compile: func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) {
			return counter{looks}, nil
		},
	})
	c.AssertVocabs()
	if err := c.AddResource(judgeURL, root); err != nil {
		t.Fatal(fmt.Errorf("add: %w", err))
	}
	s, err := c.Compile(judgeURL)
	if err != nil {
		t.Fatal(fmt.Errorf("compile: %w", err))
	}
	return s
}
