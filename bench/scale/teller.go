package scale

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// tellEvery is how often progress becomes a line where there is no terminal.
const tellEvery = 10 * time.Second

// teller says what is going on: as a bar on a terminal, else as lines. It
// belongs to one goroutine at a time.
type teller struct {
	out  *os.File
	bar  *progressbar.ProgressBar // nil: lines
	what string
	told time.Time // when the last line was written
}

func newTeller(out *os.File) *teller {
	t := &teller{out: out}
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		t.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetPredictTime(true), progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20))
	}
	return t
}

// step begins something that goes from 0 to most.
func (t *teller) step(most int64, format string, args ...any) {
	t.what, t.told = fmt.Sprintf(format, args...), time.Now()
	if t.bar == nil {
		t.line(t.what)
		return
	}
	t.bar.Reset()
	t.bar.ChangeMax64(most)
	t.bar.Describe(t.what)
}

// at says how far it has come.
func (t *teller) at(done, most int64) {
	if t.bar != nil {
		_ = t.bar.Set64(done) // a bar that cannot be drawn hurts nobody
		return
	}
	if time.Since(t.told) >= tellEvery {
		t.told = time.Now()
		t.line(fmt.Sprintf("%s: %.0f %%", t.what, 100*float64(done)/float64(max(most, 1))))
	}
}

// end takes the bar away.
func (t *teller) end() {
	if t.bar != nil {
		_ = t.bar.Finish() // likewise
	}
}

func (t *teller) line(words string) {
	fmt.Fprintf(t.out, "%s  %s\n", time.Now().Format("15:04:05"), words)
}
