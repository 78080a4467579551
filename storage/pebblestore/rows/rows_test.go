package rows

import (
	"bytes"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record/recordtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The values are drawn in docs/format.md; a change there or here is a change
// of the format.
func TestRowsHaveTheGoldenForm(t *testing.T) {
	request := storage.RequestRow{First: 40, Count: 3, Expiry: 1_767_225_600_000_000}
	copy(request.Content[:], recordtest.Golden(t, "value-request")[24:])
	for name, got := range map[string][]byte{
		"value-index":   AppendIndex(nil, 42),
		"value-name":    AppendName(nil, Name{Number: 3, First: 40}),
		"value-request": AppendRequest(nil, request),
	} {
		if want := recordtest.Golden(t, name); !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", name, got, want)
		}
	}
	if got, err := ParseRequest("r", recordtest.Golden(t, "value-request")); err != nil || got != request {
		t.Errorf("value-request reads as %+v, %v", got, err)
	}
}

func TestRowsOfAnotherSizeAreDamage(t *testing.T) {
	for size := range 60 {
		value := make([]byte, size)
		_, index := ParseIndex(value, 1, 1)
		_, name := ParseName("s", value)
		_, request := ParseRequest("r", value)
		for _, c := range []struct {
			err  error
			size int
		}{{index, indexBytes}, {name, nameBytes}, {request, requestBytes}} {
			var corrupt *storage.CorruptionError
			if errors.As(c.err, &corrupt) == (size == c.size) {
				t.Errorf("%d bytes where %d are right: %v", size, c.size, c.err)
			}
		}
	}
}

func TestASnapshotRowHasTheDocumentedBytes(t *testing.T) {
	key := keys.AppendSnapshot(nil, 3, 5)
	s := storage.Snapshot{Key: storage.SnapshotKey{0xaa, 0xbb}, State: []byte("{}")}
	got := AppendSnapshot(nil, key, &s)
	if golden := recordtest.Golden(t, "value-snapshot"); !bytes.Equal(got, golden) {
		t.Fatalf("got  % x\nwant % x", got, golden)
	}
	maker, state, err := ParseSnapshot(key, got)
	if err != nil || maker != s.Key || string(state) != "{}" {
		t.Fatalf("%x %q %v", maker, state, err)
	}
}
