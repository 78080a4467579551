package pebblestore

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// traced is an error that tells more when it is asked for everything, as those
// of the engine do.
type traced struct{}

func (traced) Error() string { return "no space left" }

func (e traced) Format(s fmt.State, _ rune) {
	text := e.Error()
	if s.Flag('+') {
		text += " stack trace"
	}
	_, _ = io.WriteString(s, text) // into memory
}

// On a full disk the engine tries again without a pause, for as long as it is
// full (I8).
func TestAStormOfBackgroundErrorsIsALineAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told bytes.Buffer
		l := listener(slog.New(slog.NewTextHandler(&told, nil)))
		for range 3 {
			for range 1000 {
				l.BackgroundError(traced{})
			}
			time.Sleep(time.Minute)
		}
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[1], "more_since_last=999") || strings.Contains(told.String(), "stack trace") {
			t.Errorf("%d lines: %s", len(lines), told.String())
		}
	})
}
