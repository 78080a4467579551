package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/internal/importing"
)

// importBar shows how far an import is.
type importBar struct {
	bar    *progressbar.ProgressBar // nil: not shown
	source *importing.Source
	began  time.Time
}

func (a *app) newImportBar(source *importing.Source, forced bool) *importBar {
	b := &importBar{source: source, began: time.Now()}
	if !forced && !isTerminal(a.stderr) {
		return b
	}
	size := source.Size()
	if size == 0 {
		size = -1
	}
	b.bar = progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(a.stderr), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20))
	return b
}

// show draws the bar by bytes of the source, and says the rate in events.
func (b *importBar) show(s importing.Summary) {
	if b.bar == nil {
		return
	}
	seen := s.Added + s.Known
	rate := float64(seen) / max(time.Since(b.began).Seconds(), 0.001)
	b.bar.Describe(fmt.Sprintf("%s events, %s/s", console.Grouped(seen), console.Grouped(int64(rate))))
	taken := b.source.Taken()
	if size := b.source.Size(); size > 0 && taken >= size {
		taken = size - 1 // read ahead is not yet done
	}
	_ = b.bar.Set64(taken) // a bar that cannot be drawn hurts nobody
}

func (b *importBar) done() {
	if b.bar != nil {
		_ = b.bar.Finish() // likewise
	}
}

// printSummary prints what was done: a line, then the counts by type.
func (a *app) printSummary(what, name string, s importing.Summary, took time.Duration) error {
	total := s.Added + s.Known
	_, err := fmt.Fprintf(a.stdout, "%s %s: %s events added, %s known before, %s lines left out; %v, %s events/s\n", what, name,
		console.Grouped(s.Added), console.Grouped(s.Known), console.Grouped(s.Bad), took.Round(time.Millisecond), console.Grouped(int64(float64(total)/max(took.Seconds(), 0.001))))
	for _, name := range slices.Sorted(maps.Keys(s.Types)) {
		count := s.Types[name]
		if name == "" {
			name = "(other types)"
		}
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "%12s  %s\n", console.Grouped(count), console.Harmless(name))
		}
	}
	if s.Chunks > 10 && total/int64(s.Chunks) < 20 {
		a.say("chunks had %d events on average, because streams take turns; --group is faster where the order between streams does not matter", total/int64(s.Chunks))
	}
	return err
}
