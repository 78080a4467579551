package pacing

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWaitsDoubleUpToTheBoundAndHalfOfThemIsChance(t *testing.T) {
	random := 0.0
	e := Exponential{Base: 50 * time.Millisecond, Most: 5 * time.Second, Random: func() float64 { return random }}
	for n, want := range map[int]time.Duration{
		1: 25 * time.Millisecond, 2: 50 * time.Millisecond, 7: 1600 * time.Millisecond, 8: 2500 * time.Millisecond, 1000: 2500 * time.Millisecond,
	} {
		if got := e.After(n); got != want {
			t.Errorf("after %d failures %v; want %v", n, got, want)
		}
	}
	if random = 0.5; e.After(1) != 37500*time.Microsecond {
		t.Errorf("with chance %v", e.After(1))
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Sleep(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Sleep(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}
