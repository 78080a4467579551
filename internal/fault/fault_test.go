package fault_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/fault"
)

// Every point of the table is passed at exactly one place of the code, in the
// way that the table says, and every name is one of its own.
func TestTheTableOfPointsIsWhatTheCodePasses(t *testing.T) {
	points := fault.Points()
	if len(points) < 30 {
		t.Errorf("%d points, want at least 30", len(points))
	}
	identifier := map[string]fault.Point{}
	for _, p := range points {
		name := p.String()
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(name) || p.When() == "" {
			t.Errorf("point %d is called %q, when %q", p, name, p.When())
		}
		camel := ""
		for part := range strings.SplitSeq(name, "-") {
			camel += strings.ToUpper(part[:1]) + part[1:]
		}
		if _, twice := identifier[camel]; twice {
			t.Errorf("two points are called %q", name)
		}
		identifier[camel] = p
	}
	passed := map[string]int{}
	for _, use := range uses(t, "../..") {
		p, known := identifier[use.point]
		if !known {
			t.Errorf("%s passes fault.%s, which is not in the table by that name", use.where, use.point)
			continue
		}
		if passed[use.point]++; p.Fails() != (use.call == "Fail") {
			t.Errorf("%s passes %s with fault.%s, but the table says fails: %v", use.where, p, use.call, p.Fails())
		}
	}
	for camel, p := range identifier {
		if passed[camel] != 1 {
			t.Errorf("%s is passed at %d places, want one", p, passed[camel])
		}
	}
}

type use struct{ where, call, point string }

// uses are the calls of fault.At and fault.Fail outside of tests.
func uses(t *testing.T, root string) []use {
	t.Helper()
	var out []use
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			fn, point := selector(call.Fun), selector(call.Args[0])
			if fn == "At" || fn == "Fail" {
				out = append(out, use{fset.Position(n.Pos()).String(), fn, point})
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// selector is x of fault.x.
func selector(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if pkg, ok := s.X.(*ast.Ident); !ok || pkg.Name != "fault" {
		return ""
	}
	return s.Sel.Name
}

func TestAHookIsCalledUntilItIsRemoved(t *testing.T) {
	broken := errors.New("broken")
	var hits fault.Hits
	remove := fault.Install(func(p fault.Point) error {
		hits.Add(p)
		if p == fault.CommitSync {
			return broken
		}
		return nil
	})
	fault.At(fault.Judged)
	if err := fault.Fail(fault.CommitSync); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := fault.Fail(fault.CommitApply); err != nil {
		t.Errorf("got %v", err)
	}
	remove()
	fault.At(fault.Judged)
	if err := fault.Fail(fault.CommitSync); err != nil {
		t.Errorf("after removal: %v", err)
	}
	counts := hits.ByName()
	if counts["judged"] != 1 || counts["commit-sync"] != 1 || counts["answered"] != 0 || len(counts) != len(fault.Points()) {
		t.Errorf("counts: %v", counts)
	}
}

func BenchmarkAPointWithoutHook(b *testing.B) {
	for b.Loop() {
		fault.At(fault.Judged)
	}
}
