package examples_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// S0.3, S0.9, S0.19, S0.20, S1.10, S2.1, S3.11, S4.1, S4.11, S4.15 and others: see docs/checklist.md.
func TestEachExamplePrintsWhatItShould(t *testing.T) {
	needs(t, "bash", "curl", "grep", "sed", "sort", "uniq")
	scripts, err := filepath.Glob(filepath.Join("*", "run.sh"))
	if err != nil || len(scripts) < 8 {
		t.Fatalf("scripts: %q, %v", scripts, err)
	}
	for _, script := range scripts {
		dir := filepath.Dir(script)
		t.Run(dir, func(t *testing.T) {
			history := filepath.Join(dir, "history.ndjson")
			if _, err := os.Stat(history); errors.Is(err, fs.ErrNotExist) {
				history = ""
			} else if err != nil {
				t.Fatal(err)
			}
			began := time.Now().Unix()
			got := masked(bash(t, dir, serve(t, history), "run.sh"), began)
			compare(t, got, string(read(t, dir, "expected.txt")))
		})
	}
}

// S0.3, S0.9: the specification and the calls are those of the text, but for the
// host.
func TestTheCartIsTheOneOfItsText(t *testing.T) {
	text := filepath.Join("..", "server", "httpapi", "testdata")
	for _, dir := range []string{"cart", "cart-history"} {
		if !bytes.Equal(read(t, dir, "spec.json"), read(t, text, "seed_spec.json")) {
			t.Errorf("%s: not the specification of the text", dir)
		}
	}
	script := string(read(t, "cart", "run.sh"))
	calls := strings.Split("\n"+string(read(t, text, "seed_calls.txt")), "\ncurl ")[1:]
	for _, call := range calls {
		end := strings.Index(call, "\n}'\n") + len("\n}'\n")
		if !strings.HasPrefix(call, "-X POST ") {
			end = strings.Index(call, "\n{") + 1
		}
		if want := "curl " + strings.ReplaceAll(call[:end], "https://myapp.j17.dev", "$STET"); !strings.Contains(script, want) {
			t.Errorf("the script lacks\n%s", want)
		}
	}
}

// Every example has its section.
func TestTheReadmeTellsOfEveryExample(t *testing.T) {
	readme := string(read(t, "README.md"))
	scripts, err := filepath.Glob(filepath.Join("*", "run.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if want := "\n## `" + filepath.Dir(script) + "`"; !strings.Contains(readme, want) {
			t.Errorf("no section %q", want[1:])
		}
	}
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// compare names the first line that is another one.
func compare(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var have, need string
		if i < len(g) {
			have = g[i]
		}
		if i < len(w) {
			need = w[i]
		}
		if have != need {
			t.Fatalf("line %d:\n%s\nwant\n%s", i+1, have, need)
		}
	}
}
