package spec

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stet-db/stet/replay/value"
)

// FuzzParse wants a Spec or faults, and no panic. What it gives must work.
func FuzzParse(f *testing.F) {
	for _, c := range faultCases {
		f.Add([]byte(c.text))
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(example(f, filepath.Base(file)))
	}
	f.Add(example(f, "lint/advice.json"))
	payload := data(f, `{"a": [1, "x", {"b": null}], "id": "1"}`)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, faults, _ := Parse(text)
		if (s == nil) != (len(faults) > 0) {
			t.Fatalf("a specification: %v, faults: %v", s != nil, faults)
		}
		if s == nil {
			return
		}
		for _, typ := range s.Types() {
			for _, e := range typ.Events() {
				e.CheckData(payload)
				for v := range e.Version() {
					if _, _, err := e.Upcast(payload, v); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if changes := Compare(s, s); len(changes) > 0 {
			t.Fatalf("differs from itself: %v", changes)
		}
	})
}

// FuzzCheckData holds the quick answer against the one with reasons.
func FuzzCheckData(f *testing.F) {
	f.Add([]byte(`{"properties": {"a": {"type": "integer"}}, "required": ["a"]}`), []byte(`{"a": 1.5}`))
	f.Add([]byte(`{"anyOf": [{"required": ["a"]}, {"not": {"required": ["b"]}}], "uniqueItems": true}`), []byte(`{"b": [1, 1.0]}`))
	f.Add([]byte(`{"unevaluatedProperties": false, "oneOf": [{"properties": {"a": {"uniqueItems": true}}}]}`), []byte(`{"a": [[], []]}`))
	f.Add([]byte(`{"propertyNames": {"pattern": "^a"}, "patternProperties": {"b$": false}}`), []byte(`{"ab": 1, "b": 2}`))
	f.Fuzz(func(t *testing.T, schema, text []byte) {
		s, _, _ := Parse([]byte(withSchema(string(schema))))
		v, err := value.Parse(text)
		if s == nil || err != nil || v.Kind() != value.KindObject {
			return
		}
		e := theEvent(t, s)
		if e.schema == nil {
			return // the text went on behind the schema
		}
		faults := e.CheckData(v)
		if count(v)*e.schema.visits > maxTelling || v.Size()*e.schema.program > maxMatching {
			return
		}
		reasons := e.schema.judge.Validate(plain(v))
		if (len(faults) > 0) != (reasons != nil) {
			t.Fatalf("faults %v, but %v", faults, reasons)
		}
		var typed *jsonschema.ValidationError
		if reasons != nil && !errors.As(reasons, &typed) {
			t.Fatalf("another error: %v", reasons)
		}
	})
}
