package pebblestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/directory"
	"github.com/stet-db/stet/storage/pebblestore/inventory"
)

// FuzzBackupManifest: a manifest that is not as it was written is refused, as
// damage, and never makes another file be taken for the one it names.
func FuzzBackupManifest(f *testing.F) {
	z := prooftest.Target(f)
	fsys := vfs.NewMem()
	if err := errors.Join(fsys.MkdirAll("backup", 0o750), directory.Write(fsys, "backup", "000001.log", []byte("content"))); err != nil {
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
		// With the race detector the file system spoils what it was given.
		if err := directory.Write(fsys, "backup", backupManifest, bytes.Clone(text)); err != nil {
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
