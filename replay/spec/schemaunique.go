package spec

import (
	"encoding/json"
	"math/big"
	"net/mail"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// unique does uniqueItems in linear time. The library compares all items of
// one hash with each other, and its hashes are easy to make equal.
var unique = &jsonschema.Vocabulary{
	URL: "stet://vocabulary/unique",
	Compile: func(_ *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
		if on, _ := schema[uniqueKeyword].(bool); on {
			return uniqueItems{}, nil
		}
		return nil, nil //nolint:nilnil // as the library wants it for no extension
	},
}

type uniqueItems struct{}

// Validate finds the first item that was there before.
func (uniqueItems) Validate(ctx *jsonschema.ValidatorContext, v any) {
	items, ok := v.([]any)
	if !ok {
		return
	}
	seen := make(map[string]int, len(items))
	for i, item := range items {
		text := string(appendCanonical(nil, item))
		if before, twice := seen[text]; twice {
			ctx.AddError(&kind.UniqueItems{Duplicates: [2]int{before, i}})
			return
		}
		seen[text] = i
	}
}

// appendCanonical writes equal values equally, and others otherwise.
func appendCanonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		dst = append(dst, '{')
		for _, key := range keys {
			dst = appendCanonical(strconv.AppendQuote(dst, key), v[key])
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for _, item := range v {
			dst = append(appendCanonical(dst, item), ',')
		}
		return append(dst, ']')
	case string:
		return strconv.AppendQuote(dst, v)
	case json.Number:
		n, _ := new(big.Rat).SetString(v.String()) // within the bounds of package value
		return append(dst, n.RatString()...)
	case bool:
		return strconv.AppendBool(dst, v)
	default:
		return append(dst, "null"...)
	}
}

// email is stricter than the library's, which takes an address without a name.
var email = &jsonschema.Format{Name: "email", Validate: func(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return errNoEmail
	}
	return nil
}}
