package pebblestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/directory"
	"github.com/stet-db/stet/storage/pebblestore/inventory"
	"github.com/stet-db/stet/storage/pebblestore/sumfs"
)

// Files that tell what became of a directory.
const (
	// backupManifest lists the files of a backup with their hashes. A directory
	// that has it is a backup nobody has opened yet.
	backupManifest = "stet-backup.json"
	// backupVerified takes its place while the backup is opened for the first
	// time: its files were found whole, and its history id is yet to be renewed.
	backupVerified = "stet-backup-verified.json"
)

// manifest is what backupManifest holds.
type manifest struct {
	Note    string           `json:"note"`
	History string           `json:"history_id"`
	Head    uint64           `json:"head"`
	Files   []inventory.File `json:"files"`
}

const manifestNote = "A backup of a Stet store. Copy the directory and serve the copy; it gets a history id of its own."

// Backup copies the store, as it is when called, into a directory that must
// not exist yet, while everybody goes on. All of it is durable when Backup
// returns. After a failure the directory is removed.
func (d *DB) Backup(ctx context.Context, dest string, head storage.Position) error {
	if err := d.backup(ctx, dest, head); err != nil {
		err = fmt.Errorf("back up to %s: %w", dest, err)
		var exists *destinationExistsError
		if errors.As(err, &exists) {
			return err
		}
		return errors.Join(err, d.opts.FS.RemoveAll(dest))
	}
	return nil
}

// destinationExistsError: something is there, and stays as it is.
type destinationExistsError struct{ path string }

func (e *destinationExistsError) Error() string { return e.path + " exists; choose another name" }

func (d *DB) backup(ctx context.Context, dest string, head storage.Position) error {
	if _, err := d.opts.FS.Stat(dest); err == nil {
		return &destinationExistsError{dest}
	}
	if err := d.opts.FS.MkdirAll(d.opts.FS.PathDir(dest), 0o750); err != nil {
		return err
	}
	if err := d.pebble.Checkpoint(dest, pebble.WithFlushedWAL()); err != nil {
		return err
	}
	if !d.opts.NoFileSums {
		// The backup's own manifest goes when it is first opened; these stay.
		if err := sumfs.Seal(ctx, d.opts.FS, dest); err != nil {
			return err
		}
	}
	list, err := inventory.Of(ctx, d.opts.FS, dest, "LOCK", backupManifest, backupVerified)
	if err != nil {
		return err
	}
	m := manifest{Note: manifestNote, History: d.history.String(), Head: uint64(head), Files: list}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return directory.Write(d.opts.FS, dest, backupManifest, append(text, '\n'))
}

// verifyBackup compares the files of a backup with its manifest.
func verifyBackup(fsys vfs.FS, dir string) error {
	text, err := directory.Read(fsys, dir, backupManifest)
	if err != nil {
		return fmt.Errorf("read backup manifest in %s: %w", dir, err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return &storage.CorruptionError{Where: fsys.PathJoin(dir, backupManifest), Detail: "is no manifest: " + err.Error()}
	}
	return inventory.Check(context.Background(), fsys, dir, m.Files)
}

// acceptBackup verifies a backup that is about to be opened for the first
// time. From then on its files change, so the manifest gives way to a mark that
// stays until [DB.renewHistory] is done.
func acceptBackup(fsys vfs.FS, dir string) error {
	if err := verifyBackup(fsys, dir); err != nil {
		return err
	}
	if err := fsys.Rename(fsys.PathJoin(dir, backupManifest), fsys.PathJoin(dir, backupVerified)); err != nil {
		return fmt.Errorf("accept backup %s: %w", dir, err)
	}
	return directory.Sync(fsys, dir)
}

// renewHistory gives a restored backup a history of its own: what is appended
// to it has positions that mean something else in the original.
func (d *DB) renewHistory() error {
	history := storage.NewHistoryID()
	if err := d.pebble.Set(keys.Meta(metaHistory), history[:], pebble.Sync); err != nil {
		return fmt.Errorf("renew history id: %w", err)
	}
	d.history = history
	if err := d.opts.FS.Remove(d.opts.FS.PathJoin(d.dir, backupVerified)); err != nil {
		return fmt.Errorf("renew history id: %w", err)
	}
	return directory.Sync(d.opts.FS, d.dir)
}
