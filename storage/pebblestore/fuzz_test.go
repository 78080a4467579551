package pebblestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/inventory"
)

// FuzzRows: the value of a row is refused as damage, or written again as it is.
func FuzzRows(f *testing.F) {
	z := prooftest.Target(f)
	z.Add(appendNameRow(nil, nameRow{Number: 3, First: 9}))
	z.Add(appendIndexRow(nil, 7))
	z.Add(encodeRequestRow(storage.RequestRow{First: 1, Count: 2, Expiry: -3, Content: [16]byte{4}}))
	z.Run(func(t *testing.T, value []byte) {
		rewritten := map[string]func() ([]byte, error){
			"name": func() ([]byte, error) {
				r, err := parseNameRow("s", value)
				return appendNameRow(nil, r), err
			},
			"index": func() ([]byte, error) {
				p, err := parseIndexRow(value, 1, 2)
				return appendIndexRow(nil, p), err
			},
			"request": func() ([]byte, error) {
				r, err := parseRequestRow("r", value)
				return encodeRequestRow(r), err
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

// FuzzBackupManifest: a manifest that is not as it was written is refused, as
// damage, and never makes another file be taken for the one it names.
func FuzzBackupManifest(f *testing.F) {
	z := prooftest.Target(f)
	fsys := vfs.NewMem()
	if err := errors.Join(fsys.MkdirAll("backup", 0o750), writeFile(fsys, "backup", "000001.log", []byte("content"))); err != nil {
		f.Fatal(err)
	}
	files, err := inventory.Of(f.Context(), fsys, "backup")
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(manifest{Note: manifestNote, History: "0102", Head: 3, Files: files})
	if err != nil {
		f.Fatal(err)
	}
	z.Add(text)
	z.Add([]byte(`{"files": [{"name": "../backup/000001.log", "bytes": 7}, {"name": ""}, {"name": "\u0000"}]}`))
	z.Add([]byte(`{"files": null}`))
	z.Run(func(t *testing.T, text []byte) {
		if err := writeFile(fsys, "backup", backupManifest, text); err != nil {
			t.Fatal(err)
		}
		err := verifyBackup(fsys, "backup")
		var m manifest
		if invalid := json.Unmarshal(text, &m) != nil; invalid {
			var damage *storage.CorruptionError
			if !errors.As(err, &damage) {
				t.Errorf("%q is no manifest, and verifying says %v", text, err)
			}
			return
		}
		for _, file := range m.Files {
			if err == nil && (file.Bytes != files[0].Bytes || file.SHA256 != files[0].SHA256) {
				t.Errorf("%q names what is not there, and verifying says nothing", text)
			}
		}
	})
}
