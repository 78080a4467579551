package storage

import "fmt"

// Filter chooses events: one passes when at least one item takes it. The zero
// Filter passes everything but events of the server's streams.
type Filter struct {
	// AnyOf are the items.
	AnyOf []FilterItem
}

// FilterItem takes an event when every kind that is given takes it.
type FilterItem struct {
	// StreamPrefixes, Categories and Types take an event when one of them is
	// the event's.
	StreamPrefixes, Categories, Types []string
	// AllTags takes an event that carries every one of them.
	AllTags []string
	// CorrelationIDs take an event whose metadata has one of them under
	// [MetadataCorrelationID].
	CorrelationIDs []string
}

// Bounds of a filter. A filter is matched against every event scanned, so both
// are small.
const (
	MaxFilterItems   = 64
	MaxFilterStrings = 256
	// MaxFilterCorrelationBytes bounds one correlation id asked for. Those of
	// events may be longer, as metadata may; such are found by tag only.
	MaxFilterCorrelationBytes = 256
)

// MetadataCorrelationID is the key of the metadata that says which request or
// case an event belongs to.
const MetadataCorrelationID = "correlation_id"

// Validate says what is wrong with the filter, with fields below the given
// path, for example "filter".
func (f Filter) Validate(path string, limits Limits) []Violation {
	var out []Violation
	if len(f.AnyOf) > MaxFilterItems {
		out = append(out, Violation{path + ".any_of", fmt.Sprintf("has %d items; at most %d are allowed", len(f.AnyOf), MaxFilterItems)})
		return out
	}
	total := 0
	for i, item := range f.AnyOf {
		at := fmt.Sprintf("%s.any_of[%d]", path, i)
		n := len(item.StreamPrefixes) + len(item.Categories) + len(item.Types) + len(item.AllTags) + len(item.CorrelationIDs)
		if n == 0 {
			out = append(out, Violation{at, "is empty; give at least one string, or leave the item out"})
		}
		total += n
		out = appendTextViolations(out, at+".stream_prefixes", item.StreamPrefixes, limits.StreamBytes)
		for j, category := range item.Categories {
			if problem := CategoryProblem(category, limits); problem != "" {
				out = append(out, Violation{fmt.Sprintf("%s.categories[%d]", at, j), problem})
			}
		}
		out = appendTextViolations(out, at+".types", item.Types, limits.TypeBytes)
		out = appendTextViolations(out, at+".all_tags", item.AllTags, limits.TagBytes)
		out = appendTextViolations(out, at+".correlation_ids", item.CorrelationIDs, MaxFilterCorrelationBytes)
	}
	if total > MaxFilterStrings {
		out = append(out, Violation{path + ".any_of", fmt.Sprintf("has %d strings; at most %d are allowed", total, MaxFilterStrings)})
	}
	return out
}

func appendTextViolations(out []Violation, path string, texts []string, maxBytes int) []Violation {
	for i, s := range texts {
		if problem := TextProblem(s, maxBytes); problem != "" {
			out = append(out, Violation{fmt.Sprintf("%s[%d]", path, i), problem})
		}
	}
	return out
}
