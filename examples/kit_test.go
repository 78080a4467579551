package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// stet is the path of the program.
var stet string

func TestMain(m *testing.M) { goleak.VerifyTestMain(built{m}) }

// built are tests that have the program while they run.
type built struct{ *testing.M }

// Run builds the program, runs the tests, and removes it.
func (b built) Run() int {
	dir, err := os.MkdirTemp("", "stet-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := 1
	stet = filepath.Join(dir, "stet")
	if out, err := exec.Command("go", "build", "-o", stet, "../cmd/stet").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
	} else {
		code = b.M.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

const patience = 2 * time.Minute

// needs skips a test where a program is missing, and says which.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

var greeting = regexp.MustCompile(`aggregates on +(http://\S+)`)

// rpcs is where the greeting says that the program takes RPCs.
var rpcs = regexp.MustCompile(`listening on +(\S+) `)

// server is where a running program listens.
type server struct {
	// http is the URL for aggregates, rpc the address for the program's own
	// commands.
	http, rpc string
}

// serve runs the program on a new store, which has the events of the export,
// unless it is empty; it gives the addresses of its listeners. When the test
// ends the program is told to, and must end well.
func serve(t *testing.T, export string) (at server) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if export != "" {
		if out, err := exec.CommandContext(t.Context(), stet, "import", export, "--preserve", "--data", data).CombinedOutput(); err != nil {
			t.Fatalf("restore %s: %v\n%s", export, err, out)
		}
	}
	var log bytes.Buffer
	// The test's own context ends before its cleanup does.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), stet, "serve", "--data", data,
		"--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--disk-floor", "1")
	cmd.Stderr, cmd.WaitDelay = &log, patience
	out, w := io.Pipe()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatalf("serve: %v", err)
	}
	killer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // it may have ended; Wait tells
	ended := sync.OnceValue(func() error { defer killer.Stop(); return cmd.Wait() })
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := ended(); err != nil {
			t.Errorf("serve ended with %v\n%s", err, log.String())
		}
		w.Close()
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("serve did not say where it listens: %v\n%s", err, log.String())
		}
		if m := greeting.FindStringSubmatch(line); m != nil {
			at.http = m[1]
		}
		if m := rpcs.FindStringSubmatch(line); m != nil {
			at.rpc = m[1]
		}
		if line == "Stop with Ctrl-C.\n" {
			return at
		}
	}
}

// bash runs a script with the address of a server in STET, and with the program
// for those that call it.
func bash(t *testing.T, dir string, at server, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var failure bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", arguments...)
	cmd.Dir, cmd.Stderr = dir, &failure
	cmd.Env = append(os.Environ(), "STET="+at.http, "STET_ADDR="+at.rpc,
		"PATH="+filepath.Dir(stet)+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.Output()
	if err != nil || failure.Len() > 0 {
		t.Fatalf("bash %.200q: %v\n%s%s", arguments, err, out, failure.String())
	}
	return string(out)
}

// moments are stream ids, and times in milliseconds and seconds.
var moments = regexp.MustCompile(`\b(\d{13})(-\d+)?\b|\b(\d{10})\b`)

// masked has "<now>" for every time since then, in seconds.
func masked(text string, since int64) string {
	return moments.ReplaceAllStringFunc(text, func(m string) string {
		// A number of ten digits cannot be out of range.
		if at, err := strconv.ParseInt(m[:10], 10, 64); err != nil || at < since {
			return m
		}
		return "<now>"
	})
}
