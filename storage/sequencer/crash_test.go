package sequencer

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stet-db/stet/storage"
)

// crashing is set in the environment of a process that is to crash.
const crashing = "STET_TEST_CRASHING"

// crashingLog does something in the middle of each writing.
type crashingLog struct {
	*fakeLog
	crash func()
}

func (l crashingLog) Begin() Batch {
	l.crash()
	return l.fakeLog.Begin()
}

// crashes are ways in which who writes may not come back, and what the process
// must say of each.
var crashes = map[string]struct {
	crash func()
	want  string
}{
	"a panic":            {func() { panic("the engine is broken") }, "the engine is broken"},
	"the goroutine ends": {runtime.Goexit, "its goroutine was ended"},
}

// A handler's interceptor recovers panics. One in the middle of writing must not
// come to it: what is staged would be ahead of the log, and nobody could write
// any more.
func TestAPanicOfWhoWritesEndsTheProcessWhateverItsCallerRecovers(t *testing.T) {
	if name := os.Getenv(crashing); name != "" {
		crashInTheCaller(t, crashes[name].crash)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range crashes {
		child := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.timeout=30s")
		child.Env = append(os.Environ(), crashing+"="+name)
		output, err := child.CombinedOutput()
		const code = 2 // of the runtime, after a panic
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != code {
			t.Errorf("%s: the process ended with %v, want status %d\n%s", name, err, code, output)
		}
		for _, want := range []string{"panic: sequencer: ", c.want, "crashingLog"} {
			if !strings.Contains(string(output), want) {
				t.Errorf("%s: the process did not say %q:\n%s", name, want, output)
			}
		}
	}
}

// crashInTheCaller appends as a handler does. It returns only if the process
// lives on.
func crashInTheCaller(t *testing.T, crash func()) {
	s, err := New(crashingLog{newFakeLog(), crash}, Options{Durable: func(Batch, storage.Position) {}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	returned := make(chan any, 1)
	go func() {
		defer func() { returned <- recover() }()
		_, err := s.Append(context.Background(), one("a", storage.ExpectAny(), 1))
		t.Errorf("Append returned %v", err)
	}()
	t.Errorf("the caller lives on, after %v", <-returned)
}
