package clock

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheSystemClocksRunTogether(t *testing.T) {
	s := System()
	wall, elapsed := s.Wall(), s.Elapsed()
	for s.Elapsed() < elapsed+2*time.Millisecond {
	}
	if d := s.Wall().Sub(wall) - (s.Elapsed() - elapsed); d > time.Second || d < -time.Second {
		t.Errorf("the clocks came apart by %v", d)
	}
}

func TestSleepCountsAsElapsed(t *testing.T) {
	const begin = 1000 * time.Hour
	boot, asked := begin, 0
	m := sleepMeter{begin: begin, boot: func() (time.Duration, bool) { asked++; return boot, true }}

	if got := m.add(time.Hour, time.Hour); got != 0 || asked != 0 {
		t.Errorf("awake: slept %v after asking %d times, want 0 and 0", got, asked)
	}
	boot = begin + 9*time.Hour // 1 h awake, 8 h asleep
	if got := m.add(9*time.Hour, time.Hour); got != 8*time.Hour {
		t.Errorf("slept %v, want 8h", got)
	}
	if got := m.add(10*time.Hour, 2*time.Hour); got != 8*time.Hour || asked != 1 {
		t.Errorf("awake again: slept %v after asking %d times, want 8h and 1", got, asked)
	}
	boot = begin + 11*time.Hour // the wall clock is set: no more sleep than before
	if got := m.add(500*time.Hour, 3*time.Hour); got != 8*time.Hour {
		t.Errorf("a jump was taken for sleep: %v", got)
	}
}

func TestASystemThatCannotTellSleepCountsNone(t *testing.T) {
	m := sleepMeter{boot: func() (time.Duration, bool) { return 0, false }}
	if got := m.add(9*time.Hour, time.Hour); got != 0 {
		t.Errorf("slept %v, want 0", got)
	}
}
