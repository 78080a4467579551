package doctest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// endMark ends the output of each block, with the exit code of its last
// command.
const endMark = "--- end of the block:"

// shell is one terminal: functions and variables of a block are there in the
// next one.
type shell struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

func openShell(t *testing.T, dir string, env []string) *shell {
	t.Helper()
	s := &shell{cmd: exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc")}
	s.cmd.Dir, s.cmd.Env = dir, env
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = write, write // one pipe, so that the order is kept
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(read)
	t.Cleanup(func() {
		_ = s.stdin.Close() // bash ends with its input; a broken pipe says that it has
		_ = s.cmd.Wait()    // with the code of its last block, which was looked at
		_ = read.Close()    // only read from
	})
	return s
}

// run runs a block as if it were typed, and gives what it prints and the exit
// code of its last command.
func (s *shell) run(text string) (string, int, error) {
	if _, err := fmt.Fprintf(s.stdin, "{\n%s\n} </dev/null; echo \"%s $?\"\n", text, endMark); err != nil {
		return "", 0, err
	}
	var out strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			return out.String(), 0, fmt.Errorf("the shell ended: %w", err)
		}
		// What prints no newline at its end has the mark on its line.
		if before, code, found := strings.Cut(line, endMark); found {
			out.WriteString(before)
			n := 0
			_, err := fmt.Sscan(code, &n)
			return out.String(), n, err
		}
		out.WriteString(line)
	}
}

// running is a command that stays in a terminal of its own.
type running struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
	// seen are the lines taken.
	seen int
}

func start(t *testing.T, dir string, env []string, text string) *running {
	t.Helper()
	r := &running{}
	ctx, cancel := context.WithCancel(t.Context())
	r.cmd = exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-c", text)
	r.cmd.Dir, r.cmd.Env, r.cmd.Stderr = dir, env, &r.stderr
	// Its group gets the signals, as that of a terminal does.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Cancel = func() error { return syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.out = bufio.NewReader(out)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Wait() // killed
		}
	})
	return r
}

// lines waits until it has printed n more lines.
func (r *running) lines(n int) (string, error) {
	var out strings.Builder
	for range n {
		line, err := r.out.ReadString('\n')
		out.WriteString(line)
		r.seen++
		if err != nil {
			return out.String(), fmt.Errorf("it ended: %w", errors.Join(err, r.cmd.Wait(), errors.New(r.stderr.String())))
		}
	}
	return out.String(), nil
}

// interrupt is Ctrl-C.
func (r *running) interrupt() error {
	if err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r.out); err != nil {
		return err
	}
	_ = r.cmd.Wait() // a shell that is interrupted says so in its code; what the server left is looked at by verify
	return nil
}
