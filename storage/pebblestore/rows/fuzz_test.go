package rows_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// FuzzRows: the value of a row is refused as damage, or written again as it is.
func FuzzRows(f *testing.F) {
	z := prooftest.Target(f)
	z.Add(rows.AppendName(nil, rows.Name{Number: 3, First: 9}))
	z.Add(rows.AppendIndex(nil, 7))
	z.Add(rows.AppendRequest(nil, storage.RequestRow{First: 1, Count: 2, Expiry: -3, Content: [16]byte{4}}))
	z.Run(func(t *testing.T, value []byte) {
		rewritten := map[string]func() ([]byte, error){
			"name": func() ([]byte, error) {
				r, err := rows.ParseName("s", value)
				return rows.AppendName(nil, r), err
			},
			"index": func() ([]byte, error) {
				p, err := rows.ParseIndex(value, 1, 2)
				return rows.AppendIndex(nil, p), err
			},
			"request": func() ([]byte, error) {
				r, err := rows.ParseRequest("r", value)
				return rows.AppendRequest(nil, r), err
			},
		}
		for row, rewrite := range rewritten {
			again, err := rewrite()
			var damage *storage.CorruptionError
			if err != nil && !errors.As(err, &damage) {
				t.Errorf("%s row %x: %v is no damage", row, value, err)
			}
			if err == nil && !bytes.Equal(again, value) {
				t.Errorf("%s row %x is written again as %x", row, value, again)
			}
		}
	})
}
