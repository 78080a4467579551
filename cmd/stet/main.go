package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // an import's time zone must mean the same on every machine
)

// version is set by the linker.
var version = "devel"

func main() {
	// The first signal asks to end; the second one, no longer caught, ends.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer context.AfterFunc(ctx, stop)()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command and gives its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err, a.started)
	fmt.Fprintln(stderr, "stet:", err)
	if code == exitUsage && !a.started {
		fmt.Fprintf(stderr, "Run 'stet %s--help' for usage.\n", a.asked)
	}
	return code
}
