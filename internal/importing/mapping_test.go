package importing_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/internal/interchange"
)

// shop is the mapping that the issue and the README show.
func shop() importing.Mapping {
	return importing.Mapping{
		Stream:   "invoice-{{.InvoiceNo}}",
		Type:     `{{if hasPrefix .InvoiceNo "C"}}LineCancelled{{else}}LineSold{{end}}`,
		Tags:     []string{"customer:{{.CustomerID}}", "stock:{{.StockCode}}"},
		Time:     "{{.InvoiceDate}}",
		TimeZone: "Europe/London",
		Numbers:  []string{"Quantity", "UnitPrice"},
		Meta:     []string{"actor_type=importer", "country={{.Country}}"},
	}
}

const shopHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

// mapped gives each record as a line, or as its fault.
func mapped(t *testing.T, csv string, m importing.Mapping) []string {
	t.Helper()
	r, err := importing.NewCSVReader(strings.NewReader(csv), m)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		rec, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			return append(out, "end: "+err.Error())
		case rec.Header:
		case rec.Fault != nil:
			out = append(out, "fault: "+rec.Fault.Error())
		default:
			out = append(out, string(interchange.AppendEvent(nil, &rec.Event)))
		}
	}
}

func TestTheShopsRowsBecomeEvents(t *testing.T) {
	got := mapped(t, shopHeader+
		"536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"+
		"C536379,D,\"RECORD FRAME 7\"\" , £ \",-1,2011-07-01 09:41:00,27.500,,France\n", shop())
	want := []string{
		`{"stream":"invoice-536365","type":"LineSold","occurred_at":"2010-12-01T08:26:00Z",` +
			`"metadata":{"actor_type":"importer","country":"United Kingdom"},"tags":["customer:17850.0","stock:85123A"],` +
			`"json":{"InvoiceNo":"536365","StockCode":"85123A","Description":"WHITE HEART","Quantity":6,` +
			`"InvoiceDate":"2010-12-01 08:26:00","UnitPrice":2.55,"CustomerID":"17850.0","Country":"United Kingdom"}}`,
		`{"stream":"invoice-C536379","type":"LineCancelled","occurred_at":"2011-07-01T08:41:00Z",` +
			`"metadata":{"actor_type":"importer","country":"France"},"tags":["stock:D"],` +
			`"json":{"InvoiceNo":"C536379","StockCode":"D","Description":"RECORD FRAME 7\" , £ ","Quantity":-1,` +
			`"InvoiceDate":"2011-07-01 09:41:00","UnitPrice":27.500,"CustomerID":"","Country":"France"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// field maps one row "a,b" with header "A,B" and gives the fault, or the part
// of the line that the test looks at.
func TestTemplatesAndTheirFunctions(t *testing.T) {
	for name, c := range map[string]struct{ row, typ, want string }{
		"a condition on numbers":       {"10,9", `{{if numGt .A .B}}more{{else}}less{{end}}`, `"type":"more"`},
		"texts compare as texts":       {"10,9", `{{if gt .A .B}}more{{else}}less{{end}}`, `"type":"less"`},
		"numbers compare exactly":      {"0.10,0.1", `{{if numEq .A .B}}same{{else}}other{{end}}`, `"type":"same"`},
		"no rounding at the far end":   {"9007199254740993,9007199254740992", `{{if numEq .A .B}}same{{else}}other{{end}}`, `"type":"other"`},
		"a number in the template":     {"0.0,x", `{{if numLe .A 0}}free{{else}}paid{{end}}`, `"type":"free"`},
		"comparing no number":          {"x,1", `{{if numLt .A 0}}a{{else}}b{{end}}`, `"x" is not a number`},
		"a giant exponent":             {"1e9999,1", `{{if numLt .A .B}}a{{else}}b{{end}}`, `exponent is too large`},
		"trimming":                     {" x ,y.0", `{{trim .A}}{{trimSuffix .B ".0"}}`, `"type":"xy"`},
		"case and replacing":           {"aB,b c", `{{lower .A}}{{upper .A}}{{replace .B " " "_"}}`, `"type":"abABb_c"`},
		"a default":                    {",b", `{{default "none" .A}}`, `"type":"none"`},
		"pipes":                        {" X ,b", `{{.A | trim | lower}}`, `"type":"x"`},
		"a column by name":             {"x,b", `{{col "A"}}`, `"type":"x"`},
		"an unknown column by name":    {"x,b", `{{col "Z"}}`, `there is no column "Z"`},
		"the line":                     {"x,b", `L{{line}}`, `"type":"L2"`},
		"an empty type is left to all": {"x,b", ``, `"type":"`},
	} {
		t.Run(name, func(t *testing.T) {
			m := importing.Mapping{Stream: "s-{{.A}}", Type: c.typ}
			if c.typ == "" {
				m.Type = "{{/* nothing */}}"
			}
			got := mapped(t, "A,B\n"+c.row+"\n", m)
			if len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

func TestNumbersKeepTheirDigitsAndMustBeJSON(t *testing.T) {
	m := importing.Mapping{Stream: "s", Type: "T", Numbers: []string{"A"}}
	for in, want := range map[string]string{
		"1.50": `"A":1.50`, "-0": `"A":-0`, "1e400": `"A":1e400`, "123456789012345678901234567890.123": `"A":123456789012345678901234567890.123`,
		"": `"A":null`, "007": "not a number", "+1": "not a number", ".5": "not a number", "5.": "not a number",
		"1_000": "not a number", "0x1": "not a number", "NaN": "not a number", " 1": "not a number", "1e": "not a number", "-": "not a number",
	} {
		if got := mapped(t, "A,B\n"+in+",b\n", m); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: got %q; want %s", in, got, want)
		}
	}
}

func TestAPayloadOfOnesOwn(t *testing.T) {
	m := importing.Mapping{Stream: "s", Type: "T", JSON: `{"name":{{json .A}},"n":{{number .B}},"all":{{row}}}`}
	got := mapped(t, "A,B\n\"say \"\"hi\"\"\",2.50\nx,two\n", m)
	want := `"json":{"name":"say \"hi\"","n":2.50,"all":{"A":"say \"hi\"","B":"2.50"}}`
	if len(got) != 2 || !strings.Contains(got[0], want) || !strings.Contains(got[1], `"two" is not a number`) {
		t.Errorf("got %q", got)
	}
}

func TestLocalTimes(t *testing.T) {
	for in, want := range map[string]string{
		"2011-01-02 03:04":              `"occurred_at":"2011-01-02T03:04:00Z"`,
		"2011-07-02 03:04:05.25":        `"occurred_at":"2011-07-02T02:04:05.25Z"`,
		"2011-07-02":                    `"occurred_at":"2011-07-01T23:00:00Z"`,
		"2011-07-02T03:04:05+05:30":     `"occurred_at":"2011-07-01T21:34:05Z"`,
		"2011-10-30 01:30:00":           `"occurred_at":"2011-10-30T00:30:00Z"`, // twice: the first
		"2011-03-27 01:30:00":           "does not exist in Europe/London",
		"2011-02-30 01:30:00":           "is not a time",
		"12/1/2010 8:26":                "is not a time",
		"2011-07-02 03:04:05.123456789": `"occurred_at":"2011-07-02T02:04:05.123456789Z"`,
	} {
		m := importing.Mapping{Stream: "s", Type: "T", Time: "{{.A}}", TimeZone: "Europe/London"}
		if got := mapped(t, "A,B\n"+in+",b\n", m); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: got %q; want %s", in, got, want)
		}
	}
	for layout, in := range map[string]string{"1/2/2006 15:04": "12/1/2010 8:26", "unix": "1291191960", "unix-ms": "1291191960000"} {
		m := importing.Mapping{Stream: "s", Type: "T", Time: "{{.A}}", TimeLayout: layout}
		if got := mapped(t, "A,B\n"+in+",b\n", m); len(got) != 1 || !strings.Contains(got[0], `"occurred_at":"2010-12-01T08:26:00Z"`) {
			t.Errorf("%q: got %q", layout, got)
		}
	}
}

func TestFaultsOfAMappingAreNamedBeforeTheFirstRow(t *testing.T) {
	base := func(change func(*importing.Mapping)) importing.Mapping {
		m := importing.Mapping{Stream: "s-{{.A}}", Type: "T"}
		change(&m)
		return m
	}
	for name, c := range map[string]struct {
		header string
		m      importing.Mapping
		want   []string
	}{
		"unknown column":       {"A,B", base(func(m *importing.Mapping) { m.Stream = "s-{{.C}}" }), []string{`--stream: there is no column "C"; the columns are A, B`}},
		"deep in a condition":  {"A,B", base(func(m *importing.Mapping) { m.Type = `{{if and .A (numGt .Cost 0)}}x{{end}}` }), []string{`--type: there is no column "Cost"`}},
		"by the root variable": {"A,B", base(func(m *importing.Mapping) { m.Type = `{{with .A}}{{$.C}}{{end}}` }), []string{`--type: there is no column "C"`}},
		"a field of a text":    {"A,B", base(func(m *importing.Mapping) { m.Type = `{{.A.B}}` }), []string{`column "A" is a text`}},
		"unknown function":     {"A,B", base(func(m *importing.Mapping) { m.Tags = []string{"{{shout .A}}"} }), []string{`--tag:1: function "shout" not defined`}},
		"unclosed action":      {"A,B", base(func(m *importing.Mapping) { m.Time = "{{.A" }), []string{"--time:1: unclosed action"}},
		"unknown number":       {"A,B", base(func(m *importing.Mapping) { m.Numbers = []string{"C"} }), []string{`--number: there is no column "C"`}},
		"meta without value":   {"A,B", base(func(m *importing.Mapping) { m.Meta = []string{"key"} }), []string{"want key=template"}},
		"unknown zone":         {"A,B", base(func(m *importing.Mapping) { m.TimeZone = "Mars" }), []string{`no time zone "Mars"`}},
		"the machine's zone":   {"A,B", base(func(m *importing.Mapping) { m.TimeZone = "Local" }), []string{`no time zone "Local"`}},
		"a column twice":       {"A,A", base(func(*importing.Mapping) {}), []string{`two columns are named "A"`}},
		"nothing":              {"", base(func(*importing.Mapping) {}), []string{"the source is empty"}},
		"no templates":         {"A,B", importing.Mapping{}, []string{"--stream and --type are needed"}},
		"everything at once": {
			"A,B",
			importing.Mapping{Stream: "{{.X}}", Type: "{{.Y}}", TimeZone: "Mars"},
			[]string{`"X"`, `"Y"`, `"Mars"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := importing.NewCSVReader(strings.NewReader(c.header), c.m)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v; want it to say %q", err, want)
				}
			}
		})
	}
}

func TestMalformedRowsAreFaultsAndTheNextRowIsRead(t *testing.T) {
	got := mapped(t, "\xef\xbb\xbfA,B\r\n1,2\r\n1\r\n1,2,3\r\n\r\n1,b\"ad\r\n\xff,2\r\n3,\"two\r\nlines\"\r\n4,\"open\r\n", importing.Mapping{Stream: "s-{{.A}}", Type: "T"})
	want := []string{
		`{"stream":"s-1","type":"T","json":{"A":"1","B":"2"}}`,
		"fault: has 1 fields; the header names 2",
		"fault: has 3 fields; the header names 2",
		`fault: is not CSV: bare " in non-quoted-field (line 6, column 4)`,
		"fault: is not valid UTF-8; convert the source first, for example with iconv -t UTF-8",
		`{"stream":"s-3","type":"T","json":{"A":"3","B":"two\nlines"}}`,
		`fault: is not CSV: extraneous or missing " in quoted-field (line 10, column 9)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLinesAndRawBytesAreThoseOfTheSource(t *testing.T) {
	r, err := importing.NewCSVReader(strings.NewReader("A,B\n1,2\n\n3,\"x\ny\"\n5,6"), importing.Mapping{Stream: "s", Type: "T"})
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		Line, Last int64
		Raw        string
	}
	var got []place
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, place{rec.Line, rec.Last, string(rec.Raw)})
	}
	want := []place{{1, 1, "A,B\n"}, {2, 2, "1,2\n"}, {4, 5, "\n3,\"x\ny\"\n"}, {6, 6, "5,6"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnOpenQuoteDoesNotSwallowMemory(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("A,B\n1,\"open "), io.LimitReader(repeat('x'), 100<<20))
	r, err := importing.NewCSVReader(endless, importing.Mapping{Stream: "s", Type: "T"})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	if !strings.Contains(err.Error(), "is a quote left open?") {
		t.Errorf("got %v", err)
	}
}

// repeat is an endless source of one byte.
type repeat byte

func (b repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func TestSourcesAreUnpackedByTheirFirstBytes(t *testing.T) {
	for name, pack := range packers {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "source")
			if err := os.WriteFile(path, pack(t, []byte("hello")), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := importing.Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(s)
			if err != nil || string(text) != "hello" || s.Taken() != s.Size() {
				t.Errorf("got %q, %d of %d bytes, %v", text, s.Taken(), s.Size(), err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
