package prooftest

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fuzz is a fuzz target that also gets generated input where nobody fuzzes: in
// a plain loop, which needs no program of its own and can be repeated from its
// seed. "go test -fuzz" goes by what code an input reaches, and goes deeper.
type Fuzz struct {
	f     *testing.F
	seeds [][]any
}

// Target begins a fuzz target.
func Target(f *testing.F) *Fuzz { return &Fuzz{f: f} }

// Add adds an input, of the types that Run's body takes.
func (z *Fuzz) Add(args ...any) {
	z.f.Helper()
	z.f.Add(args...)
	z.seeds = append(z.seeds, args)
}

// Run is [testing.F.Fuzz]. The body must not call Skip, which would end the
// loop, nor Parallel.
func (z *Fuzz) Run(body any) {
	z.f.Helper()
	if len(z.seeds) == 0 {
		z.f.Fatal("a fuzz target needs an input to begin with")
	}
	if fuzzing := flag.Lookup("test.fuzz"); fuzzing == nil || fuzzing.Value.String() != "" {
		z.f.Fuzz(body)
		return
	}
	fn, name := reflect.ValueOf(body), z.f.Name()
	var once sync.Once
	z.f.Fuzz(reflect.MakeFunc(fn.Type(), func(args []reflect.Value) []reflect.Value {
		fn.Call(args)
		once.Do(func() {
			if t, ok := args[0].Interface().(*testing.T); ok && !t.Failed() {
				z.loop(t, name, fn)
			}
		})
		return nil
	}).Interface())
}

// loop calls the body with one generated input after the other, until the
// first that fails, which is kept where "go test" looks for inputs.
func (z *Fuzz) loop(t *testing.T, name string, body reflect.Value) {
	work := Choose(t,
		Work{Floor: 1000, Goal: 50_000, Box: time.Second},
		Work{Floor: 45_000, Goal: 200_000, Box: 20 * time.Second})
	seed := Seed(t)
	g := generator{random: rand.New(rand.NewPCG(seed, 5)), seeds: z.seeds}
	var input []any
	done, panicked := 0, true
	defer func() {
		if t.Failed() || panicked && input != nil {
			t.Errorf("fails with generated input no. %d of seed %d, kept in %s", done, seed, keep(t, name, input))
		}
	}()
	for ; work.More(done) && !t.Failed(); done++ {
		input = g.next()
		args := []reflect.Value{reflect.ValueOf(t)}
		for _, arg := range input {
			args = append(args, reflect.ValueOf(arg))
		}
		body.Call(args)
	}
	panicked = false
	work.Check(t, "executions", done)
	work.Report(t, "fuzz-"+packageOf()+"."+name, seed, Counters{"executions": uint64(done), "panics": 0}, nil)
}

// packageOf is the directory of the package under test, from the module's root.
func packageOf() string {
	dir, err := os.Getwd()
	if err != nil {
		return "unknown"
	}
	parts := []string{filepath.Base(dir)}
	for root := filepath.Dir(dir); root != filepath.Dir(root); root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		parts = append([]string{filepath.Base(root)}, parts...)
	}
	return strings.Join(parts, "/")
}

// keep writes an input in the form of the go command's corpora, so that every
// later run begins with it, and gives the file.
func keep(t *testing.T, name string, input []any) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("go test fuzz v1\n")
	for _, arg := range input {
		switch a := arg.(type) {
		case []byte:
			fmt.Fprintf(&text, "[]byte(%s)\n", strconv.Quote(string(a)))
		case string:
			fmt.Fprintf(&text, "string(%s)\n", strconv.Quote(a))
		default:
			fmt.Fprintf(&text, "%T(%v)\n", a, a)
		}
	}
	dir := filepath.Join("testdata", "fuzz", name)
	file := filepath.Join(dir, fmt.Sprintf("generated-%016x", rand.Uint64()))
	if err := cmp.Or(os.MkdirAll(dir, 0o755), os.WriteFile(file, []byte(text.String()), 0o644)); err != nil {
		return fmt.Sprintf("no file, because of %v: %q", err, text.String())
	}
	return file
}
