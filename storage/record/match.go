package record

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/stet-db/stet/storage"
)

// Source narrows a [Matcher] to one stream, or to one category; empty: to
// neither.
type Source struct {
	Stream, Category string
}

// Matcher chooses stored events by filter and source, without taking them
// apart. It is immutable and safe for concurrent use.
//
// Events of the server's streams, whose names begin with "$", are left out
// unless they are asked for: by the source, or by a stream prefix or a category
// of the item that takes the event.
type Matcher struct {
	source Source
	items  []item
	// sourceIsServer tells that the source itself is the server's.
	sourceIsServer bool
}

// item is a [storage.FilterItem] prepared. Its tags are without duplicates.
type item struct {
	prefixes, categories, types, tags, correlations []string
}

// namesStreams tells whether a match of the item's names was asked for by name.
func (i *item) namesStreams() bool { return len(i.prefixes)+len(i.categories) > 0 }

// NewMatcher prepares a matcher. It keeps nothing of f.
func NewMatcher(f storage.Filter, source Source) *Matcher {
	m := &Matcher{
		source:         source,
		sourceIsServer: storage.IsServerStream(source.Stream) || storage.IsServerStream(source.Category),
	}
	for _, from := range f.AnyOf {
		tags := slices.Clone(from.AllTags)
		slices.Sort(tags)
		m.items = append(m.items, item{
			prefixes:   slices.Clone(from.StreamPrefixes),
			categories: slices.Clone(from.Categories),
			types:      slices.Clone(from.Types),
			tags:       slices.Compact(tags),

			correlations: slices.Clone(from.CorrelationIDs),
		})
	}
	return m
}

// All tells that only events of the server's streams are left out.
func (m *Matcher) All() bool { return m.source == Source{} && len(m.items) == 0 }

// Match tells whether the stored event passes. It allocates nothing. wire must
// be what [Unseal] gave; the answer for anything else means nothing.
func (m *Matcher) Match(wire []byte) bool {
	stream, rest, ok := consumeTagged(wire, tagStream)
	if !ok || !m.matchSource(stream) {
		return false
	}
	server := stream[0] == '$' && !m.sourceIsServer
	if len(m.items) == 0 {
		return !server
	}
	// The fields behind the name are looked for only once a name has passed.
	var c clientFields
	for i := range m.items {
		it := &m.items[i]
		if server && !it.namesStreams() || !it.matchName(stream) {
			continue
		}
		if !c.found {
			c.find(rest)
		}
		if it.matchType(c.typ) && it.matchTags(c.tags) && it.matchCorrelation(c.metadata) {
			return true
		}
	}
	return false
}

func (m *Matcher) matchSource(stream []byte) bool {
	if len(stream) == 0 || m.source.Stream != "" && m.source.Stream != string(stream) {
		return false
	}
	return m.source.Category == "" || isCategory(stream, m.source.Category)
}

// isCategory tells whether the stream's name before its first dash is category.
func isCategory(stream []byte, category string) bool {
	if before, _, dash := bytes.Cut(stream, []byte{'-'}); dash {
		return string(before) == category
	}
	return string(stream) == category
}

func (i *item) matchName(stream []byte) bool {
	return matchAny(i.prefixes, func(prefix string) bool {
		return len(prefix) <= len(stream) && string(stream[:len(prefix)]) == prefix
	}) && matchAny(i.categories, func(category string) bool {
		return isCategory(stream, category)
	})
}

func (i *item) matchType(typ []byte) bool {
	return matchAny(i.types, func(t string) bool { return t == string(typ) })
}

// matchAny is true also when nothing is asked for.
func matchAny(asked []string, matches func(string) bool) bool {
	return len(asked) == 0 || slices.ContainsFunc(asked, matches)
}

// matchTags counts the event's tags that are asked for: neither side has a tag
// twice, so all are there when the count is that of those asked for.
func (i *item) matchTags(tags []byte) bool {
	missing := len(i.tags)
	for missing > 0 {
		tag, rest, ok := consumeTagged(tags, tagTags)
		if !ok {
			return false
		}
		if _, found := slices.BinarySearchFunc(i.tags, tag, compareText); found {
			missing--
		}
		tags = rest
	}
	return true
}

// matchCorrelation walks the metadata, whose keys are ascending, only for an item
// that asks for it.
func (i *item) matchCorrelation(metadata []byte) bool {
	if len(i.correlations) == 0 {
		return true
	}
	for {
		one, rest, ok := consumeTagged(metadata, tagMetadata)
		if !ok {
			return false
		}
		key, after, ok := consumeTagged(one, tagKey)
		if ok && string(key) == storage.MetadataCorrelationID {
			id, _, ok := consumeTagged(after, tagValue)
			return ok && slices.ContainsFunc(i.correlations, func(asked string) bool { return asked == string(id) })
		}
		metadata = rest
	}
}

// compareText compares without the copy that a conversion would make elsewhere.
func compareText(s string, b []byte) int {
	switch {
	case s < string(b):
		return -1
	case s == string(b):
		return 0
	}
	return 1
}

// clientFields are what a filter looks at besides the name.
type clientFields struct {
	found bool
	typ   []byte
	// metadata is the wire form from the first entry of the metadata on.
	metadata []byte
	// tags is the wire form from the first tag on.
	tags []byte
}

// find walks from version on, over the fields that no filter looks at.
func (c *clientFields) find(rest []byte) {
	c.found = true
	for len(rest) > 0 {
		tag := rest[0]
		if protowire.Type(tag&7) == protowire.VarintType {
			var ok bool
			if _, rest, ok = consumeTaggedVarint(rest, tag); !ok {
				return
			}
			continue
		}
		value, after, ok := consumeTagged(rest, tag)
		switch {
		case !ok || tag >= 0x80: // the payload, which has a tag of two bytes
			return
		case tag == tagType:
			c.typ = value
		case tag == tagMetadata && c.metadata == nil:
			c.metadata = rest
		case tag == tagTags:
			c.tags = rest
			return
		}
		rest = after
	}
}
