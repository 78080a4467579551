package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// names are what one package declares: "Name", and "Type.Name" for methods,
// fields and methods of interfaces.
type names struct {
	declared map[string]bool
	// embedded are, by type, the types it embeds; those of other packages are
	// the empty string.
	embedded map[string][]string
}

// has tells whether the package declares the name, or the type recv has it,
// also through a type it embeds. What a type from another package gives to one
// that embeds it is believed.
func (n *names) has(recv, name string) bool {
	if recv == "" {
		return n.declared[name]
	}
	if n.declared[recv+"."+name] {
		return true
	}
	for _, inner := range n.embedded[recv] {
		if inner == "" || n.has(inner, name) {
			return true
		}
	}
	return false
}

// symbolTable knows the names of every package that the module can see.
type symbolTable struct {
	tree  *Tree
	dirs  map[string]string // by import path
	known map[string]*names // by import path
}

// symbols asks the go command where the packages are that the module imports.
// Those of the standard library are known by their path.
func (t *Tree) symbols() (*symbolTable, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-test", "-json=ImportPath,Dir", "./...")
	cmd.Dir = t.root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	list, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, problems.String())
	}
	s := &symbolTable{tree: t, dirs: map[string]string{}, known: map[string]*names{}}
	decoder := json.NewDecoder(bytes.NewReader(list))
	for {
		var p struct{ ImportPath, Dir string }
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return s, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		s.dirs[p.ImportPath] = p.Dir
	}
}

// inModule are the names of the package in a directory of the tree, with those
// of its tests.
func (s *symbolTable) inModule(dir string) *names {
	key := "./" + dir
	if s.known[key] == nil {
		n := &names{map[string]bool{}, map[string][]string{}}
		for _, f := range s.tree.packages[dir].files {
			n.add(f.syntax)
		}
		s.known[key] = n
	}
	return s.known[key]
}

// of are the names of a package by import path; nil when there is no such
// package.
func (s *symbolTable) of(importPath string) *names {
	if n, ok := s.known[importPath]; ok {
		return n
	}
	if dir, ok := strings.CutPrefix(importPath, s.tree.module+"/"); ok && s.tree.packages[dir] != nil {
		return s.inModule(dir)
	}
	dir := s.dirs[importPath]
	if dir == "" {
		dir = filepath.Join(build.Default.GOROOT, "src", filepath.FromSlash(importPath))
	}
	n := parseNames(dir)
	s.known[importPath] = n
	return n
}

// parseNames reads the names of a package from its directory; nil when there
// is none.
func parseNames(dir string) *names {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var n *names
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			continue // not ours to judge; its names are then unknown
		}
		if n == nil {
			n = &names{map[string]bool{}, map[string][]string{}}
		}
		n.add(syntax)
	}
	return n
}

func (n *names) add(file *ast.File) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if r := receiver(d); r != "" {
				name = r + "." + name
			}
			n.declared[name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				n.addSpec(spec)
			}
		}
	}
}

func (n *names) addSpec(spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			n.declared[name.Name] = true
		}
	case *ast.TypeSpec:
		n.declared[spec.Name.Name] = true
		switch typ := spec.Type.(type) {
		case *ast.StructType:
			n.addFields(spec.Name.Name, typ.Fields)
		case *ast.InterfaceType:
			n.addFields(spec.Name.Name, typ.Methods)
		case *ast.Ident:
			n.embedded[spec.Name.Name] = []string{typ.Name} // an alias, or the same fields
		case *ast.SelectorExpr:
			n.embedded[spec.Name.Name] = []string{""}
		}
	}
}

func (n *names) addFields(owner string, fields *ast.FieldList) {
	for _, f := range fields.List {
		for _, name := range f.Names {
			n.declared[owner+"."+name.Name] = true
		}
		if len(f.Names) > 0 {
			continue
		}
		inner := typeName(f.Type)
		n.declared[owner+"."+inner] = true
		if !declaredHere(f.Type) {
			inner = ""
		}
		n.embedded[owner] = append(n.embedded[owner], inner)
	}
}

// declaredHere tells whether an embedded type is of the same package.
func declaredHere(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	_, ok := e.(*ast.Ident)
	return ok
}
