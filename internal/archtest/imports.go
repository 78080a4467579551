package archtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// architecture is the file that holds the tables.
const architecture = "ARCHITECTURE.md"

// row is one line of the import table.
type row struct {
	inside, outside []string
}

var (
	codeSpan  = regexp.MustCompile("`([^`]+)`")
	testsLine = regexp.MustCompile("(?m)^Tests may also import:((?:.*\n)+?)(?:\n|\\z)")
)

// Imports compares the import table of ARCHITECTURE.md with the code. A
// package may import the standard library, and beside it only what its row
// allows: packages of this module ("all", a path, or a path with "/..."), and
// modules outside. Every package has a row and every row a package. Tests may
// import every package of this module, since they put real parts together, and
// outside of it also what the line "Tests may also import:" names. Only tests
// and packages whose name ends in "test" may import "testing".
func (t *Tree) Imports() ([]string, error) {
	text, err := t.read(architecture)
	if err != nil {
		return nil, fmt.Errorf("check imports: %w", err)
	}
	rows := map[string]row{}
	var out []string
	for _, cells := range table(text, "package", "may import") {
		for _, dir := range spans(cells[0]) {
			rows[dir] = row{inside: allowed(cells[1]), outside: spans(cells[2])}
			if t.packages[dir] == nil {
				out = append(out, fmt.Sprintf("%s: the import table has a row for %s, which is no package", architecture, dir))
			}
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("check imports: %s has no import table", architecture)
	}
	var forTests []string
	if line := testsLine.FindStringSubmatch(text); line != nil {
		forTests = spans(line[1])
	}
	for _, p := range t.sorted() {
		if p.generated() {
			continue
		}
		r, ok := rows[p.dir]
		if !ok {
			out = append(out, fmt.Sprintf("%s: the import table has no row for package %s", architecture, p.dir))
			continue
		}
		out = append(out, t.importsOf(p, r, forTests)...)
	}
	return out, nil
}

func (t *Tree) importsOf(p *pkg, r row, forTests []string) []string {
	var out []string
	for _, f := range p.files {
		for _, spec := range f.syntax.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser has refused such a file before
			}
			if problem := t.judge(p, f, r, name, forTests); problem != "" {
				out = append(out, fmt.Sprintf("%s: %s must not import %s: %s", t.place(spec.Pos()), p.dir, name, problem))
			}
		}
	}
	return out
}

// judge says what is wrong with an import; nothing is the empty string.
func (t *Tree) judge(p *pkg, f *goFile, r row, name string, forTests []string) string {
	if rest, inside := strings.CutPrefix(name, t.module+"/"); inside {
		if f.test || slices.ContainsFunc(r.inside, func(pattern string) bool { return covers(pattern, rest) }) {
			return ""
		}
		return "its row in the import table does not allow it"
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		if name == "testing" && !f.test && !strings.HasSuffix(p.dir, "test") {
			return "only tests and their kits may"
		}
		return ""
	}
	outside := r.outside
	if f.test {
		outside = slices.Concat(outside, forTests)
	}
	if slices.ContainsFunc(outside, func(module string) bool { return covers(module+"/...", name) }) {
		return ""
	}
	return "its row in the import table does not allow this outside library"
}

// covers tells whether the pattern, a path or one that ends in "/...", is
// about the package.
func covers(pattern, name string) bool {
	if pattern == "all" {
		return true
	}
	prefix, tree := strings.CutSuffix(pattern, "/...")
	return name == prefix || tree && strings.HasPrefix(name, prefix+"/")
}

// allowed reads the cell of packages inside the module.
func allowed(cell string) []string {
	if strings.TrimSpace(cell) == "all" {
		return []string{"all"}
	}
	return spans(cell)
}

// spans are the code spans of a text.
func spans(text string) []string {
	var out []string
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// table gives the cells of the rows of the Markdown table whose first two
// column heads begin so.
func table(text, first, second string) [][]string {
	var out [][]string
	inside := false
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case len(cells) >= 3 && strings.HasPrefix(cells[0], first) && strings.HasPrefix(cells[1], second):
			inside = true
		case inside && len(cells) >= 3 && !strings.HasPrefix(cells[0], "--"):
			out = append(out, cells)
		}
	}
	return out
}
