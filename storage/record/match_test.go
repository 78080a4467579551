package record_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// matches is the slow and simple judgement.
func matches(f storage.Filter, source record.Source, e *storage.Event) bool {
	category := storage.CategoryOf(e.Stream)
	if source.Stream != "" && source.Stream != e.Stream || source.Category != "" && source.Category != category {
		return false
	}
	asked := !storage.IsServerStream(e.Stream) || source != record.Source{}
	if len(f.AnyOf) == 0 {
		return asked
	}
	for _, item := range f.AnyOf {
		prefix := slices.ContainsFunc(item.StreamPrefixes, func(p string) bool { return strings.HasPrefix(e.Stream, p) })
		named := prefix || slices.Contains(item.Categories, category)
		if (len(item.StreamPrefixes) == 0 || prefix) &&
			(len(item.Categories) == 0 || slices.Contains(item.Categories, category)) &&
			(len(item.Types) == 0 || slices.Contains(item.Types, e.Type)) &&
			!slices.ContainsFunc(item.AllTags, func(tag string) bool { return !slices.Contains(e.Tags, tag) }) &&
			(len(item.CorrelationIDs) == 0 || correlated(item.CorrelationIDs, e)) &&
			(asked || named) {
			return true
		}
	}
	return false
}

func correlated(ids []string, e *storage.Event) bool {
	id, there := e.Metadata["correlation_id"]
	return there && slices.Contains(ids, id)
}

func TestTheMatcherAgreesWithASimpleJudgement(t *testing.T) {
	streams := rapid.SampledFrom([]string{"a", "a-1", "a-2", "ab-1", "b-1-2", "$s", "$s-1", "-x", "é-1"})
	prefixes := rapid.SampledFrom([]string{"a", "a-", "a-1", "b", "$", "$s", "$s-1x", "-", "\u00e9", "zz"})
	categories := rapid.SampledFrom([]string{"a", "ab", "b", "$s", "é", "", "zz"})
	types := rapid.SampledFrom([]string{"T", "U", "T2"})
	labels := rapid.SampledFrom([]string{"x", "y", "z", "xx"})
	keys := rapid.OneOf(anyText(5), rapid.SampledFrom([]string{"correlation_id", "correlation_i", "correlation_ids", "causation_id", "z"}))
	items := rapid.Custom(func(t *rapid.T) storage.FilterItem {
		return storage.FilterItem{
			StreamPrefixes: rapid.SliceOfN(prefixes, 0, 2).Draw(t, "prefixes"),
			Categories:     rapid.SliceOfN(categories, 0, 2).Draw(t, "categories"),
			Types:          rapid.SliceOfN(types, 0, 2).Draw(t, "types"),
			AllTags:        rapid.SliceOfN(labels, 0, 3).Draw(t, "tags"),
			CorrelationIDs: rapid.SliceOfN(labels, 0, 2).Draw(t, "correlation ids"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		e := storage.Event{
			Stream: streams.Draw(t, "stream"), Type: types.Draw(t, "type"), Kind: storage.PayloadJSON, Payload: []byte("{}"), ID: storage.EventID{1},
			SchemaVersion: rapid.SampledFrom([]uint32{0, 300}).Draw(t, "schema version"),
			Tags:          rapid.SliceOfNDistinct(labels, 0, 4, rapid.ID[string]).Draw(t, "tags"),
			Metadata:      rapid.MapOfN(keys, rapid.OneOf(rapid.String(), labels), 0, 4).Draw(t, "metadata"),
		}
		if rapid.Bool().Draw(t, "has time") {
			e.OccurredAt = anyTimestamp().Draw(t, "occurred at").AsTime()
		}
		filter := storage.Filter{AnyOf: rapid.SliceOfN(items, 0, 3).Draw(t, "items")}
		source := rapid.SampledFrom([]record.Source{{}, {Stream: "a-1"}, {Stream: "$s-1"}, {Category: "a"}, {Category: "$s"}, {Category: "zz"}}).Draw(t, "source")

		n, violations := record.NewEventOf(&e, standard)
		if violations != nil {
			t.Fatal(violations)
		}
		wire := place{e.Stream, 3, 70_000, 1}.stored(&n)
		m := record.NewMatcher(filter, source)
		if got, want := m.Match(wire), matches(filter, source, &e); got != want {
			t.Fatalf("%+v from %+v on %+v: %v, want %v", filter, source, e, got, want)
		}
		if m.All() != (len(filter.AnyOf) == 0 && source == record.Source{}) {
			t.Fatal("All is wrong")
		}
	})
}

func TestServerStreamsAreLeftOutUnlessAskedFor(t *testing.T) {
	stored := func(stream string) []byte {
		e := parse(t, deterministic(t, full()))
		return place{stream, 1, 1, 1}.stored(&e)
	}
	ours, theirs := stored("$sys-1"), stored("order-7")
	for name, c := range map[string]struct {
		m      *record.Matcher
		server bool
		client bool
	}{
		"nothing asked":               {record.NewMatcher(storage.Filter{}, record.Source{}), false, true},
		"a type":                      {record.NewMatcher(itemFilter(storage.FilterItem{Types: []string{"OrderPlaced"}}), record.Source{}), false, true},
		"a tag":                       {record.NewMatcher(itemFilter(storage.FilterItem{AllTags: []string{"order:7"}}), record.Source{}), false, true},
		"the stream":                  {record.NewMatcher(storage.Filter{}, record.Source{Stream: "$sys-1"}), true, false},
		"the category":                {record.NewMatcher(storage.Filter{}, record.Source{Category: "$sys"}), true, false},
		"the category and a type":     {record.NewMatcher(itemFilter(storage.FilterItem{Types: []string{"OrderPlaced"}}), record.Source{Category: "$sys"}), true, false},
		"a prefix":                    {record.NewMatcher(itemFilter(storage.FilterItem{StreamPrefixes: []string{"$"}}), record.Source{}), true, false},
		"a category in the filter":    {record.NewMatcher(itemFilter(storage.FilterItem{Categories: []string{"$sys"}}), record.Source{}), true, false},
		"a prefix and a type":         {record.NewMatcher(itemFilter(storage.FilterItem{StreamPrefixes: []string{"$", "order"}, Types: []string{"OrderPlaced"}}), record.Source{}), true, true},
		"a prefix in another item":    {record.NewMatcher(itemFilter(storage.FilterItem{StreamPrefixes: []string{"$"}, Types: []string{"Other"}}, storage.FilterItem{Types: []string{"OrderPlaced"}}), record.Source{}), false, true},
		"a client's prefix":           {record.NewMatcher(itemFilter(storage.FilterItem{StreamPrefixes: []string{"order"}}), record.Source{}), false, true},
		"all of many tags, repeated":  {record.NewMatcher(itemFilter(storage.FilterItem{AllTags: []string{"customer:42", "order:7", "order:7"}}), record.Source{}), false, true},
		"one tag too many":            {record.NewMatcher(itemFilter(storage.FilterItem{AllTags: []string{"customer:42", "order:7", "order:8"}}), record.Source{}), false, false},
		"a beginning of a tag":        {record.NewMatcher(itemFilter(storage.FilterItem{AllTags: []string{"order:"}}), record.Source{}), false, false},
		"a correlation id":            {record.NewMatcher(itemFilter(storage.FilterItem{CorrelationIDs: []string{"c0", "c1"}}), record.Source{}), false, true},
		"another correlation id":      {record.NewMatcher(itemFilter(storage.FilterItem{CorrelationIDs: []string{"c", "c10", "42"}}), record.Source{}), false, false},
		"a beginning of the category": {record.NewMatcher(storage.Filter{}, record.Source{Category: "ord"}), false, false},
	} {
		if got := c.m.Match(ours); got != c.server {
			t.Errorf("%s: an event of the server passes: %v", name, got)
		}
		if got := c.m.Match(theirs); got != c.client {
			t.Errorf("%s: an event of a client passes: %v", name, got)
		}
	}
}

func itemFilter(items ...storage.FilterItem) storage.Filter { return storage.Filter{AnyOf: items} }

func TestTheMatcherKeepsNothingOfTheFilter(t *testing.T) {
	item := storage.FilterItem{Types: []string{"OrderPlaced"}, AllTags: []string{"order:7", "customer:42"}}
	before := slices.Clone(item.AllTags)
	m := record.NewMatcher(itemFilter(item), record.Source{})
	if !slices.Equal(item.AllTags, before) {
		t.Errorf("the filter was changed to %v", item.AllTags)
	}
	item.Types[0] = "Other"
	e := parse(t, deterministic(t, full()))
	if !m.Match(place{"a", 1, 1, 1}.stored(&e)) {
		t.Error("a later change of the filter changes the matcher")
	}
}

func TestWhatIsNoEventMakesNoMatcherPanic(t *testing.T) {
	m := record.NewMatcher(itemFilter(storage.FilterItem{Types: []string{"T"}, AllTags: []string{"a"}, CorrelationIDs: []string{"c"}}), record.Source{})
	for _, s := range samples(t) {
		wire := s.wire(t)
		for n := range wire {
			m.Match(wire[:n])
		}
		for bit := range len(wire) * 8 {
			m.Match(flip(wire, bit))
		}
	}
}

func TestACorrelationIDIsTheValueOfItsKeyOnly(t *testing.T) {
	m := record.NewMatcher(itemFilter(storage.FilterItem{CorrelationIDs: []string{"b", "c"}}), record.Source{})
	for _, c := range []struct {
		metadata map[string]string
		want     bool
	}{
		{map[string]string{"correlation_id": "c"}, true},
		{map[string]string{"a": "x", "causation_id": "x", "correlation_id": "b", "z": "x"}, true},
		{map[string]string{"causation_id": "c", "correlation_i": "c", "correlation_id": "x", "correlation_id2": "c", "z": "c"}, false},
		{map[string]string{"correlation_i": "c", "correlation_ie": "c", "correlation_idc": ""}, false},
		{map[string]string{"correlation_id": ""}, false},
		{map[string]string{"correlation_id": "cc"}, false},
		{nil, false},
	} {
		e := storage.Event{Stream: "a-1", Type: "T", Metadata: c.metadata, Kind: storage.PayloadJSON, Payload: []byte("{}"), ID: storage.EventID{1}}
		n, violations := record.NewEventOf(&e, standard)
		if violations != nil {
			t.Fatal(violations)
		}
		if got := m.Match(place{e.Stream, 1, 1, 1}.stored(&n)); got != c.want {
			t.Errorf("%v: %v", c.metadata, got)
		}
	}
}
