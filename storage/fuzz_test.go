package storage_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// FuzzNames: what is accepted as a name is text that every client can show,
// and what is refused says why.
func FuzzNames(f *testing.F) {
	z := prooftest.Target(f)
	for _, name := range []string{"order-7", "$stet", "ä-1", "a\x7f", "\u0085", "\xff", "-", strings.Repeat("x", 20)} {
		z.Add(name, 16)
	}
	z.Run(func(t *testing.T, name string, most int) {
		limits := storage.Limits{StreamBytes: 1 + most&0xff}
		fine := name != "" && len(name) <= limits.StreamBytes && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
		if problem := storage.StreamNameProblem(name, limits); (problem == "") != fine {
			t.Errorf("%q: %q, fine: %v", name, problem, fine)
		}
		if problem := storage.TextProblem([]byte(name), limits.StreamBytes); (problem == "") != fine || !utf8.ValidString(problem) {
			t.Errorf("%q as bytes: %q, fine: %v", name, problem, fine)
		}
		if problem := storage.AppendStreamProblem(name, limits); (problem == "") != (fine && !strings.HasPrefix(name, "$")) {
			t.Errorf("%q to append to: %q", name, problem)
		}
		category := storage.CategoryOf(name)
		if !strings.HasPrefix(name, category) || strings.Contains(category, "-") || storage.IsServerStream(name) != strings.HasPrefix(name, "$") {
			t.Errorf("%q is of category %q", name, category)
		}
		if problem := storage.CategoryProblem(category, limits); fine && category != "" && problem != "" {
			t.Errorf("the category of %q %s", name, problem)
		}
	})
}

// FuzzIDs: an id that is read is written as it was given, but for its case.
func FuzzIDs(f *testing.F) {
	z := prooftest.Target(f)
	z.Add("0190f7a4-1111-7222-8333-0123456789ab")
	z.Add("0190F7A4-1111-7222-8333-0123456789AB")
	z.Add("00000000-0000-0000-0000-000000000000")
	z.Add("0102030405060708090a0b0c0d0e0f10")
	z.Run(func(t *testing.T, text string) {
		if id, err := storage.ParseEventID(text); err == nil {
			if again := string(id.AppendText(nil)); again != strings.ToLower(text) || id.IsZero() {
				t.Errorf("event id %q became %q", text, again)
			}
		}
		if id, err := storage.ParseHistoryID(text); err == nil && id.String() != strings.ToLower(text) {
			t.Errorf("history id %q became %q", text, id)
		}
		if _, err := storage.ParseEventID([]byte(text)); err == nil && len(text) != 36 {
			t.Errorf("%q was taken for an event id", text)
		}
	})
}
