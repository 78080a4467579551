package archtest

import (
	"fmt"
	"go/ast"
	"path"
)

// Fuzzing finds fuzz targets that run by themselves. A kit whose directory is
// prooftest gives each one generated input in every run, and counts; only there
// may the testing package's own Fuzz be called.
func (t *Tree) Fuzzing() []string {
	var out []string
	for _, p := range t.sorted() {
		if path.Base(p.dir) == "prooftest" {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if name, ok := call.Fun.(*ast.SelectorExpr); ok && f.test && name.Sel.Name == "Fuzz" {
					out = append(out, fmt.Sprintf("%s: a fuzz target must be run as a prooftest.Target", t.place(call.Pos())))
				}
				return true
			})
		}
	}
	return out
}
