package spec

import (
	"github.com/stet-db/stet/replay/value"
)

type schema struct{}

func (r *reader) schema(v value.Value, path string) *schema { return new(schema) }

// CheckData tells where the data of a new event does not match the schema; at
// most 100 places. No data is {}. Data that is no object matches never.
func (e *Event) CheckData(data value.Value) []DataFault {
	if k := data.Kind(); k != value.KindNone && k != value.KindObject {
		return []DataFault{{"", "the data of an event is an object"}}
	}
	return nil
}
