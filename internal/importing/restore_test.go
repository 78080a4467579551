package importing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
)

// taker counts what it is given.
type taker struct{ places []string }

func (r *taker) Add(stream string, v storage.Version, p storage.Position, at storage.Instant, e storage.NewEvent) error {
	r.places = append(r.places, stream)
	return nil
}

const (
	exportHead  = `{"stet_export":1,"history_id":"01020000000000000000000000000000","head":3}` + "\n"
	exportFirst = `{"stream":"a","version":1,"position":1,"recorded_at":"2026-01-02T03:04:05.000001Z","id":"01890a5d-ac96-774b-bcce-b302099a8051","type":"T","json":1}` + "\n"
	exportNext  = `{"stream":"b","version":1,"position":2,"recorded_at":"2026-01-02T03:04:05.000001Z","id":"01890a5d-ac96-774b-bcce-b302099a8052","type":"T","json":2}` + "\n"
	exportLast  = `{"stream":"a","version":2,"position":3,"recorded_at":"2026-01-02T03:04:05.000002Z","id":"01890a5d-ac96-774b-bcce-b302099a8053","type":"T","json":3}` + "\n"
)

func TestACompleteExportIsRestoredInOrder(t *testing.T) {
	var into taker
	var header interchange.Header
	begin := func(h interchange.Header) (importing.Restorer, error) { header = h; return &into, nil }
	sum, err := importing.Restore(t.Context(), "x", importing.NewLineReader(strings.NewReader(exportHead+exportFirst+exportNext+exportLast)), begin, nil)
	if err != nil || header.Head != 3 || sum.Added != 3 || strings.Join(into.places, "") != "aba" {
		t.Errorf("%+v %+v %v %v", header, sum, into, err)
	}
}

func TestAnExportThatIsNotWholeIsRefusedAtItsLine(t *testing.T) {
	swap := strings.NewReplacer
	for name, c := range map[string]struct {
		text, want string
		line       int64
	}{
		"no header":            {exportFirst, "must be the header", 1},
		"nothing":              {"", "must be the header", 0},
		"filtered":             {swap(`"head":3`, `"head":3,"filtered":true`).Replace(exportHead) + exportFirst, "made with a filter", 1},
		"a position missing":   {exportHead + exportFirst + exportLast, "has position 3; want 2", 3},
		"a position twice":     {exportHead + exportFirst + exportFirst, "has position 1; want 2", 3},
		"the end missing":      {exportHead + exportFirst + exportNext, "ends at position 2, but its header says 3", 0},
		"more than the head":   {swap("3}", "1}").Replace(exportHead) + exportFirst + exportNext, "above the header's head", 3},
		"a version missing":    {exportHead + exportFirst + exportNext + swap(`"version":2`, `"version":3`).Replace(exportLast), "has version 3 of stream \"a\"; want 2", 4},
		"time running back":    {exportHead + exportFirst + exportNext + swap("000002Z", "000000Z").Replace(exportLast), "before the event above it", 4},
		"no time":              {exportHead + swap(`"recorded_at":"2026-01-02T03:04:05.000001Z",`, "").Replace(exportFirst), "has no recorded_at", 2},
		"no id":                {exportHead + swap(`"id":"01890a5d-ac96-774b-bcce-b302099a8051",`, "").Replace(exportFirst), "has no id", 2},
		"a fault of the event": {exportHead + swap(`"type":"T"`, `"type":"T\n"`).Replace(exportFirst), "control character", 2},
		"a second header":      {exportHead + exportHead, "second header", 2},
		"not a line":           {exportHead + "{", "not a JSON object", 2},
	} {
		t.Run(name, func(t *testing.T) {
			begin := func(interchange.Header) (importing.Restorer, error) { return &taker{}, nil }
			_, err := importing.Restore(t.Context(), "x", importing.NewLineReader(strings.NewReader(c.text)), begin, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v; want %q", err, c.want)
			}
			var at *importing.LineError
			if errors.As(err, &at) && at.Line != c.line {
				t.Errorf("line %d; want %d", at.Line, c.line)
			}
		})
	}
}
