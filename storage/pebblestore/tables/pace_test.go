package tables

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadingIsNotFasterThanItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pace{BytesPerSecond: 1 << 20}
		begin := time.Now()
		for range 100 {
			if err := p.Wait(t.Context(), 1<<18); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took < 24*time.Second || took > 26*time.Second {
			t.Errorf("25 MiB at 1 MiB a second took %v", took)
		}
		<-time.After(time.Hour) // nothing is saved up
		begin = time.Now()
		if err := p.Wait(t.Context(), 1<<20); err != nil || time.Since(begin) < time.Second {
			t.Errorf("after a pause: %v, %v", time.Since(begin), err)
		}
	})
}
