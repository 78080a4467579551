package recordtest

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Golden gives the bytes of the block of that name in docs/format.md.
func Golden(t testing.TB, name string) []byte {
	t.Helper()
	golden, ok := Goldens(t)[name]
	if !ok {
		t.Fatalf("docs/format.md has no golden block %q", name)
	}
	return golden
}

// Goldens gives the bytes of all blocks of docs/format.md. A block begins with
// a line of three backquotes, the word golden and the name; each line has bytes
// in hexadecimal, and a comment behind #.
func Goldens(t testing.TB) map[string][]byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	goldens := map[string][]byte{}
	name, open := "", false
	for i, line := range strings.Split(string(page), "\n") {
		switch after, begins := strings.CutPrefix(line, "```golden "); {
		case begins:
			name, open = strings.TrimSpace(after), true
			if goldens[name] != nil {
				t.Fatalf("docs/format.md:%d: a second block %q", i+1, name)
			}
			goldens[name] = []byte{}
		case strings.HasPrefix(line, "```"):
			open = false
		case open:
			digits, _, _ := strings.Cut(line, "#")
			b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), " ", ""))
			if err != nil {
				t.Fatalf("docs/format.md:%d: %v", i+1, err)
			}
			goldens[name] = append(goldens[name], b...)
		}
	}
	return goldens
}

// moduleRoot is the directory with go.mod, at or above the test's own.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = parent
	}
}
