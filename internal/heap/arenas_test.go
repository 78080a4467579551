//go:build cgo && linux && !osusergo

package heap

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// arenaSpan is the address space that the GNU C library reserves for an arena
// of a thread, at a multiple of it.
const arenaSpan = 64 << 20

// countArenas is set for a process that counts its arenas and ends.
const countArenas = "STET_TEST_COUNT_ARENAS"

func TestThreadsShareTheArenasOfTheCLibrary(t *testing.T) {
	if os.Getenv(countArenas) != "" {
		fmt.Fprintf(os.Stdout, "arenas: %d\n", arenasOfThreads(t))
		return
	}
	shared := max(1, runtime.NumCPU()/8)
	for environment, want := range map[string]struct{ least, most int }{
		"LC_ALL=C":                              {0, shared}, // without a bound each of eight threads has one
		"MALLOC_ARENA_MAX=":                     {0, shared},
		"GLIBC_TUNABLES=glibc.malloc.perturb=0": {0, shared},
		// What somebody says goes first. The library counts its main one, too, and
		// the race detector has what looks like one.
		"MALLOC_ARENA_MAX=5":                      {2, 5},
		"GLIBC_TUNABLES=glibc.malloc.arena_max=5": {2, 5},
		"MALLOC_TRIM_THRESHOLD_=65536":            {0, shared}, // and of nothing else
	} {
		t.Run(environment, func(t *testing.T) {
			maps, err := os.ReadFile("/proc/self/maps")
			if err != nil {
				t.Fatal(err)
			}
			if want.least > 0 && !strings.Contains(string(maps), "libc.so.6") {
				t.Skip("another C library has arenas of its own")
			}
			self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestThreadsShareTheArenasOfTheCLibrary$")
			self.Env = append(withoutMallocs(os.Environ()), "GORACE=atexit_sleep_ms=0", countArenas+"=1", environment)
			out, err := self.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got := -1
			if _, err := fmt.Sscanf(string(out), "arenas: %d", &got); err != nil || got < want.least || got > want.most {
				t.Errorf("the C library has %d arenas of threads, want %d to %d (%v)", got, want.least, want.most, err)
			}
		})
	}
}

// withoutMallocs is an environment that says nothing of the C library's memory.
func withoutMallocs(environment []string) []string {
	return slices.DeleteFunc(environment, func(s string) bool {
		return strings.HasPrefix(s, "MALLOC_") || strings.HasPrefix(s, "GLIBC_TUNABLES=")
	})
}

// arenasOfThreads counts them while eight threads are there that have memory of
// the C library: looking a user up takes some.
func arenasOfThreads(t *testing.T) int {
	t.Helper()
	var together, looked sync.WaitGroup
	counted := make(chan struct{})
	looked.Add(8)
	for range 8 {
		together.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
			if _, err := user.LookupId("0"); err != nil {
				t.Log(err)
			}
			looked.Done()
			<-counted
		})
	}
	looked.Wait()
	defer together.Wait()
	defer close(counted)
	return arenaSpans(t)
}

// arenaSpans counts the arenas of threads among the mapped regions: a used part
// at a multiple of the span, and the rest reserved behind it.
func arenaSpans(t *testing.T) int {
	t.Helper()
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	count, usedFrom, usedTo := 0, uint64(0), uint64(0)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uint64
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &access); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(access, "rw") && from%arenaSpan == 0:
			usedFrom, usedTo = from, to
		case strings.HasPrefix(access, "---") && from == usedTo && to == usedFrom+arenaSpan:
			count++
		}
	}
	return count
}
