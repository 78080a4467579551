package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stet-db/stet/internal/workload"
)

// system is one that can be started on a directory, again and again.
type system struct {
	name string
	// start serves the directory; filling may give up durability until the
	// system is stopped, to be faster.
	start func(ctx context.Context, dir string, filling bool) (*running, error)
	// durable tells that answers wait for the disk.
	durable bool
	// limit tells that it is no event store but what one stands on.
	limit bool
	// fresh tells that each case that writes begins on an empty directory: what
	// the case before left to compact would lower the limit.
	fresh bool
}

// running is a started system.
type running struct {
	driver  workload.Driver
	pid     int // 0: it runs in this process
	version string
	took    time.Duration                // until it served
	commits func() (n int64, known bool) // nil: never known
	stop    func() error
}

// child is this program under another role, as a process of its own.
type child struct {
	cmd   *exec.Cmd
	addr  string
	took  time.Duration
	tasks sync.WaitGroup
}

// roles are what this program can be as a child.
var roles = map[string]func(ctx context.Context, args []string) error{
	"nats-server":  serveNATS,
	"echo-server":  serveEcho,
	"parts-server": serveParts,
}

// startChild runs this program in a role and waits for its address, the first
// line of its output.
func startChild(role string, args ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(program, append([]string{"-role", role}, args...)...)}
	c.cmd.Stderr = os.Stderr
	if _, err := c.cmd.StdinPipe(); err != nil { // open as long as this process lives
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", role, err), c.cmd.Wait())
	}
	c.addr, c.took = strings.TrimSpace(line), time.Since(began)
	c.tasks.Go(func() { _, _ = io.Copy(io.Discard, out) }) // so that it never waits for a reader
	return c, nil
}

func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is told by Wait
	late := time.AfterFunc(time.Minute, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	c.tasks.Wait()
	return c.cmd.Wait()
}

// announce tells the parent the address and waits until it says that it is
// enough, or is gone.
func announce(ctx context.Context, addr string) {
	fmt.Println(addr)
	gone := make(chan struct{})
	go func() { // ends with the process at the latest
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent has ended
		close(gone)
	}()
	select {
	case <-ctx.Done():
	case <-gone:
	}
}
