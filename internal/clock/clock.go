package clock

import (
	"sync/atomic"
	"time"
)

// Source gives two clocks. Both methods are safe for concurrent use.
type Source interface {
	// Wall is the time of day, which an operator or a time server may set at
	// any moment, to anything.
	Wall() time.Time
	// Elapsed is the time since some fixed moment. It never decreases and
	// nobody can set it. Time in which the machine slept counts, where the
	// operating system tells it.
	Elapsed() time.Duration
}

// System is the clock of this machine.
func System() Source {
	s := &system{start: time.Now()}
	s.sleep.boot = sinceBoot
	s.sleep.begin, _ = sinceBoot() // not told: sleep.boot will say so again
	return s
}

type system struct {
	start time.Time
	sleep sleepMeter
}

func (s *system) Wall() time.Time { return time.Now() }

func (s *system) Elapsed() time.Duration {
	now := time.Now()
	monotonic := now.Sub(s.start)
	wall := now.Round(0).Sub(s.start.Round(0)) // Round drops the monotonic reading
	return monotonic + s.sleep.add(wall, monotonic)
}

// sleepMeter tells how long the machine slept, which Go's monotonic clock
// leaves out: without it a laptop that was closed for a night would look like
// a wall clock that jumped. Asking the kernel costs a system call, so it is
// asked only when wall and monotonic clock disagree.
type sleepMeter struct {
	boot  func() (time.Duration, bool)
	begin time.Duration // what boot told at the start
	slept atomic.Int64
}

// sleepSuspicion is how far the clocks must disagree before the kernel is
// asked; far below [JumpTolerance], so that no sleep is taken for a jump.
const sleepSuspicion = time.Second

func (m *sleepMeter) add(wall, monotonic time.Duration) time.Duration {
	known := time.Duration(m.slept.Load())
	if apart := wall - monotonic - known; -sleepSuspicion <= apart && apart <= sleepSuspicion {
		return known
	}
	now, ok := m.boot()
	if !ok {
		return 0
	}
	slept := now - m.begin - monotonic
	// Two readings a moment apart: only grow, so that Elapsed never decreases.
	for slept > known {
		if m.slept.CompareAndSwap(int64(known), int64(slept)) {
			return slept
		}
		known = time.Duration(m.slept.Load())
	}
	return known
}
