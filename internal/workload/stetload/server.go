package stetload

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTimeout bounds how long a server may take to end.
const stopTimeout = 30 * time.Second

// Server is stet serve as a child process.
type Server struct {
	// Addr, HTTP and Ops are its listeners.
	Addr, HTTP, Ops string
	// Took is the time from the start of the process until it served.
	Took time.Duration

	cmd     *exec.Cmd
	tasks   sync.WaitGroup
	problem bytes.Buffer // its stderr; read after the end
}

// Start runs the program with serve on free ports of this machine and waits
// until it serves. It inherits the environment, so GOGC and the like apply.
func Start(ctx context.Context, program, dir string, flags ...string) (*Server, error) {
	args := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"}, flags...)
	s := &Server{cmd: exec.Command(program, args...)} //nolint:gosec // the program is the caller's own
	s.cmd.Stderr = &s.problem
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = s.cmd.Process.Kill() })() // told by the end of its output
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "  listening on") && len(fields) > 2:
			s.Addr = fields[2]
		case strings.HasPrefix(lines.Text(), "  aggregates on") && len(fields) > 2:
			s.HTTP = strings.TrimPrefix(fields[2], "http://")
		case strings.HasPrefix(lines.Text(), "  operations on") && len(fields) > 2:
			s.Ops = strings.TrimPrefix(fields[2], "http://")
			s.Took = time.Since(began)
			s.tasks.Go(func() { _, _ = io.Copy(io.Discard, stdout) }) // so that it never waits for a reader
			return s, nil
		}
	}
	err = s.cmd.Wait()
	return nil, fmt.Errorf("the server did not start: %w: %s", err, s.problem.String())
}

// PID is the number of its process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop lets it drain and waits for its end.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is told by Wait
	late := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	s.tasks.Wait()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server ended badly: %w: %s", err, lastLine(s.problem.String()))
	}
	return nil
}

// Kill ends it at once.
func (s *Server) Kill() error {
	err := s.cmd.Process.Kill()
	s.tasks.Wait()
	_ = s.cmd.Wait() // says that it was killed
	return err
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndex(text, "\n")+1:]
}
