package doctest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tour goes through pages in one directory, with one server.
type tour struct {
	dir      string
	terminal *shell
	server   *running
	// addr and ops are where the server listens, in place of the default
	// ports, which may be taken.
	addr, http, ops string
	// stays are the terminals beside the server's.
	stays []*running
}

// Addresses that the pages use. Others stand for a running server here.
var (
	grpcAddress = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):7838\b`)
	httpAddress = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):7839\b`)
	opsAddress  = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):7840\b`)
)

// shownDir is where the tour is, as the pages show it.
const shownDir = "/srv/stet"

// real makes of a page's text what to run.
func (tr *tour) real(text string) string {
	if tr.addr == "" {
		return text
	}
	text = httpAddress.ReplaceAllLiteralString(text, tr.http)
	return opsAddress.ReplaceAllLiteralString(grpcAddress.ReplaceAllLiteralString(text, tr.addr), tr.ops)
}

// shown makes of an output what a page would show.
func (tr *tour) shown(output string) string {
	output = strings.ReplaceAll(output, tr.dir, shownDir)
	if tr.addr == "" {
		return output
	}
	output = strings.ReplaceAll(output, " --addr "+tr.addr, "")
	return strings.NewReplacer(tr.addr, "127.0.0.1:7838", tr.http, "127.0.0.1:7839", tr.ops, "127.0.0.1:7840").Replace(output)
}

// env points to the server, as the default ports do.
func (tr *tour) env() []string {
	env := environment("STET_LISTEN=127.0.0.1:0", "STET_HTTP_LISTEN=127.0.0.1:0", "STET_OPS_LISTEN=127.0.0.1:0", "STET_DISK_FLOOR=1")
	if tr.addr != "" {
		env = append(env, "STET_ADDR="+tr.addr, "STET_OPS_ADDR="+tr.ops)
	}
	return env
}

// serve starts the server as a page says and gives what it greets with.
func (tr *tour) serve(t *testing.T, command string) string {
	t.Helper()
	tr.server = start(t, tr.dir, tr.env(), command)
	var greeting strings.Builder
	for !strings.Contains(greeting.String(), "Stop with") {
		line, err := tr.server.lines(1)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		greeting.WriteString(line)
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "  listening on"):
			tr.addr = fields[2]
		case strings.HasPrefix(line, "  aggregates on"):
			tr.http = strings.TrimPrefix(fields[2], "http://")
		case strings.HasPrefix(line, "  operations on"):
			tr.ops = strings.TrimPrefix(fields[2], "http://")
		}
	}
	tr.terminal = openShell(t, tr.dir, tr.env())
	return tr.shown(greeting.String())
}

// stop is Ctrl-C, and what is left must be a sound store.
func (tr *tour) stop(t *testing.T) {
	t.Helper()
	if err := tr.server.interrupt(); err != nil {
		t.Fatalf("stop the server: %v", err)
	}
	out, code, err := tr.terminal.run("bin/stet verify --data ./data")
	if err != nil || code != 0 || !strings.HasPrefix(out, "./data: clean\n") {
		t.Errorf("after the server was stopped verify says (%v, exit code %d): %s", err, code, out)
	}
	tr.server = nil
}

// play runs a block and gives what it printed, as a page would show it.
func (tr *tour) play(t *testing.T, where string, b *block) string {
	t.Helper()
	if name, isFile := strings.CutPrefix(b.note, "file: "); isFile {
		path := filepath.Join(tr.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(tr.real(b.text)), 0o600); err != nil {
			t.Fatal(err)
		}
		return ""
	}
	if b.note == "stays running" {
		return tr.stay(t, where, b)
	}
	if b.note == "after the server has stopped" {
		tr.catchUp(t, where)
		tr.stop(t)
	}
	out, code, err := tr.terminal.run(tr.real(b.text))
	if err != nil {
		t.Fatalf("%s: %v\n%s", where, err, out)
	}
	if fails := b.note == "fails"; (code != 0) != fails {
		t.Errorf("%s: exit code %d:\n%s\n%s", where, code, b.text, out)
	}
	return tr.shown(out)
}

// stay gives a command a terminal of its own and waits until it has printed as
// much as the page shows.
func (tr *tour) stay(t *testing.T, where string, b *block) string {
	t.Helper()
	if tr.server == nil {
		return tr.serve(t, b.text)
	}
	r := start(t, tr.dir, tr.env(), "exec "+tr.real(b.text))
	tr.stays = append(tr.stays, r)
	out, err := r.lines(strings.Count(b.output.text, "\n"))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return tr.shown(out)
}

// catchUp looks at what stays running: it must have shown each event up to the
// head, once and in order, but those of the server's own streams.
func (tr *tour) catchUp(t *testing.T, where string) {
	t.Helper()
	out, _, err := tr.terminal.run("bin/stet info --json")
	var info struct{ Head int }
	if err == nil {
		err = json.Unmarshal([]byte(out), &info)
	}
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	hidden := map[int]bool{}
	own, _, err := tr.terminal.run("bin/stet read --all --prefix '$' --json")
	for line := range strings.Lines(own) {
		var e struct{ Position int }
		if err == nil {
			err = json.Unmarshal([]byte(line), &e)
		}
		hidden[e.Position] = true
	}
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	for _, r := range tr.stays {
		for position := r.seen + 1; position <= info.Head; position++ {
			if hidden[position] {
				continue
			}
			line, err := r.lines(1)
			if err != nil || !strings.HasPrefix(line, fmt.Sprintf("%d  ", position)) {
				t.Fatalf("%s: at position %d: %q, %v", where, position, line, err)
			}
		}
		if err := r.interrupt(); err != nil {
			t.Fatal(err)
		}
	}
	tr.stays = nil
}

// compare tells where a block prints other than the page shows.
func compare(t *testing.T, where string, b *block, got string) {
	t.Helper()
	want := ""
	if b.output != nil {
		want = b.output.text
	}
	if !matches(want, got) {
		t.Errorf("%s prints other than the page shows (-page +printed):\n%s", where, cmp.Diff(masked(want), masked(got)))
	}
}
