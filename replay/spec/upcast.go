package spec

import (
	"fmt"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// NewerVersionError says that data has a schema version that the specification
// does not know yet.
type NewerVersionError struct {
	Event          string
	Given, Present uint32
}

func (e *NewerVersionError) Error() string {
	return fmt.Sprintf("%s has schema version %d; the specification knows it up to %d", e.Event, e.Given, e.Present)
}

// Upcast is data of an older schema version in its present form. Version 0 is
// the one of data without a stamp, which is 1. An operation that faults is
// skipped with a warning. The error is a [*NewerVersionError]; the data is then
// as it was.
func (e *Event) Upcast(data value.Value, from uint32) (value.Value, []tick.Warning, error) {
	if from > e.version {
		return data, nil, &NewerVersionError{e.name, from, e.version}
	}
	var warnings []tick.Warning
	for v := max(from, 1); v < e.version; v++ {
		var told []tick.Warning
		data, told = e.upcasts[v-1].Run(data, &tick.Input{Data: data}, nil) // stays an object
		warnings = append(warnings, told...)
	}
	return data, warnings, nil
}
