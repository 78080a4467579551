package spec

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stet-db/stet/replay/value"
)

// Limits of judging data. A look at a value takes a microsecond or two, and what
// is wrong there some hundred bytes to tell.
const (
	// maxWork bounds the values times the looks at each.
	maxWork = 1_000_000
	// maxTelling is the work up to which each place is told that is wrong.
	maxTelling = 200_000
	// maxMatching bounds the bytes times the instructions of the regular
	// expressions that may run over them.
	maxMatching = 1_000_000_000
	// maxDataFaults bounds the places that are told.
	maxDataFaults = 100
)

// schema is a compiled JSON Schema. It is immutable.
type schema struct {
	root    *node
	judge   *jsonschema.Schema
	refuse  *jsonschema.Schema // matches what judge does not, and tells nothing
	visits  int                // at most, along one path through data
	program int                // instructions, likewise
}

// CheckData tells where the data of a new event does not match the schema; at
// most 100 places, in the order of their paths. No data is {}. Data that is no
// object never matches, nor does data that would take too long to judge.
func (e *Event) CheckData(data value.Value) []DataFault {
	switch data.Kind() {
	case value.KindObject:
	case value.KindNone:
		data = value.Object()
	default:
		return []DataFault{{"", "the data of an event is an object"}}
	}
	if e.schema == nil {
		return nil
	}
	return e.schema.check(data)
}

func (s *schema) check(data value.Value) []DataFault {
	values := count(data)
	work := values * s.visits
	if work > maxWork || data.Size()*s.program > maxMatching {
		return []DataFault{{"", fmt.Sprintf("%d values in %d bytes are too many to be judged by this schema", values, data.Size())}}
	}
	doc := plain(data)
	if s.refuse.Validate(doc) != nil {
		return nil
	}
	if work > maxTelling {
		return []DataFault{{"", "does not match the schema, and is too large to say where"}}
	}
	return dataFaults(s.judge.Validate(doc), data)
}

// The names of what the library is given. It looks nothing else up.
const (
	judgeURL  = "stet://schema/judge"
	refuseURL = "stet://schema/refuse"
)

// refused answers every reference to what is not there.
type refused struct{}

func (refused) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not part of the schema", url)
}

// schema reads a schema; nil when it has a fault.
func (r *reader) schema(v value.Value, path string) *schema {
	before := len(r.faults)
	if v.Size() > maxSchemaBytes {
		r.fault(path, "has %d bytes, at most %d are allowed", v.Size(), maxSchemaBytes)
		return nil
	}
	w := newWalker(r, path)
	root, doc := w.schema(v, path, "")
	w.resolve()
	r.judgeSchema(doc, v, path)
	if len(r.faults) > before {
		return nil
	}
	s := &schema{root: root}
	x, problem := expand(root)
	if problem != "" {
		r.fault(path, "%s", problem)
		return nil
	}
	s.visits = x.most(root, func(n *node) int { return n.visit }, maxVisits)
	s.program = x.most(root, func(n *node) int { return n.program }, maxProgram)
	switch {
	case s.visits > maxVisits:
		r.fault(path, "would look at one value more than %d times", maxVisits)
		return nil
	case s.program > maxProgram:
		r.fault(path, "has too large regular expressions")
		return nil
	}
	if err := s.compile(doc); err != nil {
		r.fault(path, "is no schema: %v", err)
		return nil
	}
	return s
}

func (s *schema) compile(doc any) error {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(refused{})
	c.AssertFormat()
	c.RegisterFormat(email)
	c.RegisterVocabulary(unique)
	c.AssertVocabs()
	if err := c.AddResource(judgeURL, doc); err != nil {
		return fmt.Errorf("add schema: %w", err)
	}
	if err := c.AddResource(refuseURL, map[string]any{"not": map[string]any{"$ref": judgeURL}}); err != nil {
		return fmt.Errorf("add schema: %w", err)
	}
	var err error
	if s.judge, err = c.Compile(judgeURL); err != nil {
		return fmt.Errorf("compile schema: %w", err)
	}
	if s.refuse, err = c.Compile(refuseURL); err != nil {
		return fmt.Errorf("compile schema: %w", err)
	}
	return nil
}

// metaschema judges schemas. Formats are not asserted there: the walker looks
// at references and regular expressions itself.
var metaschema = sync.OnceValue(func() *jsonschema.Schema {
	return jsonschema.NewCompiler().MustCompile(dialects[0]) // it is part of the library
})

func (r *reader) judgeSchema(doc any, v value.Value, path string) {
	for _, f := range dataFaults(metaschema().Validate(doc), v) {
		at := path
		switch {
		case f.Path == "":
		case f.Path[0] == '[':
			at += f.Path
		default:
			at += "." + f.Path
		}
		r.fault(at, "%s", f.Problem)
	}
}

// plain is the value as the library wants it. Numbers keep their spelling.
func plain(v value.Value) any {
	switch v.Kind() {
	case value.KindObject:
		out := make(map[string]any, v.Len())
		for key, inner := range v.Fields() {
			out[key] = plain(inner)
		}
		return out
	case value.KindArray:
		out := make([]any, 0, v.Len())
		for _, item := range v.Items() {
			out = append(out, plain(item))
		}
		return out
	case value.KindString:
		return v.Text()
	case value.KindNumber:
		return json.Number(v.Text())
	case value.KindBool:
		return v.Truth()
	default:
		return nil
	}
}

// count is the number of values in a value, itself counted.
func count(v value.Value) int {
	n := 1
	switch v.Kind() {
	case value.KindObject:
		for _, inner := range v.Fields() {
			n += count(inner)
		}
	case value.KindArray:
		for _, item := range v.Items() {
			n += count(item)
		}
	}
	return n
}
