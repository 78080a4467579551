//go:build cgo && linux && !osusergo

package heap

import (
	"bufio"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// arenaSpan is the address space that the GNU C library reserves for an arena
// of a thread, at a multiple of it.
const arenaSpan = 64 << 20

func TestThreadsShareTheArenasOfTheCLibrary(t *testing.T) {
	if os.Getenv("MALLOC_ARENA_MAX") != "" {
		t.Skip("MALLOC_ARENA_MAX decides")
	}
	// Eight threads at once that allocate there: looking a user up does.
	var together sync.WaitGroup
	start := make(chan struct{})
	for range 8 {
		together.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
			<-start
			if _, err := user.LookupId("0"); err != nil {
				t.Log(err)
			}
		})
	}
	close(start)
	together.Wait()
	// Without a bound each of the eight has one.
	if got, most := arenaSpans(t), max(1, runtime.NumCPU()/8); got > most {
		t.Errorf("the C library has %d arenas of threads, want at most %d", got, most)
	}
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
