package record

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/storage"
)

// maxViolations bounds what is said about one event.
const maxViolations = 16

// faults collects violations, up to maxViolations. The zero value is empty.
type faults struct {
	list []storage.Violation
}

func (f *faults) add(field, problem string) {
	if problem != "" && len(f.list) < maxViolations {
		f.list = append(f.list, storage.Violation{Field: field, Problem: problem})
	}
}

// validate judges everything that a client gave, and gives the id, zero when
// there is none. It allocates nothing when there is nothing to say, or the
// metadata is out of order.
func (d *draft) validate(limits storage.Limits) (storage.EventID, []storage.Violation) {
	var f faults
	var id storage.EventID
	if len(d.id) > 0 {
		var err error
		if id, err = storage.ParseEventID(d.id); err != nil {
			f.add("id", err.Error())
		}
	}
	f.add("type", storage.TextProblem(d.typ, limits.TypeBytes))
	if d.hasOccurred {
		f.add("occurred_at", string(d.occurred.problem()))
	}
	d.validateMetadata(&f, limits)
	d.validateTags(&f, limits)
	if d.schemaVersion > math.MaxUint32 {
		f.add("schema_version", fmt.Sprintf("is %d; at most %d is allowed", d.schemaVersion, uint32(math.MaxUint32)))
	}
	d.validatePayload(&f)
	return id, f.list
}

func (d *draft) validateMetadata(f *faults, limits storage.Limits) {
	if d.metadataCount > limits.MetadataEntries {
		f.add("metadata", fmt.Sprintf("has %d entries; at most %d are allowed", d.metadataCount, limits.MetadataEntries))
		return
	}
	if d.metadataBytes > limits.MetadataBytes {
		f.add("metadata", fmt.Sprintf("has %d bytes of keys and values; at most %d are allowed", d.metadataBytes, limits.MetadataBytes))
		return
	}
	d.sortMetadata()
	entries := d.metadata.all()
	for i, e := range entries {
		if problem := storage.TextProblem(e.key, storage.MetadataKeyBytes); problem != "" {
			f.add(metadataPath(e.key), "has a key that "+problem)
			continue
		}
		if e.key[0] == '$' {
			f.add(metadataPath(e.key), `has a key that begins with "$", which is kept for the server; choose another`)
		}
		if i > 0 && bytes.Equal(e.key, entries[i-1].key) {
			f.add(metadataPath(e.key), string(problemRepeated))
		}
		if !utf8.Valid(e.value) {
			f.add(metadataPath(e.key), "has a value that is not valid UTF-8")
		}
	}
}

// metadataPath names an entry. A key that is no fit text is quoted and cut, for
// a path goes into messages that must be valid UTF-8.
func metadataPath(key []byte) string {
	if storage.TextProblem(key, storage.MetadataKeyBytes) == "" {
		return "metadata[" + string(key) + "]"
	}
	const shown = 32
	return "metadata[" + strconv.QuoteToASCII(string(key[:min(len(key), shown)])) + "]"
}

func (d *draft) validateTags(f *faults, limits storage.Limits) {
	if d.tagCount > limits.Tags {
		f.add("tags", fmt.Sprintf("has %d tags; at most %d are allowed", d.tagCount, limits.Tags))
		return
	}
	tags := d.tags.all()
	for i, tag := range tags {
		if problem := storage.TextProblem(tag, limits.TagBytes); problem != "" {
			f.add(fmt.Sprintf("tags[%d]", i), problem)
			continue
		}
		if first := indexOf(tags[:i], tag); first >= 0 {
			f.add(fmt.Sprintf("tags[%d]", i), fmt.Sprintf("is the same as tags[%d]; give it once", first))
		}
	}
}

// indexOf looks through all tags: there are few, and no set to allocate.
func indexOf(tags [][]byte, tag []byte) int {
	for i, other := range tags {
		if bytes.Equal(other, tag) {
			return i
		}
	}
	return -1
}

func (d *draft) validatePayload(f *faults) {
	switch {
	case d.kind == storage.PayloadNone:
		f.add("json", `is missing; give exactly one of json and binary (an event without data is "{}")`)
	case d.kind != storage.PayloadJSON && d.kind != storage.PayloadBinary:
		f.add("json", fmt.Sprintf("is missing: the payload is of the unknown kind %d", d.kind))
	case len(d.payload) == 0:
		f.add(payloadPath(d.kind), "is empty; give at least one byte (an event without data is the json {})")
	case d.kind == storage.PayloadJSON:
		f.add("json", jsonProblem(d.payload))
	}
}

func jsonProblem(text []byte) string {
	err := strictjson.Check(text, storage.JSONDepth)
	if err == nil {
		return ""
	}
	var fault *strictjson.Error
	if !errors.As(err, &fault) {
		return "is refused: " + err.Error()
	}
	return fmt.Sprintf("is refused at byte %d: %s", fault.Offset, fault.Problem)
}
