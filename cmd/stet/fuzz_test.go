package main

import (
	"testing"
	"unicode/utf8"

	"github.com/stet-db/stet/internal/prooftest"
)

// FuzzFlags: texts of flags are refused, or mean one thing.
func FuzzFlags(f *testing.F) {
	z := prooftest.Target(f)
	for _, text := range []string{"any", "none", "exists", "0", "18446744073709551615", "2026-01-02", "2026-01-02T03:04:05.000000001+02:00", "a=b", "0001-01-01"} {
		z.Add(text)
	}
	z.Run(func(t *testing.T, text string) {
		if e, err := expectationOf(text); err == nil {
			again, err := expectationOf(text)
			if err != nil || again != e {
				t.Errorf("%q is %v, then %v", text, e, again)
			}
		}
		var first, second moment
		if first.Set(text) == nil {
			if err := second.Set(first.String()); err != nil || !second.Equal(first.Time) {
				t.Errorf("%q is %v, and that is %v: %v", text, first.Time, second.Time, err)
			}
		}
		if entries, err := metadataOf([]string{text}); err == nil && len(entries) != 1 {
			t.Errorf("%q is the metadata %v", text, entries)
		}
		if _, err := expectationOf(text); err != nil && !utf8.ValidString(err.Error()) {
			t.Errorf("%q is refused with what cannot be shown: %q", text, err)
		}
	})
}
