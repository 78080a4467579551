package enginelog

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Logger hands Pebble's messages on, as its option wants them. What Pebble finds
// fatal ends the process: it cannot go on, and neither can its user. Immutable.
type Logger struct {
	// To gets the messages.
	To *slog.Logger
	// Fatal ends the process. Should it return, the goroutine panics.
	Fatal func(error)
}

// Infof is what the engine does; shown when debugging.
func (l Logger) Infof(format string, args ...any) {
	l.To.Debug("storage engine", "message", fmt.Sprintf(format, args...))
}

// Errorf is what went wrong in the engine.
func (l Logger) Errorf(format string, args ...any) {
	l.To.Error("storage engine", "message", fmt.Sprintf(format, args...))
}

// Fatalf is that the engine cannot go on; it does not return.
func (l Logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.Fatal(err)
	panic(err) // the caller counts on not being returned to
}

// backgroundErrorEvery bounds how often background errors are logged: on a
// full disk they come in storms, for as long as it is full, and the log may lie
// on the same disk.
const backgroundErrorEvery = int64(time.Minute)

// Listener reports what the operator should know.
func Listener(to *slog.Logger) *pebble.EventListener {
	var last, left atomic.Int64
	l := &pebble.EventListener{
		BackgroundError: func(err error) {
			now := time.Now().UnixNano()
			if was := last.Load(); now-was < backgroundErrorEvery || !last.CompareAndSwap(was, now) {
				left.Add(1)
				return
			}
			// Not the error itself, which would be logged with its stack.
			to.Error("storage engine background error", "error", err.Error(), "more_since_last", left.Swap(0))
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			to.Warn("writes wait for compaction", "reason", i.Reason)
		},
		WriteStallEnd: func() { to.Info("writes go on") },
		DiskSlow: func(i pebble.DiskSlowInfo) {
			to.Warn("slow disk", "operation", i.OpType.String(), "duration", i.Duration)
		},
	}
	l.EnsureDefaults(nil)
	return l
}
