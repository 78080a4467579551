package limitfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/prooftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		l, err := Read(file)
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
