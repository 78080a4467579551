package archtest

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// DocLinks finds names in brackets in comments that are the name of nothing.
// In brackets may stand Name, Type.Method or Type.Field of the same package,
// and pkg.Name of one of this module, an imported one or one of the standard
// library. A word in brackets that begins with a small letter and has no dot or slash is
// no link.
func (t *Tree) DocLinks() ([]string, error) {
	syms, err := t.symbols()
	if err != nil {
		return nil, fmt.Errorf("check doc links: %w", err)
	}
	var out []string
	for _, p := range t.sorted() {
		for _, f := range p.files {
			if f.generated {
				continue
			}
			for _, group := range f.syntax.Comments {
				for _, link := range linksIn(group.Text()) {
					if !t.resolves(p, f, link, syms) {
						out = append(out, fmt.Sprintf("%s: [%s] is the name of nothing", t.place(group.Pos()), spelled(link)))
					}
				}
			}
		}
	}
	return out, nil
}

// linksIn are the doc links of a comment's text, whether they lead somewhere
// or not.
func linksIn(text string) []*comment.DocLink {
	parser := comment.Parser{
		LookupPackage: func(name string) (string, bool) { return name, true },
		LookupSym:     func(string, string) bool { return true },
	}
	var out []*comment.DocLink
	for _, block := range parser.Parse(text).Content {
		for _, piece := range texts(block) {
			if link, ok := piece.(*comment.DocLink); ok {
				out = append(out, link)
			}
		}
	}
	return out
}

func texts(block comment.Block) []comment.Text {
	switch b := block.(type) {
	case *comment.Paragraph:
		return b.Text
	case *comment.Heading:
		return b.Text
	case *comment.List:
		var out []comment.Text
		for _, item := range b.Items {
			for _, inner := range item.Content {
				out = append(out, texts(inner)...)
			}
		}
		return out
	}
	return nil
}

func spelled(link *comment.DocLink) string {
	var parts []string
	for _, s := range []string{link.ImportPath, link.Recv, link.Name} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ".")
}

func (t *Tree) resolves(p *pkg, f *goFile, link *comment.DocLink, syms *symbolTable) bool {
	if link.ImportPath == "" {
		return syms.inModule(p.dir).has(link.Recv, link.Name)
	}
	if link.Name == "" && !strings.Contains(link.ImportPath, "/") {
		return true
	}
	for _, candidate := range t.meant(f, link.ImportPath) {
		if names := syms.of(candidate); names != nil && (link.Name == "" || names.has(link.Recv, link.Name)) {
			return true
		}
	}
	return false
}

var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// meant are the import paths that the name of a package may stand for in a
// file: what it imports under that name, the path itself, packages of the
// module that end so.
func (t *Tree) meant(f *goFile, name string) []string {
	var out []string
	for _, spec := range f.syntax.Imports {
		full, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused such a file before
		}
		if importName(spec, full) == name {
			out = append(out, full)
		}
	}
	out = append(out, name)
	for dir := range t.packages {
		if dir == name || path.Base(dir) == name {
			out = append(out, t.module+"/"+dir)
		}
	}
	return out
}

func importName(spec *ast.ImportSpec, full string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(majorVersion.ReplaceAllString(full, ""))
}
