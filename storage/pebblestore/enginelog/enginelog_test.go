package enginelog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		l := Listener(slog.New(slog.NewTextHandler(&told, nil)))
		for range 3 {
			for range 1000 {
				l.BackgroundError(traced{})
			}
			time.Sleep(time.Minute) //nolint:forbidigo // of the bubble
		}
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[1], "more_since_last=999") || strings.Contains(told.String(), "stack trace") {
			t.Errorf("%d lines: %s", len(lines), told.String())
		}
	})
}

// Whoever calls Fatalf counts on not being returned to, even where the process
// is not ended.
func TestAFatalMessageEndsTheProcessAndNeverReturns(t *testing.T) {
	var told bytes.Buffer
	var ended error
	l := Logger{To: slog.New(slog.NewTextHandler(&told, nil)), Fatal: func(err error) { ended = err }}
	l.Infof("flushed %d", 1)
	l.Errorf("cannot read %s", "000001.log")
	if text := told.String(); !strings.Contains(text, "cannot read 000001.log") || strings.Contains(text, "flushed") {
		t.Errorf("told %s", text)
	}
	func() {
		defer func() { _ = recover() }() // what it ends with is asked below
		l.Fatalf("lost: %w", traced{})
		t.Error("it returned")
	}()
	if !errors.Is(ended, traced{}) {
		t.Errorf("ended with %v", ended)
	}
}
