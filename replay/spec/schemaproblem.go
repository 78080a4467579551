package spec

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/stet-db/stet/replay/value"
)

var errNoEmail = errors.New("is no address like name@example.com")

// dataFaults says in our words and paths what the library found, in the order
// of the paths and without repetition.
func dataFaults(err error, data value.Value) []DataFault {
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		return nil
	}
	t := telling{data: data}
	t.tell(found)
	slices.SortFunc(t.faults, func(a, b DataFault) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Problem, b.Problem))
	})
	faults := slices.Compact(t.faults)
	return faults[:min(len(faults), maxDataFaults)]
}

type telling struct {
	data   value.Value
	faults []DataFault
}

func (t *telling) add(path, format string, a ...any) {
	t.faults = append(t.faults, DataFault{path, fmt.Sprintf(format, a...)})
}

// locate follows the library's location, which does not tell keys from places.
func (t *telling) locate(tokens []string) (string, value.Value) {
	path, v := "", t.data
	for _, token := range tokens {
		if i, err := strconv.Atoi(token); err == nil && v.Kind() == value.KindArray {
			path, v = element(path, i), v.At(i)
			continue
		}
		path, v = child(path, token), v.Field(token)
	}
	return path, v
}

// tell tells what is wrong at the ends of the tree of errors.
func (t *telling) tell(e *jsonschema.ValidationError) {
	path, v := t.locate(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range e.Causes {
			t.tell(cause)
		}
	case *kind.AnyOf:
		t.add(path, "matches none of anyOf: %s", t.alternatives(path, e.Causes))
	case *kind.OneOf:
		if len(k.Subschemas) == 2 {
			t.add(path, "matches more than one of oneOf: %d and %d", k.Subschemas[0], k.Subschemas[1])
			return
		}
		t.add(path, "matches none of oneOf: %s", t.alternatives(path, e.Causes))
	case *kind.Contains, *kind.MinContains:
		t.add(path, "has too few items that match contains")
	case *kind.PropertyNames:
		t.add(child(path, k.Property), "has a name that is not allowed")
	case *kind.Required:
		t.missing(path, k.Missing, "is missing")
	case *kind.DependentRequired:
		t.missing(path, k.Missing, "is missing where there is "+quoted(k.Prop))
	case *kind.Dependency:
		t.missing(path, k.Missing, "is missing where there is "+quoted(k.Prop))
	case *kind.AdditionalProperties:
		t.missing(path, k.Properties, "is not allowed here")
	default:
		t.add(path, "%s", problem(e.ErrorKind, v))
	}
}

func (t *telling) missing(path string, names []string, problem string) {
	for _, name := range names {
		t.add(child(path, name), "%s", problem)
	}
}

// maxAlternatives bounds how much is said of alternatives.
const maxAlternatives = 3

// alternatives says of the first ones what each lacks, with its path where
// that is another one.
func (t *telling) alternatives(path string, causes []*jsonschema.ValidationError) string {
	var all []string
	for _, cause := range causes[:min(len(causes), maxAlternatives)] {
		inner := telling{data: t.data}
		inner.tell(cause)
		slices.SortFunc(inner.faults, func(a, b DataFault) int { return strings.Compare(a.Error(), b.Error()) })
		switch {
		case len(inner.faults) == 0:
		case inner.faults[0].Path == path:
			all = append(all, inner.faults[0].Problem)
		default:
			all = append(all, inner.faults[0].Error())
		}
	}
	if len(causes) > maxAlternatives {
		all = append(all, "...")
	}
	return clippedText(strings.Join(all, "; "))
}

// problem says what is wrong with one value.
func problem(k jsonschema.ErrorKind, v value.Value) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, not %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return "must be one of " + list(k.Want)
	case *kind.Const:
		return "must be " + list([]any{k.Want})
	case *kind.Format:
		return fmt.Sprintf("%s is no %s", clipped(v), k.Want)
	case *kind.Pattern:
		return fmt.Sprintf("%s does not match the pattern %s", clipped(v), quoted(k.Want))
	case *kind.FalseSchema:
		return "is not allowed here"
	case *kind.Not:
		return "must not match what stands under not"
	case *kind.UniqueItems:
		return fmt.Sprintf("has equal items: %d and %d", k.Duplicates[0], k.Duplicates[1])
	case *kind.MaxContains:
		return fmt.Sprintf("has %d items that match contains, at most %d are allowed", len(k.Got), k.Want)
	}
	return bound(k, v)
}

// bound says which limit a value is beyond.
func bound(k jsonschema.ErrorKind, v value.Value) string {
	switch k := k.(type) {
	case *kind.Minimum:
		return clipped(v) + " is below " + number(k.Want)
	case *kind.Maximum:
		return clipped(v) + " is above " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return clipped(v) + " is not above " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return clipped(v) + " is not below " + number(k.Want)
	case *kind.MultipleOf:
		return clipped(v) + " is no multiple of " + number(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("has %d characters, at least %d are wanted", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, at most %d are allowed", k.Got, k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("has %d items, at least %d are wanted", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %d items, at most %d are allowed", k.Got, k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("has %d members, at least %d are wanted", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("has %d members, at most %d are allowed", k.Got, k.Want)
	default:
		return "does not match the schema"
	}
}

// number prints a limit exactly where that is short.
func number(r *big.Rat) string {
	if digits, exact := r.FloatPrec(); exact {
		return clippedText(r.FloatString(digits))
	}
	return clippedText(r.RatString())
}

// list shows values of a schema.
func list(values []any) string {
	var out []byte
	for i, v := range values {
		if i > 0 {
			out = append(out, ", "...)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return "what the schema says"
		}
		out = append(out, text...)
	}
	return clippedText(string(out))
}

func clipped(v value.Value) string { return clippedText(v.String()) }

// clippedText cuts what may be long, between characters.
func clippedText(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
