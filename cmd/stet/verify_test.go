package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// One flipped bit in what a server acknowledged is found and named, with the
// exit code that scripts rely on, and nothing in the directory changes (I9).
func TestVerifyEndsWithSixWhenABitWasFlipped(t *testing.T) {
	dir := t.TempDir()
	d, env := startServer(t, dir)
	const needle = "needle-in-the-log"
	if _, err := stet(t, dir, env, "append", "a-1", "--type", needle); err != nil {
		t.Fatal(err)
	}
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d, env = startServer(t, dir) // which moves the event from the write-ahead log into a table
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if !flip(t, data, needle) {
		t.Fatalf("no table in %s holds the event", data)
	}
	before := contents(t, data)
	for _, args := range [][]string{{"verify"}, {"verify", "--json"}} {
		out, err := stet(t, dir, env, args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitDamaged {
			t.Fatalf("%v: %s", err, out)
		}
		if !strings.Contains(out, "DAMAGED") && !strings.Contains(out, `"ok":false`) {
			t.Errorf("the report is %s", out)
		}
	}
	if after := contents(t, data); after != before {
		t.Error("verify changed the directory")
	}
}

// flip flips one bit of the first table that holds the text.
func flip(t *testing.T, dir, text string) bool {
	t.Helper()
	flipped := false
	walk(t, dir, func(path string, content []byte) {
		at := bytes.Index(content, []byte(text))
		if at < 0 || flipped || filepath.Ext(path) != ".sst" {
			return
		}
		content[at] ^= 1
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		flipped = true
	})
	return flipped
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	walk(t, dir, func(path string, content []byte) { all.WriteString(path + "\x00" + string(content) + "\x00") })
	return all.String()
}

func walk(t *testing.T, dir string, visit func(path string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil {
			visit(path, content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
