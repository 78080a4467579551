package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes this binary be stet when it is called so: the tests run real
// processes.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"stet": main, "stet-on-a-failing-disk": mainOnAFailingDisk})
}

// leakChecked fails a run that leaves goroutines behind.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveScript, "end": endScript, "crash": crashScript, "pack": packScript, "code": codeScript,
		},
		Setup: func(e *testscript.Env) error {
			e.Values[daemonKey{}] = map[string]*daemon{}
			return nil
		},
	})
}

// daemon is a running server.
type daemon struct {
	cmd       *exec.Cmd
	addr, ops string
	greeting  []string
	stderr    *os.File
}

// startDaemon runs stet serve on free ports and waits until it says where it
// listens.
func startDaemon(dir string, env []string, args ...string) (*daemon, error) {
	return startDaemonNamed("stet", dir, env, args...)
}

// startDaemonNamed does so with another of the programs that this binary is.
func startDaemonNamed(program, dir string, env []string, args ...string) (*daemon, error) {
	stderr, err := os.CreateTemp("", "stet-test-*.log")
	if err != nil {
		return nil, err
	}
	d := &daemon{stderr: stderr}
	d.cmd = exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--disk-floor", "1"}, args...)...)
	d.cmd.Dir, d.cmd.Env, d.cmd.Stderr = dir, env, stderr
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		line := lines.Text()
		d.greeting = append(d.greeting, line)
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "  listening on"):
			d.addr = fields[2]
		case strings.HasPrefix(line, "  operations on"):
			d.ops = strings.TrimPrefix(fields[2], "http://")
		case strings.HasPrefix(line, "Stop with"):
			return d, nil
		}
	}
	err = d.cmd.Wait()
	return nil, fmt.Errorf("the server did not start: %w: %s", err, d.log())
}

func (d *daemon) log() string {
	text, err := os.ReadFile(d.stderr.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// end sends a signal and waits. It is safe to repeat.
func (d *daemon) end(s os.Signal) error {
	if d.cmd.ProcessState != nil {
		return nil
	}
	if err := d.cmd.Process.Signal(s); err != nil {
		return err
	}
	err := d.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, d.log())
	}
	return err
}

func (d *daemon) remove() {
	_ = d.end(syscall.SIGKILL) // killed, so it ends with an error
	_ = d.stderr.Close()       // nobody reads it any more
	_ = os.Remove(d.stderr.Name())
}

type daemonKey struct{}

// serveScript is "serve NAME [FLAG...]": starts a server and points the
// commands that follow to it. With "!" it must not start.
func serveScript(ts *testscript.TestScript, neg bool, args []string) {
	env := os.Environ()
	for _, name := range []string{"HOME", "PATH", "STET_ADDR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	d, err := startDaemon(ts.Getenv("WORK"), env, args[1:]...)
	if (err != nil) != neg {
		ts.Fatalf("serve: %v", err)
	}
	if err != nil {
		return
	}
	ts.Defer(d.remove)
	ts.Value(daemonKey{}).(map[string]*daemon)[args[0]] = d
	ts.Setenv("STET_ADDR", d.addr)
	ts.Setenv("STET_OPS_ADDR", d.ops)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".greeting"), []byte(strings.Join(d.greeting, "\n")+"\n"), 0o600))
}

// endScript is "end NAME": SIGTERM, and the exit code must be 0 (I11).
func endScript(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Value(daemonKey{}).(map[string]*daemon)[args[0]].end(syscall.SIGTERM))
}

// crashScript is "crash NAME": SIGKILL.
func crashScript(ts *testscript.TestScript, _ bool, args []string) {
	if err := ts.Value(daemonKey{}).(map[string]*daemon)[args[0]].end(syscall.SIGKILL); err == nil {
		ts.Fatalf("the server survived")
	}
}

// packScript is "pack FILE PACKED": compresses by the suffix, as export does.
func packScript(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	var packed strings.Builder
	ts.Check(compressed(&packed, args[1], func(w io.Writer) error {
		_, err := w.Write([]byte(text))
		return err
	}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(packed.String()), 0o600))
}

// codeScript is "code N COMMAND...": the command must end with exit code N.
func codeScript(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%q ended with exit code %d; want %s", args[1:], got, args[0])
	}
}
