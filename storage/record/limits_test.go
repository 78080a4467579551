package record_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// fields gives the paths of the violations.
func fields(violations []storage.Violation) []string {
	out := []string{}
	for _, v := range violations {
		out = append(out, v.Field)
	}
	return out
}

// judge is what both ways into the canonical form say about an event.
func judge(t *testing.T, e *stetv1.NewEvent, limits storage.Limits) []string {
	t.Helper()
	_, violations := record.ParseNewEvent(deterministic(t, e), limits)
	if e.GetId() == "" {
		_, made := record.NewEventOf(eventOf(t, e), limits)
		if !slices.Equal(violations, made) {
			t.Errorf("ParseNewEvent says %v, NewEventOf %v", violations, made)
		}
	}
	for _, v := range violations {
		if v.Problem == "" {
			t.Errorf("no problem is said for %q", v.Field)
		}
	}
	return fields(violations)
}

func metadata(n int, value string) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprintf("key%04d", i)] = value
	}
	return m
}

func tags(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("tag%d", i))
	}
	return out
}

// Each limit: one below and at it passes, one above is refused and names the
// field.
func TestLimitsAreKeptToTheByte(t *testing.T) {
	small := storage.Limits{TypeBytes: 3, MetadataEntries: 2, MetadataBytes: 20, Tags: 2, TagBytes: 3}.WithDefaults()
	for _, c := range []struct {
		name   string
		limits storage.Limits
		most   int
		field  string
		set    func(e *stetv1.NewEvent, n int)
	}{
		{"type", standard, 256, "type", func(e *stetv1.NewEvent, n int) { e.Type = strings.Repeat("t", n) }},
		{"type of two byte characters", standard, 256, "type", func(e *stetv1.NewEvent, n int) { e.Type = strings.Repeat("é", n/2) + "x"[:n%2] }},
		{"short type", small, 3, "type", func(e *stetv1.NewEvent, n int) { e.Type = strings.Repeat("t", n) }},
		{"metadata entries", standard, 64, "metadata", func(e *stetv1.NewEvent, n int) { e.Metadata = metadata(n, "") }},
		{"few metadata entries", small, 2, "metadata", func(e *stetv1.NewEvent, n int) { e.Metadata = metadata(n, "") }},
		{"metadata bytes", standard, 64 << 10, "metadata", func(e *stetv1.NewEvent, n int) { e.Metadata = map[string]string{"key": strings.Repeat("v", n-3)} }},
		{"few metadata bytes", small, 20, "metadata", func(e *stetv1.NewEvent, n int) {
			e.Metadata = map[string]string{"a": strings.Repeat("v", n-5), "bcd": "w"}
		}},
		{"metadata key", standard, 256, "metadata", func(e *stetv1.NewEvent, n int) { e.Metadata = map[string]string{strings.Repeat("k", n): "v"} }},
		{"tags", standard, 32, "tags", func(e *stetv1.NewEvent, n int) { e.Tags = tags(n) }},
		{"few tags", small, 2, "tags", func(e *stetv1.NewEvent, n int) { e.Tags = []string{"a", "b", "c"}[:n] }},
		{"tag bytes", standard, 256, "tags[1]", func(e *stetv1.NewEvent, n int) { e.Tags = []string{"a", strings.Repeat("t", n)} }},
		{"short tag bytes", small, 3, "tags[0]", func(e *stetv1.NewEvent, n int) { e.Tags = []string{strings.Repeat("t", n)} }},
		{"json depth", standard, storage.JSONDepth, "json", func(e *stetv1.NewEvent, n int) {
			e.Payload = &stetv1.NewEvent_Json{Json: strings.Repeat("[", n) + strings.Repeat("]", n)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n, want := range map[int]bool{c.most - 1: true, c.most: true, c.most + 1: false} {
				e := simple()
				c.set(e, n)
				got := judge(t, e, c.limits)
				if want != (len(got) == 0) {
					t.Errorf("at %d of %d: %v", n, c.most, got)
				}
				if !want && (len(got) != 1 || !strings.HasPrefix(got[0], c.field)) {
					t.Errorf("at %d of %d the fault is said to be in %v, want %s", n, c.most, got, c.field)
				}
			}
		})
	}
}

func TestTheCeilingsOfTheLimitsAreKept(t *testing.T) {
	most := standard
	most.MetadataEntries, most.Tags, most.MetadataBytes = 1024, 256, 1<<20
	if problems := most.Validate(); problems != nil {
		t.Fatal(problems)
	}
	e := simple()
	e.Metadata, e.Tags = metadata(1024, "v"), tags(256)
	if got := judge(t, e, most); len(got) > 0 {
		t.Errorf("the ceilings themselves are refused: %v", got)
	}
	for name, wire := range map[string][]byte{
		"canonical": deterministic(t, e),
		"shuffled":  shuffle(deterministic(t, e), rand.New(rand.NewPCG(1, 2))),
	} {
		parsed, violations := record.ParseNewEvent(wire, most)
		if len(violations) > 0 {
			t.Fatalf("%s: %v", name, violations)
		}
		read, err := record.Decode(place{"a", 1, 1, 1}.stored(&parsed))
		if err != nil || !maps.Equal(read.Metadata, e.GetMetadata()) || !slices.Equal(read.Tags, e.GetTags()) {
			t.Errorf("%s: an event at the ceilings comes back with %d entries and %d tags, %v", name, len(read.Metadata), len(read.Tags), err)
		}
	}
	for _, above := range []storage.Limits{{MetadataEntries: 1025}, {Tags: 257}} {
		if len(above.WithDefaults().Validate()) == 0 {
			t.Errorf("%+v is above what this package keeps, yet allowed", above)
		}
	}
	e.Metadata, e.Tags = metadata(100_000, "v"), tags(100_000)
	if got := judge(t, e, most); !slices.Equal(got, []string{"metadata", "tags"}) {
		t.Errorf("far above the ceilings: %v", got)
	}
}

func TestTheSizeBoundIsTheLongestFormOfTheEvent(t *testing.T) {
	e := parse(t, deterministic(t, full()))
	for _, stream := range []string{"a", strings.Repeat("s", 127), strings.Repeat("s", 128), strings.Repeat("s", 512)} {
		// A recorded time of -1 us has the ten byte seconds and five byte nanos.
		longest := record.RecordedSize(stream, math.MaxUint64, math.MaxUint64, -1, &e)
		if bound := record.SizeBound(stream, &e); bound != longest {
			t.Errorf("the bound is %d, the longest form %d", bound, longest)
		}
	}
	// A byte more of payload is a byte more of bound, so a limit is met exactly.
	bound := func(n int) int {
		m := simple()
		m.Payload = &stetv1.NewEvent_Binary{Binary: make([]byte, n)}
		e := parse(t, deterministic(t, m))
		return record.SizeBound("order-7", &e)
	}
	at := 1<<20 - (bound(1<<20-1000) - (1<<20 - 1000))
	if bound(at-1) != 1<<20-1 || bound(at) != 1<<20 || bound(at+1) != 1<<20+1 {
		t.Errorf("payloads of %d bytes and one less and more have bounds %d, %d, %d", at, bound(at), bound(at-1), bound(at+1))
	}
}

func TestEveryFormOfIDIsJudged(t *testing.T) {
	for id, ok := range map[string]bool{
		"": true, idText: true, upper: true, "550e8400-e29b-41d4-a716-446655440000": true, "ffffffff-ffff-ffff-ffff-ffffffffffff": true,
		"00000000-0000-0000-0000-000000000000": false,
		idText[:35]:                            false,
		idText + "0":                           false,
		"{" + idText + "}":                     false,
		"urn:uuid:" + idText:                   false,
		strings.ReplaceAll(idText, "-", ""):    false,
		strings.ReplaceAll(idText, "-", "_"):   false,
		"g" + idText[1:]:                       false,
		" " + idText[1:]:                       false,
		idText[:35] + "\n":                     false,
		"-" + idText[1:]:                       false,
		strings.Repeat("é", 18):                false,
	} {
		e := simple()
		e.Id = id
		got := judge(t, e, standard)
		if ok && len(got) > 0 || !ok && !slices.Equal(got, []string{"id"}) {
			t.Errorf("id %q: %v", id, got)
		}
	}
}

func TestTimesOutOfRangeAreRefused(t *testing.T) {
	const first, last = -62135596800, 253402300799
	for _, c := range []struct {
		seconds int64
		nanos   int32
		ok      bool
	}{
		{first, 0, false}, // the zero time stands for none
		{first, 1, true},
		{first + 1, 0, true},
		{first - 1, 999_999_999, false},
		{math.MinInt64, 0, false},
		{last, 0, true},
		{last, 999_999_999, true},
		{last - 1, 0, true},
		{last + 1, 0, false},
		{math.MaxInt64, 0, false},
		{0, 0, true},
		{0, -1, false},
		{0, 999_999_999, true},
		{0, 1_000_000_000, false},
		{0, math.MinInt32, false},
		{-1, 999_999_998, true},
	} {
		e := simple()
		e.OccurredAt = &timestamppb.Timestamp{Seconds: c.seconds, Nanos: c.nanos}
		_, violations := record.ParseNewEvent(deterministic(t, e), standard)
		if got := fields(violations); c.ok && len(got) > 0 || !c.ok && !slices.Equal(got, []string{"occurred_at"}) {
			t.Errorf("%d s %d ns: %v", c.seconds, c.nanos, got)
		}
	}
}

func TestTextsThatAreNoneAreRefused(t *testing.T) {
	bad := map[string]string{
		"empty": "", "a control character": "a\nb", "NUL": "\x00", "DEL": "\x7f", "a C1 control": "a\u0085", "half a character": "a\xc3", "a surrogate": "\xed\xa0\x80", "a stray byte": "\xff",
	}
	for name, text := range bad {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				field string
				wire  []byte
			}{
				{"type", join(bytesField(11, text), jsonField("{}"))},
				{"tags[1]", join(bytesField(11, "T"), bytesField(14, "ok"), bytesField(14, text), jsonField("{}"))},
				{"metadata", join(bytesField(11, "T"), bytesField(13, string(entry(text, "v"))), jsonField("{}"))},
			} {
				_, violations := record.ParseNewEvent(c.wire, standard)
				if len(violations) != 1 || !strings.HasPrefix(violations[0].Field, c.field) {
					t.Errorf("%s: %v", c.field, violations)
				}
				checkSayable(t, violations)
			}
		})
	}
	for _, value := range []string{"", "a\nb", "\x00"} {
		e := simple()
		e.Metadata = map[string]string{"k": value}
		if got := judge(t, e, standard); len(got) > 0 {
			t.Errorf("the metadata value %q is refused: %v", value, got)
		}
	}
	wire := join(bytesField(11, "T"), bytesField(13, string(entry("k", "\xff"))), jsonField("{}"))
	if _, violations := record.ParseNewEvent(wire, standard); !slices.Equal(fields(violations), []string{"metadata[k]"}) {
		t.Errorf("a value that is no UTF-8: %v", violations)
	}
}

func TestNamesOfTheServerAndRepetitionsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		wire   []byte
		fields []string
	}{
		"a $ key":           {join(bytesField(11, "T"), bytesField(13, string(entry("$k", "v"))), jsonField("{}")), []string{"metadata[$k]"}},
		"a key twice":       {join(bytesField(11, "T"), bytesField(13, string(entry("k", "v"))), bytesField(13, string(entry("k", "v"))), jsonField("{}")), []string{"metadata[k]"}},
		"a key twice apart": {join(bytesField(13, string(entry("k", "1"))), bytesField(13, string(entry("a", ""))), bytesField(11, "T"), bytesField(13, string(entry("k", "2"))), jsonField("{}")), []string{"metadata[k]"}},
		"a tag twice":       {join(bytesField(11, "T"), bytesField(14, "a"), bytesField(14, "b"), bytesField(14, "a"), jsonField("{}")), []string{"tags[2]"}},
		"everything":        {join(bytesField(10, "x"), bytesField(12, string(varintField(1, math.MaxInt64))), bytesField(13, string(entry("", ""))), bytesField(14, ""), varintField(15, 1<<32)), []string{"id", "type", "occurred_at", `metadata[""]`, "tags[0]", "schema_version", "json"}},
	} {
		_, violations := record.ParseNewEvent(c.wire, standard)
		if got := fields(violations); !slices.Equal(got, c.fields) {
			t.Errorf("%s: %v, want %v", name, got, c.fields)
		}
	}
	many := []byte{}
	for range 32 {
		many = append(many, bytesField(14, "\n")...)
	}
	if _, violations := record.ParseNewEvent(many, standard); len(violations) != 16 {
		t.Errorf("%d violations are given, want 16 at the most", len(violations))
	}
}

func TestPayloadsThatAreNoneAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		payload []byte
		field   string
	}{
		"absent":              {nil, "json"},
		"empty json":          {jsonField(""), "json"},
		"empty binary":        {bytesField(101, ""), "binary"},
		"json twice":          {join(jsonField("1"), jsonField("1")), "json"},
		"json and binary":     {join(jsonField("1"), bytesField(101, "x")), "binary"},
		"binary and json":     {join(bytesField(101, "x"), jsonField("1")), "json"},
		"malformed json":      {jsonField(`{"a":`), "json"},
		"a key twice":         {jsonField(`{"a":1,"\u0061":2}`), "json"},
		"json not UTF-8":      {jsonField("\"\xff\""), "json"},
		"two values":          {jsonField("1 2"), "json"},
		"white space only":    {jsonField(" "), "json"},
		"deep json":           {jsonField(strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)), "json"},
		"half a surrogate":    {jsonField(`"\ud800"`), "json"},
		"a duplicate in deep": {jsonField(`[[{"x":[{"a":1,"a":1}]}]]`), "json"},
	} {
		_, violations := record.ParseNewEvent(join(bytesField(11, "T"), c.payload), standard)
		if got := fields(violations); !slices.Equal(got, []string{c.field}) {
			t.Errorf("%s: %v, want %s", name, got, c.field)
		}
		checkSayable(t, violations)
	}
	if _, violations := record.NewEventOf(&storage.Event{Type: "T", Kind: 9, Payload: []byte("x")}, standard); !slices.Equal(fields(violations), []string{"json"}) {
		t.Errorf("an unknown kind of payload: %v", violations)
	}
}
