package archtest

import (
	"fmt"
	"path"
	"slices"
)

// drawers are names that say nothing about what a package gives.
var drawers = []string{"util", "utils", "common", "shared", "types", "helpers", "helper", "misc", "models", "base", "manager"}

// Names finds packages that are named like a drawer, and ones whose name is
// not that of their folder.
func (t *Tree) Names() []string {
	var out []string
	for _, p := range t.sorted() {
		last := path.Base(p.dir)
		if slices.Contains(drawers, last) {
			out = append(out, fmt.Sprintf("%s: a package is named for what it gives", p.dir))
		}
		for _, f := range p.files {
			name := f.syntax.Name.Name
			if !f.generated && p.dir != "" && name != "main" && name != last && !(f.test && name == last+"_test") {
				out = append(out, fmt.Sprintf("%s: package %s in folder %s", f.path, name, p.dir))
			}
		}
	}
	return out
}
