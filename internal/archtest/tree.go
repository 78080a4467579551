package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Tree is a checkout of the module, read once. Immutable after [Open].
type Tree struct {
	root   string
	module string
	fset   *token.FileSet
	// files are the paths of all files, slash separated, from the root.
	files []string
	// packages are the module's packages by directory, "" being the root.
	packages map[string]*pkg
}

// pkg is what one directory of Go files holds.
type pkg struct {
	dir   string
	files []*goFile
}

// goFile is one parsed file.
type goFile struct {
	path      string
	syntax    *ast.File
	lines     int
	test      bool
	generated bool
}

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)

// Open reads the checkout at root. Files of every build tag count; other
// modules inside of it, and what .gitignore keeps out at the top, do not.
func Open(root string) (*Tree, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	name := moduleLine.FindSubmatch(mod)
	if name == nil {
		return nil, fmt.Errorf("open tree: %s/go.mod names no module", root)
	}
	t := &Tree{root: root, module: string(name[1]), fset: token.NewFileSet(), packages: map[string]*pkg{}}
	if err := t.walk(); err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	return t, nil
}

func (t *Tree) walk() error {
	return filepath.WalkDir(t.root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == ".git" || rel == "bin" || rel == "data" {
				return filepath.SkipDir
			}
			return nil
		}
		t.files = append(t.files, rel)
		if strings.HasSuffix(rel, ".go") && !strings.Contains(rel, "testdata/") && !t.otherModule(path.Dir(rel)) {
			return t.parse(rel)
		}
		return nil
	})
}

// otherModule tells whether dir is in a module inside of this one.
func (t *Tree) otherModule(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(t.root, dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

func (t *Tree) parse(rel string) error {
	text, err := t.read(rel)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.fset, rel, text, parser.ParseComments)
	if err != nil {
		return err
	}
	dir := strings.TrimPrefix(path.Dir(rel), ".")
	p := t.packages[dir]
	if p == nil {
		p = &pkg{dir: dir}
		t.packages[dir] = p
	}
	p.files = append(p.files, &goFile{
		path:      rel,
		syntax:    syntax,
		lines:     strings.Count(text, "\n"),
		test:      strings.HasSuffix(rel, "_test.go"),
		generated: ast.IsGenerated(syntax),
	})
	return nil
}

// read is the text of a file of the tree.
func (t *Tree) read(rel string) (string, error) {
	text, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(rel)))
	return string(text), err
}

// exists tells whether there is such a file or directory, which must not lie
// outside of the tree.
func (t *Tree) exists(rel string) bool {
	if !filepath.IsLocal(filepath.FromSlash(rel)) {
		return false
	}
	_, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(rel)))
	return err == nil
}

// sorted are the packages in the order of their directories.
func (t *Tree) sorted() []*pkg {
	var out []*pkg
	for _, p := range t.packages {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return out
}

// generated tells whether the package holds only generated code.
func (p *pkg) generated() bool {
	return !slices.ContainsFunc(p.files, func(f *goFile) bool { return !f.generated })
}

// place is where a node begins, as "path:line".
func (t *Tree) place(pos token.Pos) string {
	at := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d", at.Filename, at.Line)
}
