package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/value"
)

// example is a specification of testdata.
func example(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// parsed is a specification that has no fault.
func parsed(t testing.TB, text string) *Spec {
	t.Helper()
	s, faults, _ := Parse([]byte(text))
	if len(faults) > 0 {
		t.Fatalf("faults %q in %s", faults, text)
	}
	return s
}

// withEvent is a specification of one event, x of type t.
func withEvent(parts string) string {
	return `{"aggregate_types": {"t": {"events": {"x": {` + parts + `}}}}}`
}

// withSchema is one whose event has this schema.
func withSchema(schema string) string { return withEvent(`"handler": [], "schema": ` + schema) }

// theEvent is event x of type t.
func theEvent(t testing.TB, s *Spec) *Event {
	t.Helper()
	typ, ok := s.Type("t")
	if !ok {
		t.Fatal("there is no type t")
	}
	e, ok := typ.Event("x")
	if !ok {
		t.Fatal("there is no event x")
	}
	return e
}

func data(t testing.TB, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func joined[T error](faults []T) string {
	var out []string
	for _, f := range faults {
		out = append(out, f.Error())
	}
	return strings.Join(out, "\n")
}
