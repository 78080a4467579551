package pebblestore

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record/recordtest"
)

// The values are drawn in docs/format.md; a change there or here is a change
// of the format.
func TestRowsHaveTheGoldenForm(t *testing.T) {
	request := storage.RequestRow{First: 40, Count: 3, Expiry: 1_767_225_600_000_000}
	copy(request.Content[:], recordtest.Golden(t, "value-request")[24:])
	for name, got := range map[string][]byte{
		"value-index":   appendIndexRow(nil, 42),
		"value-name":    appendNameRow(nil, nameRow{Number: 3, First: 40}),
		"value-request": encodeRequestRow(request),
	} {
		if want := recordtest.Golden(t, name); !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", name, got, want)
		}
	}
	db, _ := opened(t, t.TempDir(), Options{})
	format, err := db.get(keys.Meta(metaFormat))
	if want := recordtest.Golden(t, "value-format"); err != nil || !bytes.Equal(format, want) {
		t.Errorf("value-format is %x, want %x, %v", format, want, err)
	}
	if got, err := parseRequestRow("r", recordtest.Golden(t, "value-request")); err != nil || got != request {
		t.Errorf("value-request reads as %+v, %v", got, err)
	}
}

func TestRowsOfAnotherSizeAreDamage(t *testing.T) {
	for size := range 60 {
		value := make([]byte, size)
		_, index := parseIndexRow(value, 1, 1)
		_, name := parseNameRow("s", value)
		_, request := parseRequestRow("r", value)
		for _, c := range []struct {
			err  error
			size int
		}{{index, indexRowBytes}, {name, nameRowBytes}, {request, requestRowBytes}} {
			var corrupt *storage.CorruptionError
			if errors.As(c.err, &corrupt) == (size == c.size) {
				t.Errorf("%d bytes where %d are right: %v", size, c.size, c.err)
			}
		}
	}
}
