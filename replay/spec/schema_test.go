package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataIsJudgedByItsSchema(t *testing.T) {
	cart := parsed(t, string(example(t, "cart.json")))
	typ, _ := cart.Type("cart")
	added, _ := typ.Event("had_item_added")
	for _, c := range []struct{ data, want string }{
		{`{"sku": "A", "name": "B", "price": 29.99, "quantity": 2}`, ""},
		{`{"sku": "A", "name": "B", "price": 29, "quantity": 2.0, "more": null}`, ""},                           // 2.0 is whole
		{`{"sku": "A", "name": "B", "price": 29.99, "quantity": 2.5}`, "quantity: must be integer, not number"}, // S0.7
		{`{"sku": "A", "name": "B", "price": "29.99", "quantity": 2}`, "price: must be number, not string"},
		{`{"sku": 1, "price": 1}`, "name: is missing\nquantity: is missing\nsku: must be string, not number"},
		{`[]`, "the data of an event is an object"},
		{`null`, "the data of an event is an object"},
		{`"x"`, "the data of an event is an object"},
	} {
		sameData(t, added, c.data, c.want)
	}
}

func sameData(t *testing.T, e *Event, text, want string) {
	t.Helper()
	if got := joined(e.CheckData(data(t, text))); got != want {
		t.Errorf("%s gives\n%s\nwant\n%s", text, got, want)
	}
}

func TestEachKeywordSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, c := range []struct{ schema, data, want string }{
		{`{"properties": {"a": {"enum": ["x", 1, null]}}}`, `{"a": "y"}`, `a: must be one of "x", 1, null`},
		{`{"properties": {"a": {"const": {"b": 1.0}}}}`, `{"a": {"b": 2}}`, `a: must be {"b":1.0}`},
		{`{"properties": {"a": {"type": ["string", "null"]}}}`, `{"a": []}`, `a: must be null or string, not array`},
		{`{"properties": {"a": {"minimum": 1.50}}}`, `{"a": 1.49999999999999999999}`, `a: 1.49999999999999999999 is below 1.5`},
		{`{"properties": {"a": {"maximum": 1e3}}}`, `{"a": 1000.1}`, `a: 1000.1 is above 1000`},
		{`{"properties": {"a": {"exclusiveMinimum": 0}}}`, `{"a": 0.0}`, `a: 0.0 is not above 0`},
		{`{"properties": {"a": {"exclusiveMaximum": 0}}}`, `{"a": 0}`, `a: 0 is not below 0`},
		{`{"properties": {"a": {"multipleOf": 0.01}}}`, `{"a": 0.015}`, `a: 0.015 is no multiple of 0.01`},
		{`{"properties": {"a": {"minLength": 2}}}`, `{"a": "ä"}`, `a: has 1 characters, at least 2 are wanted`},
		{`{"properties": {"a": {"maxLength": 1}}}`, `{"a": "ab"}`, `a: has 2 characters, at most 1 are allowed`},
		{`{"properties": {"a": {"pattern": "^[a-z]+$"}}}`, `{"a": "A"}`, `a: "A" does not match the pattern "^[a-z]+$"`},
		{`{"properties": {"a": {"minItems": 1}}}`, `{"a": []}`, `a: has 0 items, at least 1 are wanted`},
		{`{"properties": {"a": {"maxItems": 1}}}`, `{"a": [1, 2]}`, `a: has 2 items, at most 1 are allowed`},
		{`{"properties": {"a": {"uniqueItems": true}}}`, `{"a": [1, 2, 1.0]}`, `a: has equal items: 0 and 2`},
		{`{"properties": {"a": {"contains": {"const": 1}}}}`, `{"a": [2]}`, `a: has too few items that match contains`},
		{`{"properties": {"a": {"contains": {"const": 1}, "minContains": 2}}}`, `{"a": [1]}`, `a: has too few items that match contains`},
		{`{"properties": {"a": {"contains": {"const": 1}, "maxContains": 1}}}`, `{"a": [1, 1]}`, `a: has 2 items that match contains, at most 1 are allowed`},
		{`{"properties": {"a": {"items": {"properties": {"b": {"type": "string"}}}}}}`, `{"a": [{}, {"b": 1}]}`, `a[1].b: must be string, not number`},
		{`{"properties": {"a": {"prefixItems": [true, {"type": "null"}], "items": false}}}`, `{"a": [1, 2, 3]}`, "a[1]: must be null, not number\na[2]: is not allowed here"},
		{`{"minProperties": 1}`, `{}`, `has 0 members, at least 1 are wanted`},
		{`{"maxProperties": 1}`, `{"a": 1, "b": 2}`, `has 2 members, at most 1 are allowed`},
		{`{"required": ["a", "b.c"]}`, `{}`, "[\"b.c\"]: is missing\na: is missing"},
		{`{"dependentRequired": {"a": ["b"]}}`, `{"a": 1}`, `b: is missing where there is "a"`},
		{`{"dependencies": {"a": ["b"]}}`, `{"a": 1}`, `b: is missing where there is "a"`},
		{`{"dependentSchemas": {"a": {"required": ["b"]}}}`, `{"a": 1}`, `b: is missing`},
		{`{"additionalProperties": false, "properties": {"a": true}}`, `{"a": 1, "b": 2, "c": 3}`, "b: is not allowed here\nc: is not allowed here"},
		{`{"unevaluatedProperties": false, "allOf": [{"properties": {"a": true}}]}`, `{"a": 1, "b": 2}`, `b: is not allowed here`},
		{`{"patternProperties": {"^n_": {"type": "number"}}}`, `{"n_a": 1, "n_b": "x", "s": "x"}`, `n_b: must be number, not string`},
		{`{"propertyNames": {"maxLength": 1}}`, `{"a": 1, "bc": 2}`, `bc: has a name that is not allowed`},
		{`{"not": {"required": ["a"]}}`, `{"a": 1}`, `must not match what stands under not`},
		{`{"allOf": [{"required": ["a"]}, {"required": ["b"]}]}`, `{}`, "a: is missing\nb: is missing"},
		{`{"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}`, `{}`, `matches none of anyOf: a: is missing; b: is missing`},
		{`{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}`, `{"a": 1, "b": 1}`, `matches more than one of oneOf: 0 and 1`},
		{`{"oneOf": [{"required": ["a"]}]}`, `{}`, `matches none of oneOf: a: is missing`},
		{`{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}`, `{}`, `c: is missing`},
		{`{"$ref": "#/$defs/a", "$defs": {"a": {"required": ["b"]}}}`, `{}`, `b: is missing`},
		{`{"$ref": "#a", "$defs": {"x": {"$anchor": "a", "required": ["b"]}}}`, `{}`, `b: is missing`},
		{`{"properties": {"~/ %": {"type": "null"}, "b": {"$ref": "#/properties/~0~1%20%25"}}}`, `{"b": 1}`, `b: must be null, not number`},
		{`{"properties": {"next": {"$ref": "#"}}, "required": ["a"]}`, `{"a": 1, "next": {"a": 1, "next": {}}}`, `next.next.a: is missing`},
		{`{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/a.json", "required": ["b"]}`, `{}`, `b: is missing`},
		{`false`, `{}`, `is not allowed here`},
		{`true`, `{}`, ``},
	} {
		s := parsed(t, withSchema(c.schema))
		sameData(t, theEvent(t, s), c.data, c.want)
	}
}

func TestFormatsAreAsserted(t *testing.T) {
	for format, texts := range map[string]struct{ good, bad []string }{
		"email":     {[]string{"bob@example.com", "a+b@x.example"}, []string{"", "bob", "@example.com", "bob@", "Bob <bob@example.com>", "a b@c.d", strings.Repeat("a", 300) + "@b.c"}},
		"uuid":      {[]string{"550e8400-e29b-41d4-a716-446655440000", "01890A5D-AC96-774B-BCCE-B302099A8057"}, []string{"", "550e8400e29b41d4a716446655440000", "g50e8400-e29b-41d4-a716-446655440000"}},
		"date":      {[]string{"2024-02-29"}, []string{"2023-02-29", "2024-2-9", "yesterday"}},
		"date-time": {[]string{"2024-01-01T00:00:00Z", "2024-01-01t00:00:00.123+01:00"}, []string{"2024-01-01", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z"}},
		"uri":       {[]string{"https://example.com/a?b#c", "urn:a:b"}, []string{"/a", "example.com", "http://[::1"}},
	} {
		e := theEvent(t, parsed(t, withSchema(`{"properties": {"a": {"format": "`+format+`"}}}`)))
		for _, s := range texts.good {
			sameData(t, e, fmt.Sprintf(`{"a": %q}`, s), "")
		}
		for _, s := range texts.bad {
			if faults := e.CheckData(data(t, fmt.Sprintf(`{"a": %q}`, s))); len(faults) != 1 || faults[0].Path != "a" {
				t.Errorf("%s %q: %v", format, s, faults)
			}
		}
		sameData(t, e, `{"a": 5}`, "") // a format speaks of strings only
	}
}

func TestEachFaultOfASchemaIsToldWithItsPath(t *testing.T) {
	const at = "aggregate_types.t.events.x.schema"
	for _, c := range []struct{ name, schema, want string }{
		{"no schema", `"object"`, at + ": is no schema"},
		{"a list", `[]`, at + ": is no schema"},
		{"an unknown type", `{"properties": {"a": {"type": "strin"}}}`, at + ".properties.a.type: matches none of anyOf"},
		{"properties that are a list", `{"properties": []}`, at + ".properties: must be object, not array"},
		{"a property that is no schema", `{"properties": {"a.b": 1}}`, at + `.properties["a.b"]: is no schema`},
		{"an item that is no schema", `{"allOf": [true, 1]}`, at + ".allOf[1]: is no schema"},
		{"items as they were", `{"items": [true]}`, at + ".items: is no schema"},
		{"required that is no list", `{"required": "a"}`, at + ".required: must be array, not string"},
		{"required twice", `{"required": ["a", "a"]}`, at + ".required: has equal items: 0 and 1"},
		{"a negative length", `{"minLength": -1}`, at + ".minLength: -1 is below 0"},
		{"a length of more than there is", `{"maxLength": 1e30}`, at + ".maxLength: must be below 2147483648"},
		{"a multiple of nothing", `{"multipleOf": 0}`, at + ".multipleOf: 0 is not above 0"},
		{"unique as a word", `{"uniqueItems": "yes"}`, at + ".uniqueItems: must be true or false"},
		{"a regular expression", `{"pattern": "("}`, at + ".pattern: is no regular expression"},
		{"a look-ahead", `{"patternProperties": {"a(?=b)": true}}`, at + `.patternProperties.a(?=b): is no regular expression`},
		{"too large an expression", `{"pattern": "((a{1,100}){1,100}){1,100}"}`, at + ".pattern: is no regular expression"},
		{"large expressions", `{"pattern": "` + strings.Repeat("[a-z]{900}", 120) + `"}`, at + ": has too large regular expressions"},
		{"another dialect", `{"$schema": "http://json-schema.org/draft-07/schema#"}`, at + ".$schema: must be https://json-schema.org/draft/2020-12/schema"},
		{"a dialect of its own", `{"$schema": "file:///etc/passwd"}`, at + ".$schema: must be"},
		{"a name inside", `{"$defs": {"a": {"$id": "b"}}}`, at + ".$defs.a.$id: a schema inside"},
		{"a file", `{"$ref": "file:///etc/passwd"}`, at + `.$ref: leads out of this schema: "file:///etc/passwd"`},
		{"the network", `{"items": {"$ref": "http://example.com/schema#/a"}}`, at + ".items.$ref: leads out of this schema"},
		{"the metaschema", `{"$ref": "https://json-schema.org/draft/2020-12/schema"}`, at + ".$ref: leads out of this schema"},
		{"ours", `{"$ref": "` + judgeURL + `"}`, at + ".$ref: leads out of this schema"},
		{"a relative file", `{"$ref": "other.json"}`, at + ".$ref: leads out of this schema"},
		{"nowhere", `{"$ref": "#/$defs/a"}`, at + ".$ref: leads to no schema"},
		{"no anchor", `{"$ref": "#a"}`, at + ".$ref: leads to no schema"},
		{"what is no schema", `{"$ref": "#/enum/0", "enum": [{}]}`, at + ".$ref: leads to no schema"},
		{"a place as nobody writes it", `{"$ref": "#/allOf/00", "allOf": [true]}`, at + ".$ref: leads to no schema"},
		{"a broken escape", `{"$ref": "#/%zz"}`, at + ".$ref: is no reference"},
		{"a number", `{"$ref": 1}`, at + ".$ref: must be string"},
		{"an anchor twice", `{"allOf": [{"$anchor": "a"}, {"$anchor": "a"}]}`, at + `.allOf[1].$anchor: there is another anchor "a"`},
		{"a dynamic reference", `{"$dynamicRef": "#a"}`, at + ".$dynamicRef: is not supported"},
		{"an older one", `{"$recursiveRef": "#"}`, at + ".$recursiveRef: is not supported"},
		{"itself", `{"$ref": "#"}`, at + ": leads back to itself without going into the data"},
		{"itself by another way", `{"$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}, "properties": {"p": {"$ref": "#/$defs/a"}}}`, at + ": leads back to itself"},
		{"too many schemas", `{"allOf": [` + strings.Repeat("true,", 9999) + `true]}`, at + ": has more than 10000 schemas inside"},
		{"too large", `{"title": "` + strings.Repeat("a", maxSchemaBytes) + `"}`, at + ": has 262156 bytes, at most 262144"},
		{"doubled again and again", doubling(40, "allOf"), at + ": unfolds to more than 10000 schemas"},
		{"references of references", chained(200), at + ": has references and combinations that nest too deep"},
		{"doubled at each step into the data", `{"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}`, at + ": would look at one value more than 10000 times"},
		{"doubled at each item", `{"$ref": "#/$defs/n", "$defs": {"n": {"items": {"$ref": "#/$defs/n"}, "contains": {"$ref": "#/$defs/n"}}}}`, at + ": would look at one value more than 10000 times"},
		{"doubled by a pattern", `{"properties": {"a": {"$ref": "#"}}, "patternProperties": {"a": {"$ref": "#"}}}`, at + ": would look at one value more than 10000 times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults, _ := Parse([]byte(withSchema(c.schema)))
			sameFaults(t, faults, c.want)
		})
	}
}

// doubling is a schema that looks 2^n times at each value.
func doubling(n int, keyword string) string {
	var defs []string
	for i := range n {
		ref := fmt.Sprintf(`{"$ref": "#/$defs/d%d"}`, i+1)
		defs = append(defs, fmt.Sprintf(`"d%d": {%q: [%s, %s]}`, i, keyword, ref, ref))
	}
	return fmt.Sprintf(`{"$ref": "#/$defs/d0", "$defs": {%s, "d%d": true}}`, strings.Join(defs, ", "), n)
}

func chained(n int) string {
	var defs []string
	for i := range n {
		defs = append(defs, fmt.Sprintf(`"d%d": {"$ref": "#/$defs/d%d"}`, i, i+1))
	}
	return fmt.Sprintf(`{"$ref": "#/$defs/d0", "$defs": {%s, "d%d": true}}`, strings.Join(defs, ", "), n)
}

func TestSchemasThatReferToThemselvesAreAllowedWhereEachValueIsLookedAtSeldom(t *testing.T) {
	for _, schema := range []string{
		`{"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "required": ["a"]}`,
		`{"properties": {"next": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}`,
		`{"prefixItems": [{"$ref": "#"}, {"$ref": "#"}], "items": {"$ref": "#"}, "type": "object"}`,
		`{"properties": {"n": {"oneOf": [{"type": "number"}, {"type": "object", "properties": {"add": {"type": "array", "items": {"$ref": "#/properties/n"}}}}]}}}`,
	} {
		parsed(t, withSchema(schema))
	}
}

func TestAReferenceReadsNoFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{file, "file://" + file, filepath.Base(file)} {
		if _, faults, _ := Parse([]byte(withSchema(fmt.Sprintf(`{"$ref": %q}`, ref)))); len(faults) != 1 {
			t.Errorf("%s: %v", ref, faults)
		}
	}
}

// What would take long is refused before anything is looked at.
func TestNoDataTakesLong(t *testing.T) {
	const tooMany, tooLarge = "values in", "does not match the schema, and is too large to say where"
	for _, c := range []struct{ name, schema, data, want string }{
		{"many looks at many values", inItems(`{"allOf": [` + strings.Repeat(`{"type": "string"},`, 400) + `true]}`), items("1", 300_000), tooMany},
		{"many wrong values", inItems(`{"type": "string"}`), items("1", 300_000), tooLarge},
		{"many wrong alternatives", inItems(`{"anyOf": [` + strings.Repeat(`{"type": "string"},`, 9) + `false]}`), items("1", 70_000), tooLarge},
		{"a slow expression", `{"properties": {"a": {"pattern": "^(a?){900}a{900}$"}}}`, `{"a": "` + strings.Repeat("a", 900_000) + `"}`, tooMany},
		{"an expression that others cannot", `{"properties": {"a": {"pattern": "^(a+)+$"}}}`, `{"a": "` + strings.Repeat("a", 100_000) + `b"}`, "does not match the pattern"},
		{"equal hashes", `{"properties": {"a": {"uniqueItems": true}}}`, `{"a": [` + strings.Join(splits(12), ",") + `]}`, ""},
		{"a long enum", inItems(`{"enum": ["` + strings.Repeat("a", 100_000) + `"]}`), items(`"c"`, 100_000), tooMany},
		{"deep", `{"properties": {"a": {"$ref": "#"}}}`, strings.Repeat(`{"a":`, 60) + `1` + strings.Repeat(`}`, 60), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := joined(theEvent(t, parsed(t, withSchema(c.schema))).CheckData(data(t, c.data)))
			if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("got %.200q, want %q", got, c.want)
			}
		})
	}
}

func inItems(schema string) string {
	return `{"properties": {"a": {"items": ` + schema + `}}}`
}

func items(item string, n int) string {
	return `{"a": [` + strings.Repeat(item+",", n-1) + item + `]}`
}

// Three schemas look at each path of this data: 333,333 values are judged, one
// more is too many.
func TestTheWorkOfJudgingIsBounded(t *testing.T) {
	e := theEvent(t, parsed(t, withSchema(inItems(`{"type": "integer"}`))))
	if faults := e.CheckData(data(t, items("1", 333_331))); len(faults) > 0 {
		t.Errorf("at the bound: %v", faults)
	}
	sameFaults(t, e.CheckData(data(t, items("1", 333_332))), "333334 values in 666671 bytes are too many to be judged by this schema")
}

// No reference gets so far; if one did, there is nothing to be read.
func TestTheLibraryLoadsNothing(t *testing.T) {
	for _, url := range []string{"file:///etc/hosts", "https://example.com/schema"} {
		err := new(schema).compile(map[string]any{"$ref": url})
		if err == nil || !strings.Contains(err.Error(), "is not part of the schema") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// splits are the ways to write a row of characters as an array of strings. The
// bytes that a hash of them sees may be the same.
func splits(n int) []string {
	var out []string
	for bits := range 1 << n {
		item := `["`
		for i := range n {
			item += "x"
			if bits&(1<<i) != 0 {
				item += `","`
			} else {
				item += `\u0004`
			}
		}
		out = append(out, item+`"]`)
	}
	return out
}

func TestTheNumberOfDataFaultsIsBounded(t *testing.T) {
	e := theEvent(t, parsed(t, withSchema(`{"additionalProperties": {"type": "string"}}`)))
	var members []string
	for i := range 500 {
		members = append(members, fmt.Sprintf(`"m%03d": 1`, i))
	}
	faults := e.CheckData(data(t, `{`+strings.Join(members, ",")+`}`))
	if len(faults) != maxDataFaults || faults[99].Path != "m099" {
		t.Errorf("%d faults, the last at %s", len(faults), faults[len(faults)-1].Path)
	}
}
