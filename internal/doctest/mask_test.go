package doctest

import (
	"regexp"
	"strings"
	"testing"
)

// masks are what differs from run to run. Times before 2020 are those of the
// imported rows, and ids of version 8 are made of an import's source: both
// must be as shown.
var masks = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\b20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "HISTORY"},
	{regexp.MustCompile(`"stream_id":"\d{13}-\d+"`), "STREAM ID"},
	{regexp.MustCompile(`"(created_at|updated_at|timestamp)":\d{10}\b`), "TIME"},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)\b`), "DURATION"},
	{regexp.MustCompile(`\b[\d,]+ events/s`), "RATE"},
	{regexp.MustCompile(`(?m)^stet \S+ \(go[^)]+\)`), "stet VERSION"},
	{regexp.MustCompile(`(?m)^(version +)\S+`), "${1}VERSION"},
}

// masked is an output by which two runs can be compared.
func masked(s string) string {
	for _, m := range masks {
		s = m.what.ReplaceAllString(s, m.by)
	}
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}

// matches tells whether an output is what a page shows. A line "..." there
// stands for lines that are left out.
func matches(shown, printed string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	lines := strings.Split(masked(shown), "\n")
	for i, line := range lines {
		end := `\n`
		if i == len(lines)-1 {
			end = ""
		}
		if line == leftOut {
			pattern.WriteString(`(?:.*\n)*?`)
			if end == "" {
				pattern.WriteString(`.*`)
			}
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(line) + end)
	}
	pattern.WriteString(`\z`)
	return regexp.MustCompile(pattern.String()).MatchString(masked(printed))
}

// leftOut stands for any lines.
const leftOut = "..."

func TestLinesMayBeLeftOutOfAPage(t *testing.T) {
	printed := "a\nb\nc\nd\n"
	for _, shown := range []string{"a\nb\nc\nd\n", "a\n...\nd\n", "...\nd\n", "a\n...\n", "a\n...\nb\nc\nd\n"} {
		if !matches(shown, printed) {
			t.Errorf("%q does not match", shown)
		}
	}
	for _, shown := range []string{"", "a\n", "a\nb\nd\n", "a\n...\nb\n", "...\na\n", "b\n...\nd\n"} {
		if matches(shown, printed) {
			t.Errorf("%q matches", shown)
		}
	}
}

func TestOnlyWhatDiffersFromRunToRunIsMasked(t *testing.T) {
	for _, same := range [][2]string{
		{"1  a@1  2026-11-21T03:45:54.237962Z", "1  a@1  2031-01-01T00:00:00Z"},
		{`{"stream_id":"1795276393488-0","timestamp":1795276393}`, `{"stream_id":"1895276393488-1","timestamp":1895276393}`},
		{"01a1fc35-ea3d-7ed3-9f4d-8e0531510928", "01890a5d-ac96-774b-bcce-b302099a8057"},
		{"in 3ms, 1,234 events/s", "in 1m2.5s, 17 events/s"},
	} {
		if masked(same[0]) != masked(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	for _, other := range [][2]string{
		{"1  a@1", "2  a@1"},
		{`"length":1`, `"length":2`},
		{"2010-12-01T08:26:00Z", "2010-12-01T08:27:00Z"},
		{"e85b30de-43b7-8b25-9f12-ead693d5b2e8", "f85b30de-43b7-8b25-9f12-ead693d5b2e8"},
		{"4 events added", "5 events added"},
		{"at version 2", "at version 3"},
	} {
		if masked(other[0]) == masked(other[1]) {
			t.Errorf("%q and %q are taken for the same", other[0], other[1])
		}
	}
}
