package mutant_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/mutant"
)

var (
	invariantRow = regexp.MustCompile(`^\| (?:(I\d+) )?\| .*\|$`)
	quotedTest   = regexp.MustCompile("`(Test\\w+)`")
	// quotedFault is a fault, and the test that builds it in by itself if the
	// table of faults does not.
	quotedFault = regexp.MustCompile("`([a-z][a-z-]*)`(?: \\(`(Test\\w+)`\\))?")
)

// invariantsBroken is what is wrong with the table of invariants of a page:
// which faults no test of their row notices, and which invariants it lacks.
func invariantsBroken(page string, noticedBy []noticing, builtIn func(test, fault string) bool) (out []string) {
	_, text, _ := strings.Cut(page, "\n## How it is shown\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var seen []string
	for line := range strings.Lines(text) {
		row := invariantRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		if row[1] != "" {
			seen = append(seen, row[1])
		}
		cells := strings.Split(line, "|")
		if len(cells) != 7 {
			out = append(out, fmt.Sprintf("a row of %d cells: %s", len(cells)-2, line))
			continue
		}
		var tests []string
		for _, m := range quotedTest.FindAllStringSubmatch(cells[4], -1) {
			tests = append(tests, m[1])
		}
		for _, m := range quotedFault.FindAllStringSubmatch(cells[5], -1) {
			fault, itself := m[1], m[2]
			if itself != "" && builtIn(itself, fault) {
				continue
			}
			if !slices.ContainsFunc(noticedBy, func(n noticing) bool { return n.name == mutant.Name(fault) && slices.Contains(tests, n.test) }) {
				out = append(out, fmt.Sprintf("%s is noticed by none of %q", fault, tests))
			}
		}
	}
	for i := 1; i <= 14; i++ {
		if name := fmt.Sprintf("I%d", i); !slices.Contains(seen, name) {
			out = append(out, name+" is missing")
		}
	}
	return out
}

// The page says of each invariant which faults its tests notice, which is what
// the table of faults holds them to.
func TestTheInvariantsNameFaultsThatTheirTestsNotice(t *testing.T) {
	text, err := os.ReadFile("../../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, broken := range invariantsBroken(page, table, buildsIn(t)) {
		t.Error(broken)
	}
	for what, other := range map[string]string{
		"a fault whose test is not in its row": strings.Replace(page, ", `TestTheFormatIsPinned`", "", 1),
		"a fault that there is not":            strings.Replace(page, "`format-oldest`", "`format-odd`", 1),
		"a fault that no test builds in":       strings.Replace(page, "(`TestWithoutSyncsPower", "(`TestWithoutAnyPower", 1),
		"an invariant that is missing":         strings.Replace(page, "| I14 |", "| |", 1),
	} {
		if got := invariantsBroken(other, table, buildsIn(t)); len(got) != 1 {
			t.Errorf("%s: found %q", what, got)
		}
	}
}

// buildsIn tells whether there is such a test, in a file that builds the fault
// in.
func buildsIn(t *testing.T) func(test, fault string) bool {
	return func(test, fault string) bool {
		found := false
		err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
			if err != nil || found || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			found = strings.Contains(string(text), "func "+test+"(") && strings.Contains(string(text), "STET_MUTANT="+fault)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
}
