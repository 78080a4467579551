package record_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

func bytesField(num protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), value)
}

func varintField(num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
}

func jsonField(text string) []byte { return bytesField(100, text) }

func entry(key, value string) []byte { return join(bytesField(1, key), bytesField(2, value)) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// checkSayable wants violations that fit into a message.
func checkSayable(t *testing.T, violations []storage.Violation) {
	t.Helper()
	for _, v := range violations {
		if !utf8.ValidString(v.Field) || !utf8.ValidString(v.Problem) || len(v.Field)+len(v.Problem) > 1000 {
			t.Errorf("%q %q cannot be sent", v.Field, v.Problem)
		}
	}
}

func TestWhatIsNoEventIsRefusedWithItsPlace(t *testing.T) {
	tail := join(bytesField(11, "T"), jsonField("{}"))
	for name, c := range map[string]struct {
		wire  []byte
		field string
		says  string
	}{
		"the server's stream":          {join(bytesField(1, "other"), tail), "", "field 1"},
		"the server's version":         {join(tail, varintField(2, 1)), "", "field 2"},
		"the server's schema version":  {join(varintField(5, 1), tail), "", "field 5"},
		"a number kept for the server": {join(varintField(9, 1), tail), "", "field 9"},
		"an unknown number":            {join(tail, varintField(16, 1)), "", "unknown field 16"},
		"an unknown high number":       {join(tail, bytesField(536870911, "")), "", "unknown field 536870911"},
		"an unknown fixed number":      {join(protowire.AppendFixed32(protowire.AppendTag(nil, 50, protowire.Fixed32Type), 1), tail), "", "unknown field 50"},
		"an unknown group":             {join(protowire.AppendTag(nil, 50, protowire.StartGroupType), protowire.AppendTag(nil, 50, protowire.EndGroupType), tail), "", "unknown field 50"},
		"the type as a number":         {join(varintField(11, 1), tail), "", "field 11"},
		"the schema version as text":   {join(tail, bytesField(15, "1")), "", "field 15"},
		"the payload as a group":       {protowire.AppendTag(nil, 100, protowire.StartGroupType), "", "field 100"},
		"field number 0":               {join([]byte{0, 0}, tail), "", "malformed"},
		"a field number too high":      {join([]byte{0x80, 0x80, 0x80, 0x80, 0x10, 0}, tail), "", "malformed"},
		"a varint without end":         {bytes.Repeat([]byte{0xff}, 11), "", "malformed"},
		"half a varint":                {[]byte{0xd2}, "", "cut short"},
		"a length beyond the end":      {[]byte{0x5a, 5, 'T'}, "", "cut short"},
		"a length beyond all":          {[]byte{0x5a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'T'}, "", "cut short"},
		"id twice":                     {join(bytesField(10, ""), bytesField(10, idText), tail), "id", "twice"},
		"type twice":                   {join(bytesField(11, "T"), tail), "type", "twice"},
		"occurred_at twice":            {join(bytesField(12, ""), bytesField(12, ""), tail), "occurred_at", "twice"},
		"schema_version twice":         {join(varintField(15, 1), varintField(15, 1), tail), "schema_version", "twice"},
		"seconds twice":                {join(bytesField(12, string(join(varintField(1, 1), varintField(1, 1)))), tail), "occurred_at", "twice"},
		"an unknown field in a time":   {join(bytesField(12, string(varintField(3, 1))), tail), "occurred_at", "unknown"},
		"text in a time":               {join(bytesField(12, string(bytesField(1, "1"))), tail), "occurred_at", "unknown"},
		"half a time":                  {join(bytesField(12, "\x08"), tail), "occurred_at", "cut short"},
		"an entry with two keys":       {join(bytesField(13, string(join(bytesField(1, "k"), bytesField(1, "k")))), tail), "metadata", "two keys"},
		"an entry with two values":     {join(bytesField(13, string(join(entry("k", "v"), bytesField(2, "v")))), tail), "metadata", "two values"},
		"an unknown field in an entry": {join(bytesField(13, string(join(entry("k", "v"), bytesField(3, "")))), tail), "metadata", "unknown"},
		"a number in an entry":         {join(bytesField(13, string(varintField(2, 1))), tail), "metadata", "unknown"},
		"half an entry":                {join(bytesField(13, "\x0a\x05k"), tail), "metadata", "cut short"},
		"a schema version too high":    {join(varintField(15, 1<<32), tail), "schema_version", "at most"},
		"a negative schema version":    {join(varintField(15, 1<<64-1), tail), "schema_version", "at most"},
		"nothing":                      {nil, "type", "empty"},
	} {
		_, violations := record.ParseNewEvent(c.wire, standard)
		if len(violations) == 0 || violations[0].Field != c.field || !strings.Contains(violations[0].Problem, c.says) {
			t.Errorf("%s: %v, want %q and %q", name, violations, c.field, c.says)
		}
		checkSayable(t, violations)
	}
}

// canonicalRest is what the forms below all lead to.
var canonicalRest = join(
	bytesField(11, "T"),
	bytesField(12, string(join(varintField(1, 5), varintField(2, 7)))),
	bytesField(13, string(entry("a", "1"))), bytesField(13, string(entry("b", ""))),
	bytesField(14, "y"), bytesField(14, "x"),
	jsonField("{}"),
)

func TestOtherFormsAreMadeCanonical(t *testing.T) {
	typ, when := bytesField(11, "T"), bytesField(12, string(join(varintField(1, 5), varintField(2, 7))))
	a, b := bytesField(13, string(entry("a", "1"))), bytesField(13, string(entry("b", "")))
	tagY, tagX, payload := bytesField(14, "y"), bytesField(14, "x"), jsonField("{}")
	for name, wire := range map[string][]byte{
		"fields out of order":          join(payload, tagY, typ, tagX, when, b, a),
		"metadata out of order":        join(typ, when, b, a, tagY, tagX, payload),
		"a tag of two bytes":           join([]byte{0xda, 0x00, 1, 'T'}, when, a, b, tagY, tagX, payload),
		"a length of three bytes":      join([]byte{0x5a, 0x81, 0x80, 0x00, 'T'}, when, a, b, tagY, tagX, payload),
		"an entry's value first":       join(typ, when, bytesField(13, string(join(bytesField(2, "1"), bytesField(1, "a")))), b, tagY, tagX, payload),
		"an entry without its value":   join(typ, when, a, bytesField(13, string(bytesField(1, "b"))), tagY, tagX, payload),
		"a long length in an entry":    join(typ, when, a, bytesField(13, "\x0a\x81\x00b\x12\x00"), tagY, tagX, payload),
		"nanos before seconds":         join(typ, bytesField(12, string(join(varintField(2, 7), varintField(1, 5)))), a, b, tagY, tagX, payload),
		"a long varint in a time":      join(typ, bytesField(12, "\x08\x85\x00\x10\x07"), a, b, tagY, tagX, payload),
		"the id between":               join(typ, when, bytesField(10, idText), a, b, tagY, tagX, payload),
		"an empty id between":          join(typ, when, bytesField(10, ""), a, b, tagY, tagX, payload),
		"the schema version between":   join(typ, when, a, b, tagY, tagX, varintField(15, 3), payload),
		"schema version 0 between":     join(typ, when, a, b, tagY, tagX, varintField(15, 0), payload),
		"a long schema version":        join(typ, when, a, b, tagY, tagX, []byte{0x78, 0x83, 0x80, 0x00}, payload),
		"tags and metadata interlaced": join(typ, tagY, a, when, tagX, b, payload),
	} {
		given := slices.Clone(wire)
		e := parse(t, given)
		if !bytes.Equal(e.Rest, canonicalRest) {
			t.Errorf("%s leads to\n%x, want\n%x", name, e.Rest, canonicalRest)
		}
		if !bytes.Equal(given, wire) {
			t.Errorf("%s: what the client sent was changed", name)
		}
		if len(wire) > 0 && &e.Rest[0] == &given[0] {
			t.Errorf("%s: a form that is not canonical was kept", name)
		}
	}
}

func TestFieldsThatSayTheirDefaultAreDropped(t *testing.T) {
	want := join(bytesField(11, "T"), bytesField(12, ""), jsonField("{}"))
	e := parse(t, join(bytesField(10, ""), bytesField(11, "T"), bytesField(12, string(join(varintField(1, 0), varintField(2, 0)))), varintField(15, 0), jsonField("{}")))
	if !bytes.Equal(e.Rest, want) || !e.ServerMadeID || !e.ID.IsZero() || e.SchemaVersion != 0 {
		t.Errorf("got %+v, want the rest %x", e, want)
	}
}

func TestCanonicalBytesAreKeptWhereTheyLie(t *testing.T) {
	id, version := bytesField(10, upper), varintField(15, 3)
	for name, c := range map[string]struct{ before, after []byte }{
		"alone":                  {nil, nil},
		"the id before":          {id, nil},
		"the id behind":          {nil, id},
		"both before":            {join(version, id), nil},
		"id before, schema last": {id, version},
		"a long id before":       {join([]byte{0xd2, 0x80, 0x00, 36}, []byte(idText)), nil},
	} {
		wire := join(c.before, canonicalRest, c.after)
		e := parse(t, wire)
		if !bytes.Equal(e.Rest, canonicalRest) || &e.Rest[0] != &wire[len(c.before)] {
			t.Errorf("%s: the client's bytes were copied", name)
		}
		if cap(e.Rest) != len(e.Rest) {
			t.Errorf("%s: there is room behind the event, where an append would write over the client's bytes", name)
		}
	}
}

func TestTheSchemaVersionMovesToTheServersField(t *testing.T) {
	for _, v := range []uint32{0, 1, 127, 128, 1<<32 - 1} {
		m := full()
		m.SchemaVersion = v
		e := parse(t, deterministic(t, m))
		wire := place{"a", 1, 1, 1}.stored(&e)
		if e.SchemaVersion != v || bytes.Contains(e.Rest, varintField(15, uint64(v))) {
			t.Errorf("schema version %d is read as %d, or stays in %x", v, e.SchemaVersion, e.Rest)
		}
		decoded, err := record.Decode(wire)
		if err != nil || decoded.SchemaVersion != v {
			t.Errorf("schema version %d is stored as %d, %v", v, decoded.SchemaVersion, err)
		}
		if bytes.Contains(wire, varintField(5, uint64(v))) != (v != 0) {
			t.Errorf("schema version %d: %x", v, wire)
		}
	}
}

func TestIDsAreStoredInLowerCase(t *testing.T) {
	m := full()
	m.Id = upper
	e := parse(t, deterministic(t, m))
	if wire := (place{"a", 1, 1, 1}).stored(&e); !bytes.Contains(wire, []byte(idText)) || e.ServerMadeID {
		t.Errorf("stored as %q", wire)
	}
	m.Id = ""
	if e := parse(t, deterministic(t, m)); !e.ID.IsZero() || !e.ServerMadeID {
		t.Errorf("an event without id has %v, made by the server: %v", e.ID, e.ServerMadeID)
	}
}
