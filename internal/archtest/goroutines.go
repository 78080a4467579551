package archtest

import (
	"fmt"
	"go/ast"
)

// Goroutines compares the table of goroutines in ARCHITECTURE.md with the
// code: outside of tests a goroutine is started only in a file that has a row
// there, which says what it is for and how it ends, and every row has its
// start. Starts are go statements, calls of a method named Go (groups of
// package lifecycle and sync have one) and calls of lifecycle.Async.
func (t *Tree) Goroutines() ([]string, error) {
	text, err := t.read(architecture)
	if err != nil {
		return nil, fmt.Errorf("check goroutines: %w", err)
	}
	listed := map[string]bool{} // whether a start was seen
	for _, cells := range table(text, "file", "goroutine") {
		for _, file := range spans(cells[0]) {
			listed[file] = false
		}
	}
	var out []string
	for _, p := range t.sorted() {
		for _, f := range p.files {
			if f.test || f.generated {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if !startsGoroutine(n) {
					return true
				}
				if _, ok := listed[f.path]; !ok {
					out = append(out, fmt.Sprintf("%s: a goroutine starts here, but the table of goroutines has no row for the file", t.place(n.Pos())))
				} else {
					listed[f.path] = true
				}
				return true
			})
		}
	}
	for file, seen := range listed {
		if !seen {
			out = append(out, fmt.Sprintf("%s: the table of goroutines names %s, which starts none", architecture, file))
		}
	}
	return out, nil
}

func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		if s, ok := n.Fun.(*ast.SelectorExpr); ok {
			from, _ := s.X.(*ast.Ident)
			return s.Sel.Name == "Go" || s.Sel.Name == "Async" && from != nil && from.Name == "lifecycle"
		}
	}
	return false
}
