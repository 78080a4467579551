package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stet-db/stet/client"
)

// startServer starts a server for a test and gives it with the environment that
// points commands to it.
func startServer(t *testing.T, dir string, args ...string) (*daemon, []string) {
	t.Helper()
	d, err := startDaemon(dir, os.Environ(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.remove)
	return d, append(os.Environ(), "STET_ADDR="+d.addr, "STET_OPS_ADDR="+d.ops)
}

func stet(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("stet", args...)
	cmd.Dir, cmd.Env = dir, env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("stet %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), err
}

// numbered are n lines over a few streams.
func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"stream":"s-%d","type":"N","json":%d}`+"\n", i/10%7, i)
	}
	return b.String()
}

// wantNumbered checks that the log has 0 to n-1, once each and in order.
func wantNumbered(t *testing.T, addr string, n int) {
	t.Helper()
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}()
	next := 0
	for e, err := range api.ReadAll(context.Background(), client.LogRead{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.GetJson() != fmt.Sprint(next) {
			t.Fatalf("position %d has %s; want %d", e.GetPosition(), e.GetJson(), next)
		}
		next++
	}
	if next != n {
		t.Errorf("%d events; want %d", next, n)
	}
}

// The import is killed while its source still comes, so in the middle for
// sure; then the whole source is imported under the same name.
func TestAnImportKilledInTheMiddleAddsNothingTwice(t *testing.T) {
	for _, progress := range []string{"side", "none"} {
		t.Run("progress "+progress, func(t *testing.T) {
			dir := t.TempDir()
			d, env := startServer(t, dir)
			whole := numbered(0, 5000)
			if err := os.WriteFile(filepath.Join(dir, "whole.ndjson"), []byte(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			killed := exec.Command("stet", "import", "-", "--name", "x", "--progress", progress)
			killed.Dir, killed.Env = dir, env
			source, err := killed.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := killed.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(source, numbered(0, 3333)); err != nil {
				t.Fatal(err)
			}
			// Returns once so many events are in the log.
			if _, err := stet(t, dir, env, "tail", "--all", "--count", "2500"); err != nil {
				t.Fatal(err)
			}
			if err := killed.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := killed.Wait(); err == nil {
				t.Fatal("the import ended before it was killed")
			}
			out, err := stet(t, dir, env, "import", "whole.ndjson", "--name", "x", "--progress", progress)
			if err != nil {
				t.Fatal(err)
			}
			wantNumbered(t, d.addr, 5000)
			t.Log(strings.SplitN(out, "\n", 2)[0])
		})
	}
}

// The same with the server killed: the import fails with "try again", and
// trying again after a restart completes it.
func TestAnImportGoesOnAfterTheServerWasKilled(t *testing.T) {
	dir := t.TempDir()
	d, env := startServer(t, dir)
	whole := numbered(0, 5000)
	if err := os.WriteFile(filepath.Join(dir, "whole.ndjson"), []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := exec.Command("stet", "import", "-", "--name", "x", "--progress", "side")
	cut.Dir, cut.Env = dir, env
	source, err := cut.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cut.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(source, numbered(0, 3333)); err != nil {
		t.Fatal(err)
	}
	if _, err := stet(t, dir, env, "tail", "--all", "--count", "2500"); err != nil {
		t.Fatal(err)
	}
	if err := d.end(syscall.SIGKILL); err == nil {
		t.Fatal("the server survived")
	}
	// The rest comes; the import may have ended by then and left the pipe.
	_, _ = io.WriteString(source, numbered(3333, 5000))
	_ = source.Close() // likewise
	if err := cut.Wait(); err == nil || cut.ProcessState.ExitCode() != exitUnavailable {
		t.Errorf("the import ended with %v", err)
	}
	d, env = startServer(t, dir)
	if _, err := stet(t, dir, env, "import", "whole.ndjson", "--name", "x", "--progress", "side"); err != nil {
		t.Fatal(err)
	}
	wantNumbered(t, d.addr, 5000)
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if out, err := stet(t, dir, env, "verify"); err != nil {
		t.Error(out, err)
	}
}

func TestAnInterruptedImportNotesItsProgress(t *testing.T) {
	dir := t.TempDir()
	d, env := startServer(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "whole.ndjson"), []byte(numbered(0, 3000)), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := exec.Command("stet", "import", "-", "--name", "x", "--progress", "side")
	cut.Dir, cut.Env = dir, env
	source, err := cut.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cut.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(source, numbered(0, 2000)); err != nil {
		t.Fatal(err)
	}
	if _, err := stet(t, dir, env, "tail", "--all", "--count", "1500"); err != nil {
		t.Fatal(err)
	}
	if err := cut.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	if err := cut.Wait(); err == nil || cut.ProcessState.ExitCode() != exitFailure {
		t.Errorf("the import ended with %v", err)
	}
	out, err := stet(t, dir, env, "import", "whole.ndjson", "--name", "x", "--progress", "side")
	if err != nil || strings.Contains(out, " 0 known before") {
		t.Errorf("%s %v", out, err)
	}
	wantNumbered(t, d.addr, 3000)
}
