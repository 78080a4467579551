package interchange_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
)

func sample(t *testing.T) storage.Event {
	t.Helper()
	id, err := storage.ParseEventID("01890a5d-ac96-774b-bcce-b302099a8057")
	if err != nil {
		t.Fatal(err)
	}
	return storage.Event{
		Stream: "cart-1", Version: 3, Position: 42,
		RecordedAt: storage.InstantOf(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)),
		ID:         id, Type: "ItemAdded", SchemaVersion: 2,
		OccurredAt: time.Date(2026, 1, 2, 3, 4, 0, 120, time.UTC),
		Metadata:   map[string]string{"b": "2", "a": "say \"hi\"\n"},
		Tags:       []string{"sku:A1", "£"},
		Kind:       storage.PayloadJSON, Payload: []byte(`{"price":1.50,"s":"a b"}`),
	}
}

// The golden is a lock: other bytes would make old exports compare unequal.
const golden = `{"stream":"cart-1","version":3,"position":42,"recorded_at":"2026-01-02T03:04:05.000006Z",` +
	`"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"ItemAdded","occurred_at":"2026-01-02T03:04:00.00000012Z",` +
	`"schema_version":2,"metadata":{"a":"say \"hi\"\n","b":"2"},"tags":["sku:A1","£"],"json":{"price":1.50,"s":"a b"}}`

func TestAnEventHasExactlyTheGoldenLine(t *testing.T) {
	e := sample(t)
	if got := string(interchange.AppendEvent(nil, &e)); got != golden {
		t.Errorf("got  %s\nwant %s", got, golden)
	}
}

func TestALineReadAndWrittenAgainIsTheSameLine(t *testing.T) {
	line, err := interchange.Parse([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(t), line.Event); diff != "" {
		t.Error(diff)
	}
	if got := string(interchange.AppendEvent(nil, &line.Event)); got != golden {
		t.Errorf("got %s", got)
	}
}

func TestPayloadsKeepTheirBytes(t *testing.T) {
	for name, c := range map[string]struct {
		kind    storage.PayloadKind
		payload string
		field   string
	}{
		"a compact object is embedded":     {storage.PayloadJSON, `{"a":[1,2.50,"x y"]}`, `"json":{`},
		"a bare number is embedded":        {storage.PayloadJSON, `1e400`, `"json":1e400`},
		"null is embedded":                 {storage.PayloadJSON, `null`, `"json":null`},
		"a string is embedded":             {storage.PayloadJSON, `"a \" b"`, `"json":"a`},
		"an object with blanks is a text":  {storage.PayloadJSON, "{\"a\": 1}", `"json_text":`},
		"a trailing newline makes a text":  {storage.PayloadJSON, "{}\n", `"json_text":`},
		"odd escapes are left as they are": {storage.PayloadJSON, `{"\u0061":"\/"}`, `"json":`},
		"binary is base64":                 {storage.PayloadBinary, "\x00\xff\xfe", `"binary":"AP/+"`},
	} {
		t.Run(name, func(t *testing.T) {
			e := storage.Event{Stream: "s", Type: "T", Kind: c.kind, Payload: []byte(c.payload)}
			line := interchange.AppendEvent(nil, &e)
			if !strings.Contains(string(line), c.field) {
				t.Errorf("%s has no %s", line, c.field)
			}
			back, err := interchange.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			if string(back.Event.Payload) != c.payload || back.Event.Kind != c.kind {
				t.Errorf("got back %q", back.Event.Payload)
			}
		})
	}
}

func TestAnEventWithoutPayloadIsAnEmptyObject(t *testing.T) {
	line, err := interchange.Parse([]byte(` {"type" : "T" , "stream":"s-1", "id":null,"tags":[ ],"metadata":{ } } `))
	if err != nil {
		t.Fatal(err)
	}
	want := storage.Event{Stream: "s-1", Type: "T", Kind: storage.PayloadJSON, Payload: []byte("{}"), Metadata: map[string]string{}}
	if diff := cmp.Diff(want, line.Event); diff != "" {
		t.Error(diff)
	}
}

func TestHeadersRoundTrip(t *testing.T) {
	h := interchange.Header{History: storage.HistoryID{1, 2}, Head: 7, Filtered: true}
	text := string(interchange.AppendHeader(nil, h))
	if want := `{"stet_export":1,"history_id":"01020000000000000000000000000000","head":7,"filtered":true}`; text != want {
		t.Errorf("got %s", text)
	}
	line, err := interchange.Parse([]byte(text))
	if err != nil || line.Header == nil || *line.Header != h {
		t.Errorf("got %+v, %v", line, err)
	}
}

func TestMalformedLinesAreRefusedWithAReason(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"nothing":               {``, "not a JSON object"},
		"not JSON":              {`{"stream":`, "not a JSON object"},
		"not an object":         {`[1]`, "not a JSON object"},
		"two objects":           {`{"stream":"s","type":"T"}{}`, "not a JSON object"},
		"broken UTF-8":          {"{\"stream\":\"\xff\",\"type\":\"T\"}", "not a JSON object"},
		"repeated field":        {`{"stream":"s","type":"T","type":"U"}`, "not a JSON object"},
		"unknown field":         {`{"stream":"s","type":"T","data":{}}`, "data is unknown"},
		"other case":            {`{"Stream":"s","type":"T"}`, "Stream is unknown"},
		"no stream":             {`{"type":"T"}`, "stream is missing"},
		"no type":               {`{"stream":"s"}`, "type is missing"},
		"stream is a number":    {`{"stream":5,"type":"T"}`, "stream is 5; want a string"},
		"two payloads":          {`{"stream":"s","type":"T","json":1,"binary":"AA=="}`, "give one of them"},
		"not base64":            {`{"stream":"s","type":"T","binary":"A"}`, "binary is not base64"},
		"bad id":                {`{"stream":"s","type":"T","id":"7"}`, "want a UUID"},
		"time without zone":     {`{"stream":"s","type":"T","occurred_at":"2026-01-02T03:04:05"}`, "want a time with zone"},
		"time of none":          {`{"stream":"s","type":"T","occurred_at":"0001-01-01T00:00:00Z"}`, "stands for no time"},
		"text is no JSON":       {`{"stream":"s","type":"T","json_text":"{"}`, "json_text is refused"},
		"recorded too finely":   {`{"stream":"s","type":"T","recorded_at":"2026-01-02T03:04:05.0000001Z"}`, "whole microseconds"},
		"metadata is a list":    {`{"stream":"s","type":"T","metadata":[]}`, "want an object of strings"},
		"metadata with numbers": {`{"stream":"s","type":"T","metadata":{"k":1}}`, `metadata ["k"] is 1; want a string`},
		"tags is a string":      {`{"stream":"s","type":"T","tags":"a"}`, "not a list"},
		"negative version":      {`{"stream":"s","type":"T","version":-1}`, "want a whole number"},
		"huge schema version":   {`{"stream":"s","type":"T","schema_version":4294967296}`, "at most 4294967295"},
		"newer export":          {`{"stet_export":2,"history_id":"01020000000000000000000000000000","head":7}`, "this release reads 1"},
		"header without head":   {`{"stet_export":1,"history_id":"01020000000000000000000000000000"}`, "needs history_id and head"},
		"event with a head":     {`{"stream":"s","type":"T","head":7}`, "only an export's first line has"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := interchange.Parse([]byte(c.line))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want it to say %q", err, c.want)
			}
		})
	}
}

func TestAllFaultsOfALineAreNamedAtOnce(t *testing.T) {
	_, err := interchange.Parse([]byte(`{"stream":1,"type":2,"extra":3}`))
	var invalid *storage.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Violations) != 3 {
		t.Errorf("got %v", err)
	}
}

func TestAnyEventSurvivesTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z£"\\\n\t é😀-]{1,12}`)
		e := storage.Event{
			Stream: text.Draw(t, "stream"), Type: text.Draw(t, "type"),
			Version:    storage.Version(rapid.Uint64().Draw(t, "version")),
			Position:   storage.Position(rapid.Uint64Min(1).Draw(t, "position")),
			RecordedAt: storage.Instant(rapid.Int64Range(-1e15, 1e17).Draw(t, "recorded")),
			OccurredAt: time.Unix(rapid.Int64Range(-6e10, 2e11).Draw(t, "sec"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			Metadata:   rapid.MapOfN(text, text, 1, 4).Draw(t, "metadata"),
			Tags:       rapid.SliceOfN(text, 1, 4).Draw(t, "tags"),
			Kind:       storage.PayloadBinary, Payload: rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "payload"),
		}
		if rapid.Bool().Draw(t, "json") {
			value := rapid.MapOf(text, text).Draw(t, "value")
			e.Kind = storage.PayloadJSON
			e.Payload, _ = json.Marshal(value) // a map of strings can always be marshalled
			if rapid.Bool().Draw(t, "indent") {
				e.Payload, _ = json.MarshalIndent(value, "", "  ") // as above
			}
		}
		line := interchange.AppendEvent(nil, &e)
		if strings.ContainsAny(string(line), "\n\r") {
			t.Fatalf("the line has a line break: %q", line)
		}
		back, err := interchange.Parse(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if diff := cmp.Diff(e, back.Event); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte(golden))
	z.Add([]byte(`{"stream":"s","type":"T","json_text":"{ }","metadata":{"a":"\u00e9"},"tags":["\\"]}`))
	z.Add([]byte(`{"stet_export":1,"history_id":"01020000000000000000000000000000","head":7}`))
	z.Run(func(t *testing.T, line []byte) {
		parsed, err := interchange.Parse(line)
		if err != nil || parsed.Header != nil {
			return
		}
		e := parsed.Event
		if e.Position == 0 {
			e.Version, e.RecordedAt = 0, 0
		}
		if len(e.Metadata) == 0 {
			e.Metadata = nil
		}
		once := interchange.AppendEvent(nil, &e)
		again, err := interchange.Parse(once)
		if err != nil {
			t.Fatalf("%s gives %s, which is refused: %v", line, once, err)
		}
		if e.Kind == storage.PayloadJSON && !interchange.IsCompact(e.Payload) {
			// The text form is the same payload.
			if string(again.Event.Payload) != string(e.Payload) {
				t.Fatalf("payload %q became %q", e.Payload, again.Event.Payload)
			}
		}
		if twice := interchange.AppendEvent(nil, &again.Event); string(twice) != string(once) {
			t.Fatalf("%s became %s", once, twice)
		}
	})
}
