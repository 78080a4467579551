package importing_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/internal/prooftest"
)

// records reads a source to its end, and wants that every record is an event, a
// header or a fault, in the order of the lines, and that the bytes shown as
// theirs are bytes of the source, in order.
func records(t *testing.T, source []byte, r importing.Reader) {
	t.Helper()
	line, rest := int64(0), source
	for n := 0; n <= len(source)+1; n++ {
		rec, err := r.Next()
		if err != nil {
			return // the end, or what cannot be read on
		}
		at := bytes.Index(rest, rec.Raw)
		if at < 0 || rec.Line <= line && n > 0 || rec.Last < rec.Line {
			t.Fatalf("record %d of %q, lines %d to %d after %d, is shown as %q", n, source, rec.Line, rec.Last, line, rec.Raw)
		}
		line, rest = rec.Last, rest[at+len(rec.Raw):]
		if rec.Fault != nil || rec.Header {
			continue
		}
		if rec.Event.Stream == "" {
			continue // a template gave nothing: refused with the limits, in its chunk
		}
		text := interchange.AppendEvent(nil, &rec.Event)
		if again, err := interchange.Parse(text); err != nil || !utf8.Valid(text) || again.Header != nil {
			t.Fatalf("%q gives %s, which is refused: %v", rec.Raw, text, err)
		}
	}
	t.Fatalf("%q has no end", source)
}

// FuzzLines: a file of lines, whatever it holds, is events and faults.
func FuzzLines(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte("\ufeff" + event("s-1", 1) + "\r\n\n" + event("s-2", 2)))
	z.Add([]byte(`{"stet_export":1,"history_id":"01020000000000000000000000000000","head":7}` + "\n{}\n[1]\n"))
	z.Add([]byte(events(0, 3) + `{"stream":"s","type":"T","json":{"a":1,"a":2}}`))
	z.Run(func(t *testing.T, source []byte) {
		records(t, source, importing.NewLineReader(bytes.NewReader(source)))
	})
}

// FuzzCSV: a file of rows, and a template, whatever they hold, are events and
// faults, or are refused before the first row.
func FuzzCSV(f *testing.F) {
	z := prooftest.Target(f)
	z.Add("a,b\n1,2\n\"x\"\"y\",\"two\nlines\"\n", `{{.a}}-{{.b}}`, "2006-01-02", "{{.b}}")
	z.Add("\ufeffa,t,b\n1,2010-12-01 08:26:00,x\n1\n\"open", `{{if hasPrefix .a "1"}}s{{else}}t{{end}}`, "", "{{.t}}")
	z.Add("a,b,c\n\xff,1,2\n", `{{with .a}}{{.}}{{end}}`, "unix-ms", "{{.c}}")
	z.Run(func(t *testing.T, source, stream, layout, moment string) {
		if strings.Contains(stream, "printf") || strings.Contains(moment, "printf") {
			return // may make a text of any width, by its operator's own wish
		}
		r, err := importing.NewCSVReader(strings.NewReader(source), importing.Mapping{
			Stream: stream, Type: "T", Time: moment, TimeLayout: layout, TimeZone: "Europe/London", Numbers: []string{"a"},
		})
		if err != nil {
			if errors.Is(err, io.EOF) {
				t.Fatalf("%q: the end is no reason", source)
			}
			return
		}
		records(t, []byte(source), r)
	})
}
