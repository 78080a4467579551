package heap

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"

	"github.com/stet-db/stet/internal/machine"
)

// usable is how much of the memory that there is the server may use
// before it collects garbage at any price.
const usable = 90

// engineTables is what the engine's tables in memory take at most, in bytes:
// four of embedded.Options.MemTableBytes.
const engineTables = 4 * 32 << 20

// least is the smallest limit that is set, in bytes: below it a collection
// would follow the other, and being ended by the system is the better notice.
const least = 128 << 20

// Cache is the size of the block cache in bytes where nobody gives one: a 64th
// of the memory that there is, 64 MiB to 1 GiB; 128 MiB where that is unknown.
func Cache() int64 { return cacheFor(machine.Memory()) }

func cacheFor(memory int64) int64 {
	if memory <= 0 {
		return 128 << 20
	}
	return min(max(memory/64, 64<<20), 1<<30)
}

// Tune chooses how Go's heap grows, unless the environment does, and
// tells what holds then. cache is the size of the block cache in bytes.
func Tune(cache int64) string {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		if limit := limitFor(machine.Memory(), cache); limit > 0 {
			debug.SetMemoryLimit(limit)
		}
	}
	percent := debug.SetGCPercent(-1) // the only way to read it
	debug.SetGCPercent(percent)
	text := "is not collected"
	if percent >= 0 {
		text = fmt.Sprintf("grows by %d %% between collections", percent)
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		text += fmt.Sprintf(", limit %d MiB", limit>>20)
	}
	return text
}

// limitFor is the limit for Go's heap where that much memory may be used;
// 0: none.
func limitFor(memory, cache int64) int64 {
	if memory <= 0 {
		return 0
	}
	return max(memory/100*usable-beyondHeap(cache), least)
}
