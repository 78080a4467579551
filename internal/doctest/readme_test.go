package doctest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the outputs in README.md anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheDocsAreTrue(t *testing.T) {
	tr := &tour{dir: clone(t)}
	tr.warmUp(t)
	t.Run("README", tr.readme)
	t.Run("operations", tr.operations)
	t.Run("cli", tr.cli)
}

// readme is the README from its first command to its last.
func (tr *tour) readme(t *testing.T) {
	page := readPage(t, "README.md")
	for _, b := range page.blocks {
		where := fmt.Sprintf("%s:%d", page.name, b.line)
		if strings.HasPrefix(b.note, notRun) {
			continue
		}
		got := tr.play(t, where, b)
		if !*update {
			compare(t, where, b, got)
		} else if b.output != nil && !matches(b.output.text, got) {
			b.output.text = got
		}
	}
	if tr.server != nil {
		t.Error("the README does not say how to stop the server")
	}
	for _, left := range []string{"data", "hello", "sales.csv"} {
		if _, err := os.Stat(filepath.Join(tr.dir, left)); err == nil {
			t.Errorf("the tour leaves %s", left)
		}
	}
	if *update {
		rewrite(t, page)
	}
}

// rewrite puts the outputs of a page's blocks into its file.
func rewrite(t *testing.T, p *page) {
	t.Helper()
	path := filepath.Join(root, p.name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[int]string{}
	for _, b := range p.blocks {
		if b.output != nil {
			outputs[b.output.line] = b.output.text
		}
	}
	var out strings.Builder
	line, skipping := 0, false
	for s := range strings.Lines(string(text)) {
		line++
		if skipping && !strings.HasPrefix(s, "```") {
			continue
		}
		skipping = false
		out.WriteString(s)
		if output, found := outputs[line]; found {
			out.WriteString(output)
			skipping = true
		}
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
