package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stet-db/stet/internal/prooftest"
)

// FuzzLimitsFile: a file of limits is refused, or all that it says is in its
// range and taken.
func FuzzLimitsFile(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte(`{"event_bytes": 1000, "calls": 3}`))
	z.Add([]byte(`{"queued_appends": 1048577, "request_ids": 0, "other": {}}`))
	z.Add([]byte(`{"calls": 1, "calls": 2} []`))
	z.Add([]byte(`{"tags": 1e2, "tag_bytes": "1"}`))
	file := filepath.Join(f.TempDir(), "limits.json")
	z.Run(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := readLimits(file)
		if err != nil {
			return
		}
		var members map[string]int
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("%q was accepted: %v", text, err)
		}
		for name, field := range l.fields() {
			if want := members[name]; *field != want {
				t.Errorf("%q: %s became %d", text, name, *field)
			}
			delete(members, name)
		}
		if len(members) > 0 {
			t.Errorf("%q: %v was not noticed", text, members)
		}
	})
}

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
