package archtest

import (
	"fmt"
	"go/ast"
)

// Goroutines compares the table of goroutines in ARCHITECTURE.md with the
// code: a go statement outside of tests stands only in a file that has a row
// there, which says what the goroutine is for and how it ends, and every row
// has its go statement.
func (t *Tree) Goroutines() ([]string, error) {
	text, err := t.read(architecture)
	if err != nil {
		return nil, fmt.Errorf("check goroutines: %w", err)
	}
	listed := map[string]bool{} // whether a go statement was seen
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
				if s, ok := n.(*ast.GoStmt); ok {
					if _, ok := listed[f.path]; !ok {
						out = append(out, fmt.Sprintf("%s: go statement: use internal/lifecycle, or give the file a row in the table of goroutines", t.place(s.Pos())))
					} else {
						listed[f.path] = true
					}
				}
				return true
			})
		}
	}
	for file, seen := range listed {
		if !seen {
			out = append(out, fmt.Sprintf("%s: the table of goroutines names %s, which has no go statement", architecture, file))
		}
	}
	return out, nil
}
