package scale

import (
	"fmt"

	"github.com/stet-db/stet/internal/machine"
)

const (
	// rowBytes is what an event's index row, its share of a stream's name and of
	// the engine's own blocks take beside it, at most.
	rowBytes = 120
	// rewriting is how much more the files take while the engine compacts them.
	rewriting = 1.5
	// spareBytes is what stays free for everybody else, and the server's floor.
	spareBytes = 2 << 30
)

// neededBytes is how much free space a run wants before it begins.
func (s *settings) neededBytes(storedBytes int) int64 {
	// Appends are measured at each size too; they come to less than this.
	const measured = 1.2
	return int64(float64(s.sizes[len(s.sizes)-1])*float64(storedBytes+rowBytes)*rewriting*measured) + spareBytes
}

// checkSpace refuses a run that would fill the disk.
func (s *settings) checkSpace(dir string, storedBytes int) error {
	free, err := machine.FreeBytes(dir)
	if err != nil {
		return err
	}
	needed := s.neededBytes(storedBytes)
	if free == 0 || free >= needed { // 0: this machine does not tell
		return nil
	}
	return fmt.Errorf("%s has %.1f GiB free, and %s events may take %.1f GiB while they are compacted: "+
		"choose another directory with -dir, or less with -sizes", dir, gib(free), count(float64(s.sizes[len(s.sizes)-1])), gib(needed))
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }
