package archtest

import (
	"fmt"
	"go/ast"
	"strings"
)

// Budgets in lines. The reasons: what is longer is read by nobody.
const (
	fileLines     = 500
	testFileLines = 800
	functionLines = 70
	packageLines  = 2500
	docLines      = 40
)

// Sizes finds files, functions and packages that are too long. Tests do not
// count for a package, nor do kits for tests, whose names end in "test"; and
// functions of tests may be long tables.
func (t *Tree) Sizes() []string {
	var out []string
	for _, p := range t.sorted() {
		sum := 0
		for _, f := range p.files {
			if f.generated {
				continue
			}
			most := fileLines
			if f.test {
				most = testFileLines
			} else {
				sum += f.lines
				out = append(out, t.longFunctions(f)...)
			}
			if f.lines > most {
				out = append(out, fmt.Sprintf("%s: %d lines, at most %d", f.path, f.lines, most))
			}
		}
		if sum > packageLines && !strings.HasSuffix(p.dir, "test") {
			out = append(out, fmt.Sprintf("%s: the package has %d lines, at most %d", p.dir, sum, packageLines))
		}
	}
	return out
}

func (t *Tree) longFunctions(f *goFile) []string {
	var out []string
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		n := t.fset.Position(fn.End()).Line - t.fset.Position(fn.Pos()).Line + 1
		if n > functionLines {
			out = append(out, fmt.Sprintf("%s: %s has %d lines, at most %d", t.place(fn.Pos()), fn.Name.Name, n, functionLines))
		}
	}
	return out
}
