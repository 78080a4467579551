package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/sumfs"
)

// contents is what inspect found in a directory.
type contents struct {
	// store: there is one. backup: it is a backup nobody has opened yet.
	// verified: it is a backup whose first opening was cut off.
	store, backup, verified bool
	// sums: there are checksums of its files.
	sums bool
}

// inspect looks at a directory without touching it.
func inspect(fsys vfs.FS, dir string) (contents, error) {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return contents{}, nil
	}
	if err != nil {
		return contents{}, fmt.Errorf("look into %s: %w", dir, err)
	}
	var found contents
	strange := ""
	for _, name := range names {
		switch {
		case name == unfinishedRestore:
			return found, &storage.NotAStoreError{Dir: dir, Why: "a restore into it did not finish; delete it and restore again"}
		case name == backupManifest:
			found.backup = true
		case name == backupVerified:
			found.verified = true
		case name == sumfs.Name:
			found.sums = true
		case name == "LOCK" || name == "lost+found":
		case isMarker(name):
			found.store = true
		default:
			strange = name
		}
	}
	if found.store {
		return found, checkPebbleFormat(fsys, dir)
	}
	if found.sums {
		// They know whether there was a store whose marker is lost.
		if err := sumfs.Check(context.Background(), fsys, dir); err != nil {
			return found, fmt.Errorf("look into %s: %w", dir, err)
		}
	}
	if strange != "" && !isUnfinishedCreation(names) {
		return found, &storage.NotAStoreError{Dir: dir, Why: fmt.Sprintf("it holds other files, for example %q", strange)}
	}
	return found, nil
}

// Markers of the engine.
const (
	formatMarker   = "format-version"
	manifestMarker = "marker.manifest."
)

func isMarker(name string) bool {
	const prefix = "marker." + formatMarker + "."
	return len(name) > len(prefix) && name[:len(prefix)] == prefix
}

// isUnfinishedCreation tells whether the files are all of those that are made
// before a new store has its format marker. Where one of them holds anything
// the engine refuses to begin anew.
func isUnfinishedCreation(names []string) bool {
	for _, name := range names {
		switch {
		case name == "LOCK" || name == sumfs.Name:
		case strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, manifestMarker) || strings.HasSuffix(name, ".log"):
		default:
			return false
		}
	}
	return true
}

// checkPebbleFormat refuses a directory that a newer release has written,
// before the engine opens it.
func checkPebbleFormat(fsys vfs.FS, dir string) error {
	value, err := atomicfs.ReadMarker(fsys, dir, formatMarker)
	if err != nil {
		return fmt.Errorf("read format of %s: %w", dir, err)
	}
	found, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return &storage.CorruptionError{Where: dir, Detail: fmt.Sprintf("format marker %q is no number", value)}
	}
	if found > uint64(pebbleFormat) {
		return &storage.FormatError{Dir: dir, Found: uint32(found), Known: uint32(pebbleFormat)}
	}
	return nil
}
