package tick

import "github.com/stet-db/stet/replay/value"

// Value is a JSON value; package value has all about it.
type Value = value.Value

// ParseValue is [value.Parse].
func ParseValue(text []byte) (Value, error) { return value.Parse(text) }
