package heap

import (
	"runtime/debug"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// restoreMemory puts the runtime's settings back after the test.
func restoreMemory(t *testing.T) {
	t.Helper()
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
}

func TestTheHeapIsTunedUnlessTheEnvironmentDoes(t *testing.T) {
	restoreMemory(t)
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	Tune(128 << 20)
	if got := debug.SetGCPercent(100); got != growth {
		t.Errorf("the heap grows by %d %%, want %d", got, growth)
	}

	t.Setenv("GOGC", "100") // as Go reads it at the start
	t.Setenv("GOMEMLIMIT", "3GiB")
	debug.SetMemoryLimit(3 << 30)
	if text := Tune(128 << 20); text != "grows by 100 % between collections, limit 3072 MiB" {
		t.Errorf("with the environment's settings: %q", text)
	}

	t.Setenv("GOGC", "off")
	debug.SetGCPercent(-1)
	if text := Tune(128 << 20); !strings.HasPrefix(text, "is not collected") {
		t.Errorf("with GOGC=off: %q", text)
	}
}

func TestTheHeapsLimitLeavesRoomForTheEngine(t *testing.T) {
	const gib = int64(1) << 30
	cache := int64(128 << 20)
	if got, want := limitFor(10*gib, cache), 10*gib/100*90-beyondHeap(cache); got != want {
		t.Errorf("of 10 GiB the heap gets %d, want %d", got, want)
	}
	if got := limitFor(64<<20, cache); got != least {
		t.Errorf("of 64 MiB the heap gets %d, want %d", got, least)
	}
	if got := limitFor(0, cache); got != 0 {
		t.Errorf("of unknown memory the heap gets %d, want no limit", got)
	}
}

func TestTheCacheGrowsWithTheMemoryWithinBounds(t *testing.T) {
	for memory, want := range map[int64]int64{0: 128 << 20, 1 << 30: 64 << 20, 24 << 30: 384 << 20, 1 << 40: 1 << 30} {
		if got := cacheFor(memory); got != want {
			t.Errorf("of %d MiB the cache gets %d MiB, want %d", memory>>20, got>>20, want>>20)
		}
	}
}
