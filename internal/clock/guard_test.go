package clock

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stet-db/stet/storage"
)

// hands is a source whose clocks a test moves.
type hands struct {
	mu      sync.Mutex
	wall    time.Time
	elapsed time.Duration
}

func (h *hands) Wall() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wall
}

func (h *hands) Elapsed() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.elapsed
}

// pass lets time go by on both clocks.
func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall, h.elapsed = h.wall.Add(d), h.elapsed+d
}

// set moves the wall clock alone.
func (h *hands) set(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall = h.wall.Add(d)
}

func newGuard() (*Guard, *hands, *bytes.Buffer) {
	h := &hands{wall: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), elapsed: 7 * time.Second}
	log := new(bytes.Buffer)
	return New(h, slog.New(slog.NewTextHandler(log, nil))), h, log
}

func mustStamp(t *testing.T, g *Guard) storage.Instant {
	t.Helper()
	at, err := g.Stamp()
	if err != nil {
		t.Fatalf("Stamp: %v", err)
	}
	return at
}

func mustRefuse(t *testing.T, g *Guard, ahead time.Duration) {
	t.Helper()
	_, err := g.Stamp()
	if e, ok := errors.AsType[*storage.ClockError](err); !ok || e.Ahead != ahead {
		t.Fatalf("Stamp: %v, want a ClockError ahead by %v", err, ahead)
	}
}

func TestStampIsTheWallClockInMicroseconds(t *testing.T) {
	g, h, log := newGuard()
	h.pass(400*24*time.Hour + 1234567*time.Nanosecond)
	if got, want := mustStamp(t, g), storage.InstantOf(h.wall); got != want {
		t.Errorf("stamp %v, want %v", got, want)
	}
	if log.Len() > 0 || g.Stats().Jumps != 0 {
		t.Errorf("a clock that just runs was reported: %s", log)
	}
}

func TestAJumpOverAMinuteIsLoggedAndCountedOnce(t *testing.T) {
	for _, jump := range []time.Duration{time.Minute + time.Microsecond, -time.Minute - time.Microsecond, time.Hour, -48 * time.Hour} {
		g, h, log := newGuard()
		h.set(jump)
		mustStamp(t, g)
		mustStamp(t, g)
		if n := g.Stats().Jumps; n != 1 || strings.Count(log.String(), "the clock jumped") != 1 {
			t.Errorf("jump by %v: counted %d times, logged %q", jump, n, log)
		}
	}
	g, h, log := newGuard()
	h.set(time.Minute)
	mustStamp(t, g)
	h.set(-2 * time.Minute)
	mustStamp(t, g)
	if log.Len() > 0 || g.Stats().Jumps != 0 {
		t.Errorf("a jump of a minute was reported: %s", log)
	}
}

// I12: recorded times never decrease, so a leap ahead would freeze them.
func TestALeapBeyondAnHourIsRefusedUntilConfirmed(t *testing.T) {
	g, h, log := newGuard()
	h.set(time.Hour + time.Second)
	mustRefuse(t, g, time.Hour+time.Second)
	h.pass(time.Hour)
	mustRefuse(t, g, time.Hour+time.Second)
	if s := g.Stats(); !s.Refusing || s.Jumps != 1 {
		t.Errorf("stats %+v, want refusing after one jump", s)
	}
	if got := g.Confirm(); !got.Equal(h.wall) {
		t.Errorf("confirmed %v, want %v", got, h.wall)
	}
	mustStamp(t, g)
	if s := g.Stats(); s.Refusing || s.Jumps != 1 {
		t.Errorf("stats %+v, want neither refusing nor another jump", s)
	}
	for _, want := range []string{"appends are refused", "the clock was confirmed"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("want one line with %q: %s", want, log)
		}
	}
}

func TestALeapIsForgottenWhenTheClockReturns(t *testing.T) {
	g, h, log := newGuard()
	h.set(5 * time.Hour)
	mustRefuse(t, g, 5*time.Hour)
	h.set(-5 * time.Hour)
	mustStamp(t, g)
	if g.Stats().Refusing || !strings.Contains(log.String(), "the clock has returned") {
		t.Errorf("still refusing, or not told: %s", log)
	}
}

func TestAClockSetBackAndForthAgainIsNotRefused(t *testing.T) {
	g, h, _ := newGuard()
	h.set(-10 * time.Hour)
	mustStamp(t, g)
	h.set(10 * time.Hour)
	mustStamp(t, g)
	h.set(2 * time.Hour)
	mustRefuse(t, g, 2*time.Hour)
}

func TestAStartBehindTheLogIsLoggedAndMayCatchUp(t *testing.T) {
	g, h, log := newGuard()
	g.NoteLast(storage.InstantOf(h.wall.Add(time.Minute)))
	if log.Len() > 0 {
		t.Errorf("one minute is tolerated: %s", log)
	}
	g.NoteLast(storage.InstantOf(h.wall.Add(30 * time.Hour)))
	if !strings.Contains(log.String(), "the last recorded time is ahead") {
		t.Errorf("not logged: %s", log)
	}
	h.set(31 * time.Hour)
	mustStamp(t, g)
	h.set(90 * time.Minute)
	mustRefuse(t, g, 90*time.Minute)
}

func TestConcurrentStampsReportAJumpOnce(t *testing.T) {
	g, h, log := newGuard()
	h.set(30 * time.Minute)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if _, err := g.Stamp(); err != nil {
					t.Errorf("Stamp: %v", err)
				}
			}
		})
	}
	all.Wait()
	if n := strings.Count(log.String(), "the clock jumped"); n != 1 {
		t.Errorf("logged %d times: %s", n, log)
	}
}

func TestStampDoesNotAllocate(t *testing.T) {
	g := New(System(), slog.New(slog.DiscardHandler))
	if n := testing.AllocsPerRun(100, func() { mustStamp(t, g) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStamp(b *testing.B) {
	g := New(System(), slog.New(slog.DiscardHandler))
	for b.Loop() {
		if _, err := g.Stamp(); err != nil {
			b.Fatal(err)
		}
	}
}
