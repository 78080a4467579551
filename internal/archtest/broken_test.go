package archtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sound is a small module that keeps every rule.
var sound = map[string]string{
	"go.mod":   "module example.test/shop\n\ngo 1.26\n",
	"Makefile": "build:\n\ttrue\nrelease-image: build\n",
	"ARCHITECTURE.md": `# How it is built

| package | may import, inside the module | outside | what it gives |
|---|---|---|---|
| ` + "`cart`" + ` | ` + "`price/...`" + ` | | carts |
| ` + "`price`" + ` | | ` + "`example.test/decimal`" + ` | prices |
| ` + "`cart/carttest`" + ` | ` + "`cart`" + ` | | a kit |

Tests may also import: ` + "`example.test/compare`" + `.

| file | goroutine | how it ends |
|---|---|---|
| ` + "`cart/cart.go`" + ` | fills the cart | when it is full |
`,
	"README.md": "# Shop\n\nSee [how](ARCHITECTURE.md#how-it-is-built), run `make build`.\n\n```sh\nmake release-image\n```\n",
	"cart/doc.go": "// Package cart holds what a customer wants: [Cart], [Cart.Total], [price.Of]\n" +
		"// and [strings.Builder].\npackage cart\n",
	"cart/cart.go": `package cart

import "example.test/shop/price"

// Cart is full of things. See [Cart.Items] and [Basket.Total].
type Cart struct {
	// Items are what is in it.
	Items []string
}

// Basket is a cart that is carried.
type Basket struct{ Cart }

// Total is the price of everything.
func (c *Cart) Total() int { return price.Of(c.Items) }

func (c *Cart) String() string { return "cart" }

// Fill fills it.
func (c *Cart) Fill(done chan struct{}) { go close(done) }
`,
	"cart/cart_test.go":     "package cart\n\nimport (\n\t\"testing\"\n\t_ \"example.test/compare/loosely\"\n\t_ \"example.test/shop/cart/carttest\"\n)\n\nfunc TestNothing(*testing.T) {}\n",
	"cart/carttest/doc.go":  "// Package carttest tests carts.\npackage carttest\n\nimport (\n\t_ \"testing\"\n\n\t_ \"example.test/shop/cart\"\n)\n",
	"price/doc.go":          "// Package price knows what things cost.\npackage price\n\nimport _ \"example.test/decimal/exact\"\n",
	"price/price.go":        "package price\n\n// Of is the price of things.\nfunc Of([]string) int { return 1 }\n",
	"data/anything.go":      "not Go: the server's data, kept out by .gitignore",
	"tools/go.mod":          "module example.test/shop/tools\n",
	"tools/undocumented.go": "package util\n\nfunc Odd() {}\n",
}

func TestASoundTreeHasNoProblems(t *testing.T) {
	tree := plant(t, nil)
	for _, c := range checks {
		problems, err := c.run(tree)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %q", c.name, err, problems)
		}
	}
}

func TestEachBrokenRuleIsFound(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\t_ = 0\n", n) }
	mark := "TO" + "DO"
	cases := []struct {
		breaks, check string
		file, text    string
		want          string
	}{
		{"an import upwards", "imports", "price/odd.go", "package price\n\nimport _ \"example.test/shop/cart\"\n", "price/odd.go:3: price must not import example.test/shop/cart"},
		{"an outside library at home elsewhere", "imports", "cart/odd.go", "package cart\n\nimport _ \"example.test/decimal\"\n", "cart must not import example.test/decimal"},
		{"a library of a similar name", "imports", "price/odd.go", "package price\n\nimport _ \"example.test/decimals\"\n", "price must not import example.test/decimals"},
		{"a library for tests outside of tests", "imports", "cart/odd.go", "package cart\n\nimport _ \"example.test/compare\"\n", "cart must not import example.test/compare"},
		{"an import under a build tag", "imports", "price/odd.go", "//go:build plan9\n\npackage price\n\nimport _ \"example.test/shop/cart\"\n", "price must not import example.test/shop/cart"},
		{"a library that the table does not give to tests", "imports", "price/odd_test.go", "package price\n\nimport _ \"example.test/assert\"\n", "price must not import example.test/assert"},
		{"testing in production code", "imports", "cart/odd.go", "package cart\n\nimport _ \"testing\"\n", "cart must not import testing"},
		{"a package without a row", "imports", "stock/doc.go", "// Package stock is new.\npackage stock\n", "no row for package stock"},
		{"a row without a package", "imports", "ARCHITECTURE.md", strings.Replace(sound["ARCHITECTURE.md"], "| `price` |", "| `price`, `gone` |", 1), "a row for gone, which is no package"},
		{"a naked go statement", "goroutines", "price/odd.go", "package price\n\nfunc odd() { go odd() }\n", "price/odd.go:3: a goroutine starts here"},
		{"a goroutine of a group", "goroutines", "price/odd.go", "package price\n\nfunc odd(g group) { g.Go(odd) }\n", "price/odd.go:3: a goroutine starts here"},
		{"a goroutine with a result", "goroutines", "price/odd.go", "package price\n\nfunc odd() { lifecycle.Async(odd) }\n", "price/odd.go:3: a goroutine starts here"},
		{"a row for no goroutine", "goroutines", "cart/cart.go", "package cart\n", "names cart/cart.go, which starts none"},
		{"a stale doc link", "doc links", "price/odd.go", "package price\n\n// odd is like [Off].\nfunc odd() {}\n", "price/odd.go:3: [Off] is the name of nothing"},
		{"a stale method", "doc links", "cart/odd.go", "package cart\n\n// odd is like [Cart.Sum].\nfunc odd() {}\n", "[Cart.Sum] is the name of nothing"},
		{"a stale name of another package", "doc links", "cart/odd.go", "package cart\n\n// odd is like [price.Off].\nfunc odd() {}\n", "[price.Off] is the name of nothing"},
		{"a stale name of the standard library", "doc links", "cart/odd.go", "package cart\n\n// odd is like [strings.Bilder].\nfunc odd() {}\n", "[strings.Bilder] is the name of nothing"},
		{"a stale name inside of a function", "doc links", "cart/odd.go", "package cart\n\nfunc odd() {\n\t// As [Carts] says.\n}\n", "[Carts] is the name of nothing"},
		{"a package that is not there", "doc links", "cart/odd.go", "package cart\n\n// odd is in [shop/stock].\nfunc odd() {}\n", "[shop/stock] is the name of nothing"},
		{"no doc.go", "documentation", "stock/stock.go", "package stock\n", "stock/doc.go: is missing"},
		{"no package comment", "documentation", "price/doc.go", "package price\n", "price/doc.go: has no package comment"},
		{"a long doc.go", "documentation", "price/doc.go", "// Package price is long.\n" + strings.Repeat("//\n", 40) + "package price\n", "price/doc.go: 42 lines, at most 40"},
		{"an exported function without a comment", "documentation", "price/odd.go", "package price\n\nfunc Odd() {}\n", "price/odd.go:3: exported Odd has no comment"},
		{"an exported method without a comment", "documentation", "cart/odd.go", "package cart\n\nfunc (*Cart) Odd() {}\n", "exported Odd has no comment"},
		{"an exported type without a comment", "documentation", "price/odd.go", "package price\n\n// Types.\ntype (\n\tOdd int\n)\n", "exported Odd has no comment"},
		{"an exported constant without a comment", "documentation", "price/odd.go", "package price\n\nconst Odd = 1\n", "exported Odd has no comment"},
		{"a method of an interface without a comment", "documentation", "price/odd.go", "package price\n\n// Odd is.\ntype Odd interface{ Even() }\n", "exported Even has no comment"},
		{"a fuzz target on its own", "fuzzing", "price/odd_test.go", "package price\n\nimport \"testing\"\n\nfunc FuzzOdd(f *testing.F) {\n\tf.Fuzz(func(*testing.T, int) {})\n}\n", "price/odd_test.go:6: a fuzz target must be run as a prooftest.Target"},
		{"a long file", "sizes", "price/odd.go", "package price\n" + strings.Repeat("\n", 500), "price/odd.go: 501 lines, at most 500"},
		{"a long test", "sizes", "price/odd_test.go", "package price\n" + strings.Repeat("\n", 800), "price/odd_test.go: 801 lines, at most 800"},
		{"a long function", "sizes", "price/odd.go", "package price\n\nfunc odd() {\n" + lines(69) + "}\n", "price/odd.go:3: odd has 71 lines, at most 70"},
		{"a drawer", "names", "util/doc.go", "// Package util is a drawer.\npackage util\n", "util: a package is named for what it gives"},
		{"a package that is not named as its folder", "names", "stock/doc.go", "package goods\n", "stock/doc.go: package goods in folder stock"},
		{"a path of one machine", "text", "docs/odd.md", "Look into /ho" + "me/me/shop.\n", "docs/odd.md:1: a path that exists on one machine only"},
		{"an open end", "text", "price/odd.go", "package price\n\n// " + mark + ": all.\n", "price/odd.go:3: an open end"},
		{"a dead link", "links", "docs/odd.md", "See [it](../GONE.md).\n", "docs/odd.md:1: no file GONE.md"},
		{"a link out of the tree", "links", "docs/odd.md", "See [it](../../README.md).\n", "docs/odd.md:1: no file ../README.md"},
		{"a dead heading", "links", "docs/odd.md", "See [it](../README.md#shops).\n", "docs/odd.md:1: no heading #shops in README.md"},
		{"a make target that is not there", "links", "docs/odd.md", "Then `make sense`.\n", "docs/odd.md:1: the Makefile has no target sense"},
		{"a test that is not there", "links", "docs/odd.md", "As `TestNothing` and `TestAnything` show.\n", "docs/odd.md:1: no test TestAnything"},
		{"a benchmark that is not there", "links", "docs/odd.md", "As `BenchmarkAnything` shows.\n", "docs/odd.md:1: no test BenchmarkAnything"},
		{"a file that is not there", "links", "docs/odd.md", "In `cart/cart.go`, `cart/gone.go` and `else/where.go`.\n", "docs/odd.md:1: no file cart/gone.go"},
		{"such a target in a block", "links", "docs/odd.md", "```sh\n$ make sense\n```\n", "docs/odd.md:2: the Makefile has no target sense"},
	}
	for _, c := range cases {
		t.Run(c.breaks, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(checks, func(o check) bool { return o.name == c.check })
			problems, err := checks[i].run(plant(t, map[string]string{c.file: c.text}))
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != 1 || !strings.Contains(problems[0], c.want) {
				t.Errorf("found %q, want one problem with %q", problems, c.want)
			}
		})
	}
}

func TestALongPackageNeedsADecision(t *testing.T) {
	long := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		long["price/"+name+".go"] = "package price\n" + strings.Repeat("\n", 499)
	}
	problems, err := plant(t, long).Sizes()
	want := []string{"price: the package has 2508 lines, at most 2500"}
	if err != nil || !slices.Equal(problems, want) {
		t.Errorf("found %q, %v, want %q", problems, err, want)
	}

	long["docs/decisions/0001-price.md"] = "# Price is one thing\n\nBudget: package `price` may have 2508 lines.\n"
	if problems, err := plant(t, long).Sizes(); err != nil || len(problems) > 0 {
		t.Errorf("a decision grants more lines, found %q, %v", problems, err)
	}
}

func TestATreeWithoutATableIsAnError(t *testing.T) {
	if _, err := plant(t, map[string]string{"ARCHITECTURE.md": "# Nothing\n"}).Imports(); err == nil {
		t.Error("a missing import table allows everything")
	}
}

// plant writes the sound tree with some files changed and opens it.
func plant(t *testing.T, changes map[string]string) *Tree {
	t.Helper()
	root := t.TempDir()
	files := maps.Clone(sound)
	maps.Copy(files, changes)
	for name, text := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
