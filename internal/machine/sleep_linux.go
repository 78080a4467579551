package machine

import (
	"time"

	"golang.org/x/sys/unix"
)

// Sleep waits about d, to within 100 us. The runtime's own timers may be a
// millisecond late on an idle machine. It holds a thread: for one goroutine
// that keeps time for others.
func Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	wanted := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&wanted, nil) // cut short by a signal: the caller looks at its clock
}
