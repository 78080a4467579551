package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const passing = `
func TestFine(t *testing.T)  { t.Run("inner", func(t *testing.T) {}) }
func TestOdd(t *testing.T)   { t.Skip("for a reason") }
`

// The real go command writes the events, so that a change of its manners shows.
func TestATestRunIsCountedAndItsFailuresShown(t *testing.T) {
	cases := []struct {
		name, code string
		fine       bool
		last       string
		shows      string
	}{
		{"all pass", passing, true, "2 passed, 0 failed, 1 skipped", "for a reason"},
		{"one fails", passing + `func TestBad(t *testing.T) { t.Error("went wrong") }`, false, "2 passed, 1 failed, 1 skipped", "went wrong"},
		{"a panic", passing + `func TestPanic(t *testing.T) { panic("fell over") }`, false, "2 passed, 1 failed, 1 skipped", "fell over"},
		{"fails outside of tests", passing + `func TestMain(m *testing.M) { m.Run(); println("bad end"); os.Exit(3) }`, false, "2 passed, 1 failed, 1 skipped", "bad end"},
		{"does not build", passing + `func TestBuild(t *testing.T) { undefined() }`, false, "0 passed, 1 failed, 0 skipped", "undefined: undefined"},
		{"no tests", ``, false, "0 passed, 0 failed, 0 skipped", "no test ran"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			events := testEvents(t, c.code)
			var out strings.Builder
			tally := newTally(&out)
			if err := tally.read(strings.NewReader(events)); err != nil {
				t.Fatal(err)
			}
			if fine := tally.finish(); fine != c.fine {
				t.Errorf("fine = %v, want %v", fine, c.fine)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if last := lines[len(lines)-1]; last != c.last {
				t.Errorf("last line %q, want %q", last, c.last)
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("does not show %q:\n%s", c.shows, out.String())
			}
		})
	}
}

// testEvents runs "go test -json" over a package with the code as its test.
func testEvents(t *testing.T, code string) string {
	t.Helper()
	dir := t.TempDir()
	imports := "import \"testing\"\n"
	if strings.Contains(code, "os.") {
		imports += "import \"os\"\n"
	}
	files := map[string]string{
		"go.mod":    "module example.test/odd\n\ngo 1.26\n",
		"odd.go":    "package odd\n",
		"x_test.go": "package odd\n" + imports + "var _ testing.TB\n" + code,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("go test: %v", err)
	}
	return string(out)
}
