package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// The code of the guide is the code of the examples, which are run.
func TestTheGuideShowsTheExamplesWordForWord(t *testing.T) {
	shown := guideBlocks(t)
	run := exampleBodies(t)
	for name, body := range run {
		if !slices.Contains(shown, body) {
			t.Errorf("docs/client.md does not show %s:\n%s", name, body)
		}
	}
	for _, block := range shown {
		found := false
		for _, body := range run {
			found = found || body == block
		}
		if !found {
			t.Errorf("no example runs this block of docs/client.md:\n%s", block)
		}
	}
	if len(shown) == 0 || len(run) == 0 {
		t.Errorf("%d blocks, %d examples", len(shown), len(run))
	}
}

func guideBlocks(t *testing.T) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/client.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "```go\n")
	for _, part := range parts[1:] {
		block, _, closed := strings.Cut(part, "```")
		if !closed {
			t.Fatal("a block of code is not closed")
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// exampleBodies are what each example does with its store, without the
// indentation and a last "return nil".
func exampleBodies(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "example_test.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			literal, ok := n.(*ast.FuncLit)
			if !ok {
				return true
			}
			from, to := files.Position(literal.Body.Lbrace).Offset+2, files.Position(literal.Body.Rbrace).Offset
			bodies[f.Name.Name] = dedent(string(source[from:to]))
			return false
		})
	}
	return bodies
}

func dedent(body string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimRight(body, "\t")) {
		out.WriteString(strings.TrimPrefix(line, "\t\t"))
	}
	return strings.TrimSuffix(out.String(), "return nil\n")
}
