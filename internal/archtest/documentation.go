package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
)

// selfExplaining are methods whose meaning the standard library fixes.
var selfExplaining = []string{"Error", "String", "Unwrap", "Len", "Less", "Swap", "Read", "Write", "ServeHTTP"}

// Documentation finds packages without a package comment in doc.go, ones whose
// doc.go is long, and exported names without a comment. One comment may speak
// for a group of constants or variables. Tests, and methods such as Error that
// mean the same everywhere, need none.
func (t *Tree) Documentation() []string {
	var out []string
	for _, p := range t.sorted() {
		if p.generated() {
			continue
		}
		out = append(out, p.packageComment()...)
		for _, f := range p.files {
			if f.test || f.generated {
				continue
			}
			for _, d := range f.syntax.Decls {
				out = append(out, t.undocumented(d)...)
			}
		}
	}
	return out
}

func (p *pkg) packageComment() []string {
	file := path.Join(p.dir, "doc.go")
	i := slices.IndexFunc(p.files, func(f *goFile) bool { return f.path == file })
	switch {
	case i < 0 && slices.ContainsFunc(p.files, func(f *goFile) bool { return !f.test }):
		return []string{file + ": is missing"}
	case i < 0:
		return nil // a folder of tests only
	case p.files[i].syntax.Doc == nil:
		return []string{file + ": has no package comment"}
	case p.files[i].lines > docLines:
		return []string{fmt.Sprintf("%s: %d lines, at most %d", file, p.files[i].lines, docLines)}
	}
	return nil
}

func (t *Tree) undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) &&
			!(d.Recv != nil && slices.Contains(selfExplaining, d.Name.Name)) {
			return []string{t.noComment(d.Name)}
		}
	case *ast.GenDecl:
		var out []string
		for _, spec := range d.Specs {
			out = append(out, t.undocumentedSpec(d, spec)...)
		}
		return out
	}
	return nil
}

func (t *Tree) undocumentedSpec(d *ast.GenDecl, spec ast.Spec) []string {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		var out []string
		if spec.Name.IsExported() && spec.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
			out = append(out, t.noComment(spec.Name))
		}
		if face, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.IsExported() {
			out = append(out, t.undocumentedMethods(face)...)
		}
		return out
	case *ast.ValueSpec:
		if d.Tok == token.IMPORT || d.Doc != nil || spec.Doc != nil || spec.Comment != nil {
			return nil
		}
		for _, name := range spec.Names {
			if name.IsExported() {
				return []string{t.noComment(name)}
			}
		}
	}
	return nil
}

func (t *Tree) undocumentedMethods(face *ast.InterfaceType) []string {
	var out []string
	for _, m := range face.Methods.List {
		if len(m.Names) == 1 && m.Names[0].IsExported() && m.Doc == nil && m.Comment == nil {
			out = append(out, t.noComment(m.Names[0]))
		}
	}
	return out
}

func (t *Tree) noComment(name *ast.Ident) string {
	return fmt.Sprintf("%s: exported %s has no comment", t.place(name.Pos()), name.Name)
}

// exportedReceiver is false for methods of types that nobody outside sees.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	return ast.IsExported(receiver(d))
}

// receiver is the name of the type that a method belongs to; empty for a
// function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	return typeName(d.Recv.List[0].Type)
}

// typeName is the name at the heart of a type expression.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}
