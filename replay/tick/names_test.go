package tick

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stet-db/stet/replay/value"
)

// TestTheReferenceHasEveryName holds the headings of the page equal to what the
// compiler knows, in both directions.
func TestTheReferenceHasEveryName(t *testing.T) {
	text, err := os.ReadFile("../../docs/handlers.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile("(?m)^### `?([$a-z_]+)`?$").FindAllSubmatch(text, -1) {
		told = append(told, string(m[1]))
	}
	if len(shapes) != 17 {
		t.Errorf("there are %d operations", len(shapes))
	}
	var known []string
	for name := range shapes {
		known = append(known, name)
	}
	for name := range tests {
		known = append(known, name)
	}
	for _, name := range known {
		if !slices.Contains(told, name) {
			t.Errorf("the reference has no %s", name)
		}
	}
	for _, name := range told {
		c := newCompiler(0)
		c.special(name, value.Int(1), &place{})
		isForm := !slices.ContainsFunc(c.faults, func(f Fault) bool { return len(f.Problem) > 16 && f.Problem[:16] == "there is no form" })
		if !isForm && !slices.Contains(known, name) {
			t.Errorf("the reference has %s, which is nothing", name)
		}
	}
	if forms := len(told) - len(known); forms != 11 {
		t.Errorf("the reference has %d forms", forms)
	}
}
