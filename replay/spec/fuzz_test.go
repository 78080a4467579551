package spec

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/replay/value"
)

// FuzzParse wants a Spec or faults, and no panic. What it gives must work.
func FuzzParse(f *testing.F) {
	z := prooftest.Target(f)
	for _, c := range faultCases {
		z.Add([]byte(c.text))
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		z.Add(example(f, filepath.Base(file)))
	}
	z.Add(example(f, "lint/advice.json"))
	payload := data(f, `{"a": [1, "x", {"b": null}], "id": "1"}`)
	z.Run(func(t *testing.T, text []byte) {
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
	z := prooftest.Target(f)
	z.Add([]byte(`{"properties": {"a": {"type": "integer"}}, "required": ["a"]}`), []byte(`{"a": 1.5}`))
	z.Add([]byte(`{"anyOf": [{"required": ["a"]}, {"not": {"required": ["b"]}}], "uniqueItems": true}`), []byte(`{"b": [1, 1.0]}`))
	z.Add([]byte(`{"unevaluatedProperties": false, "oneOf": [{"properties": {"a": {"uniqueItems": true}}}]}`), []byte(`{"a": [[], []]}`))
	z.Add([]byte(`{"propertyNames": {"pattern": "^a"}, "patternProperties": {"b$": false}}`), []byte(`{"ab": 1, "b": 2}`))
	z.Run(func(t *testing.T, schema, text []byte) {
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

// FuzzCheckID: an id that may be written stands in a path and in a stream's
// name as it is, and checking it again changes nothing.
func FuzzCheckID(f *testing.F) {
	z := prooftest.Target(f)
	for _, id := range []string{"order-7", "..", "a/b", "0190F7A4-1111-7222-8333-0123456789ab", "\xff", "ä", "a:b@c"} {
		z.Add(id)
	}
	plain, ok := parsed(f, withEvent(`"handler": []`)).Type("t")
	uuid := &Type{uuid: true}
	if !ok {
		f.Fatal("there is no type t")
	}
	z.Run(func(t *testing.T, id string) {
		for _, typ := range []*Type{plain, uuid} {
			stored, problem := typ.CheckID(id)
			if problem != "" {
				continue
			}
			if again, problem := typ.CheckID(stored); again != stored || problem != "" {
				t.Errorf("%q is stored as %q, and that as %q: %s", id, stored, again, problem)
			}
			if path := url.PathEscape(stored); !strings.EqualFold(stored, id) || strings.Contains(path, "%2F") || path == "." || path == ".." || !utf8.ValidString(stored) {
				t.Errorf("%q is stored as %q", id, stored)
			}
		}
	})
}

// FuzzCompare: what changed from one specification to another is what changed
// back, and both ways are told without a panic.
func FuzzCompare(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte(withEvent(`"handler": []`)), []byte(withEvent(`"handler": [], "schema": {"required": ["a"]}`)))
	z.Add(example(f, "lint/advice.json"), []byte(`{"aggregate_types": {}}`))
	z.Run(func(t *testing.T, before, after []byte) {
		a, _, _ := Parse(before)
		b, _, _ := Parse(after)
		if a == nil || b == nil {
			return
		}
		if there, back := Compare(a, b), Compare(b, a); (len(there) == 0) != (len(back) == 0) {
			t.Fatalf("there %v, and back %v", there, back)
		}
	})
}
