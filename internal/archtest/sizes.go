package archtest

import (
	"fmt"
	"go/ast"
	"regexp"
	"strconv"
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

// granted is how a decision gives a package a larger budget.
var granted = regexp.MustCompile("(?m)^Budget: package `([^`]+)` may have ([0-9]+) lines\\.$")

// Sizes finds files, functions and packages that are too long. Tests do not
// count for a package, nor do kits for tests, whose names end in "test"; and
// functions of tests may be long tables. A page in docs/decisions may grant a
// package more, with a line "Budget: package `x` may have n lines."
func (t *Tree) Sizes() ([]string, error) {
	budgets, err := t.budgets()
	if err != nil {
		return nil, fmt.Errorf("check sizes: %w", err)
	}
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
		if most := max(packageLines, budgets[p.dir]); sum > most && !strings.HasSuffix(p.dir, "test") {
			out = append(out, fmt.Sprintf("%s: the package has %d lines, at most %d", p.dir, sum, most))
		}
	}
	return out, nil
}

// budgets are the lines granted to packages.
func (t *Tree) budgets() (map[string]int, error) {
	out := map[string]int{}
	for _, file := range t.files {
		if !strings.HasPrefix(file, "docs/decisions/") {
			continue
		}
		text, err := t.read(file)
		if err != nil {
			return nil, err
		}
		for _, m := range granted.FindAllStringSubmatch(text, -1) {
			if out[m[1]], err = strconv.Atoi(m[2]); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return out, nil
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
