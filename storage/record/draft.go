package record

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/stet-db/stet/storage"
)

// draft is the client's part of an event taken apart: the fields from 10 on.
// Its slices lie in what was parsed. One is made for every event, on the stack.
type draft struct {
	id            []byte
	schemaVersion uint64
	typ           []byte
	hasOccurred   bool
	occurred      timestamp
	// metadata is in the order given until sortMetadata. metadataCount is how
	// many entries there were: more than the ceiling are counted, not kept.
	metadata      few[entry]
	metadataCount int
	metadataBytes int
	unsorted      bool
	// tags and tagCount likewise.
	tags     few[[]byte]
	tagCount int
	kind     storage.PayloadKind
	payload  []byte

	// form tells whether the fields from 11 on, schema version excepted, were
	// canonical already and lie in one piece, and where.
	form form
	seen seen
}

// Ceilings of [storage.Limits]. More is a fault, so it need not be kept.
const (
	ceilingMetadata = 1024
	ceilingTags     = 256
)

// entry is one entry of the metadata.
type entry struct {
	key, value []byte
}

func (e entry) size() int { return sizeTagged(len(e.key)) + sizeTagged(len(e.value)) }

// form follows whether the fields that belong to Rest are canonical where they
// lie: ascending, minimal, and next to each other.
type form struct {
	from, to int
	last     protowire.Number
	begun    bool
	broken   bool
}

// take notes a field of Rest that lies at from, before to.
func (f *form) take(num protowire.Number, from, to int, canonical bool) {
	if !f.begun {
		f.begun, f.from = true, from
	} else if f.to != from || num < f.last {
		f.broken = true
	}
	f.to, f.last = to, num
	f.broken = f.broken || !canonical
}

// seen notes the fields that may be given once.
type seen struct {
	id, typ, occurredAt, schemaVersion bool
}

// once notes a field and tells whether it is the first.
func once(seen *bool) bool {
	first := !*seen
	*seen = true
	return first
}

const problemRepeated problem = "is given twice; give it once"

// parse walks the wire form of the fields from 10 on. It reads values without
// judging them; what it refuses is not the form of an event at all, named by
// path (empty: the event as a whole) and problem.
func (d *draft) parse(wire []byte) (path string, p problem) {
	for at := 0; at < len(wire); {
		f, n, p := consumeField(wire[at:])
		if p != "" {
			return "", p
		}
		path, p := d.take(f, at, at+n)
		if p != "" {
			return path, p
		}
		at += n
	}
	return "", ""
}

// take notes one field, which lies at from, before to.
func (d *draft) take(f field, from, to int) (path string, p problem) {
	if f.num == fieldNewSchemaVersion && f.typ == protowire.VarintType {
		d.schemaVersion = f.varint
		return checkOnce("schema_version", &d.seen.schemaVersion)
	}
	if f.typ != protowire.BytesType {
		return "", unknownField(f)
	}
	canonical := f.minimal
	switch f.num {
	case fieldID:
		d.id = f.bytes
		return checkOnce("id", &d.seen.id)
	case fieldType:
		d.typ = f.bytes
		path, p = checkOnce("type", &d.seen.typ)
	case fieldOccurredAt:
		var inner bool
		d.hasOccurred = true
		d.occurred, inner, p = parseTimestamp(f.bytes)
		path, canonical = "occurred_at", canonical && inner
		if p == "" {
			path, p = checkOnce(path, &d.seen.occurredAt)
		}
	case fieldMetadata:
		var inner bool
		inner, p = d.takeMetadata(f.bytes)
		path, canonical = "metadata", canonical && inner
	case fieldTags:
		d.takeTag(f.bytes)
	case fieldJSON:
		path, p = d.takePayload(storage.PayloadJSON, f.bytes)
	case fieldBinary:
		path, p = d.takePayload(storage.PayloadBinary, f.bytes)
	default:
		p = unknownField(f)
	}
	d.form.take(f.num, from, to, canonical)
	return path, p
}

func checkOnce(path string, seen *bool) (string, problem) {
	if !once(seen) {
		return path, problemRepeated
	}
	return path, ""
}

func unknownField(f field) problem {
	switch {
	case f.num < fieldID:
		return problem(fmt.Sprintf("has field %d, which is the server's; leave it out", f.num))
	case f.num == fieldID, f.num >= fieldType && f.num <= fieldNewSchemaVersion, f.num == fieldJSON, f.num == fieldBinary:
		return problem(fmt.Sprintf("has field %d with wire type %d, which is not that field's", f.num, f.typ))
	}
	return problem(fmt.Sprintf("has the unknown field %d; leave it out", f.num))
}

// takeMetadata reads an entry of the metadata. On the wire a map is a repeated
// message with key and value, of which each may be absent, which means empty,
// or come second. canonical: both are there, key first.
func (d *draft) takeMetadata(b []byte) (canonical bool, p problem) {
	var e entry
	var hasKey, hasValue bool
	canonical = true
	for len(b) > 0 {
		f, n, p := consumeField(b)
		if p != "" {
			return false, p
		}
		canonical = canonical && f.minimal
		switch {
		case f.num == fieldKey && f.typ == protowire.BytesType:
			if !once(&hasKey) {
				return false, "has an entry with two keys"
			}
			canonical = canonical && !hasValue
			e.key = f.bytes
		case f.num == fieldValue && f.typ == protowire.BytesType:
			if !once(&hasValue) {
				return false, "has an entry with two values"
			}
			e.value = f.bytes
		default:
			return false, "has an entry with an unknown field"
		}
		b = b[n:]
	}
	inOrder := d.addMetadata(e)
	return canonical && hasKey && hasValue && inOrder, ""
}

// addMetadata tells whether the entry's key is above all before it.
func (d *draft) addMetadata(e entry) (inOrder bool) {
	kept := d.metadata.all()
	inOrder = len(kept) == 0 || bytes.Compare(kept[len(kept)-1].key, e.key) < 0
	d.unsorted = d.unsorted || !inOrder
	d.metadataCount++
	d.metadataBytes += len(e.key) + len(e.value)
	if d.metadataCount <= ceilingMetadata {
		d.metadata.add(e)
	}
	return inOrder
}

// sortMetadata brings the entries into the canonical order.
func (d *draft) sortMetadata() {
	if d.unsorted {
		slices.SortFunc(d.metadata.all(), func(a, b entry) int { return bytes.Compare(a.key, b.key) })
		d.unsorted = false
	}
}

func (d *draft) takeTag(tag []byte) {
	d.tagCount++
	if d.tagCount <= ceilingTags {
		d.tags.add(tag)
	}
}

func (d *draft) takePayload(kind storage.PayloadKind, payload []byte) (path string, p problem) {
	path = payloadPath(kind)
	if d.kind != storage.PayloadNone {
		return path, "is a second payload; give exactly one of json and binary"
	}
	d.kind, d.payload = kind, payload
	return path, ""
}

func payloadPath(kind storage.PayloadKind) string {
	if kind == storage.PayloadBinary {
		return "binary"
	}
	return "json"
}

func payloadField(kind storage.PayloadKind) protowire.Number {
	if kind == storage.PayloadBinary {
		return fieldBinary
	}
	return fieldJSON
}

// rest is the canonical wire form of the fields from 11 on: the bytes of wire,
// which was parsed, where those are canonical, else new ones.
func (d *draft) rest(wire []byte) []byte {
	if d.form.begun && !d.form.broken {
		return wire[d.form.from:d.form.to:d.form.to]
	}
	return d.appendRest(make([]byte, 0, d.restSize()))
}

func (d *draft) restSize() int {
	n := sizeTagged(len(d.typ))
	if d.hasOccurred {
		n += sizeTagged(d.occurred.size())
	}
	for _, e := range d.metadata.all() {
		n += sizeTagged(e.size())
	}
	for _, tag := range d.tags.all() {
		n += sizeTagged(len(tag))
	}
	return n + protowire.SizeTag(fieldJSON) + protowire.SizeBytes(len(d.payload))
}

// appendRest encodes the fields from 11 on; package doc and docs/format.md draw
// them. The metadata must be free of duplicates.
func (d *draft) appendRest(dst []byte) []byte {
	d.sortMetadata()
	dst = appendTagged(dst, tagType, d.typ)
	if d.hasOccurred {
		dst = appendTimestamp(dst, tagOccurredAt, d.occurred)
	}
	for _, e := range d.metadata.all() {
		dst = protowire.AppendVarint(append(dst, tagMetadata), uint64(e.size()))
		dst = appendTagged(dst, tagKey, e.key)
		dst = appendTagged(dst, tagValue, e.value)
	}
	for _, tag := range d.tags.all() {
		dst = appendTagged(dst, tagTags, tag)
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, payloadField(d.kind), protowire.BytesType), d.payload)
}
