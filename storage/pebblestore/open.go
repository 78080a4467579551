package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/sumfs"
)

// Names of the rows that describe the store.
const (
	metaFormat   = "format"   // layout and Pebble's format, 4 bytes each
	metaHistory  = "history"  // the history id
	metaRequests = "requests" // number of request rows, 8 bytes
)

// DB is an open store. Reading is safe for concurrent use; batches are for one
// writer at a time.
type DB struct {
	dir     string
	opts    Options
	pebble  *pebble.DB
	history storage.HistoryID

	closeOnce sync.Once
	closeErr  error
}

// Open opens the store in dir for reading and writing, or makes a new one where
// dir is missing or empty. Errors: [storage.LockedError],
// [storage.NotAStoreError], [storage.FormatError], [storage.CorruptionError],
// or the file system's.
func Open(dir string, o Options) (*DB, error) {
	o = o.withDefaults()
	found, err := inspect(o.FS, dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockDirectory(o.FS, dir)
	if err != nil {
		return nil, err
	}
	// The open store holds a reference of its own.
	defer func() { _ = lock.Close() }() // only fails when closed twice
	if found.backup {
		if err := acceptBackup(o.FS, dir); err != nil {
			return nil, err
		}
	}
	if o, err = o.withSums(dir); err != nil {
		return nil, err
	}
	d, err := openOrCreate(dir, o, lock, found.store)
	if err != nil {
		return nil, errors.Join(err, o.closeSums())
	}
	if found.backup || found.verified {
		if err := d.renewHistory(); err != nil {
			return nil, errors.Join(fmt.Errorf("open backup %s: %w", dir, err), d.Close())
		}
	}
	return d, nil
}

func openOrCreate(dir string, o Options, lock *pebble.Lock, exists bool) (*DB, error) {
	if !exists {
		if err := create(dir, o, lock, storage.NewHistoryID()); err != nil {
			return nil, fmt.Errorf("create store in %s: %w", dir, err)
		}
	}
	return open(dir, o, lock, false)
}

// openReadOnly opens an existing store without changing any of its files.
func openReadOnly(ctx context.Context, dir string, o Options) (*DB, error) {
	found, err := inspect(o.FS, dir)
	if err != nil {
		return nil, err
	}
	if !found.store {
		return nil, &storage.NotAStoreError{Dir: dir, Why: "it is empty or does not exist"}
	}
	lock, err := lockDirectory(o.FS, dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // only fails when closed twice
	if err := o.checkSums(ctx, dir); err != nil {
		return nil, err
	}
	return open(dir, o, lock, true)
}

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

const formatMarker = "format-version"

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
		case strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "marker.manifest.") || strings.HasSuffix(name, ".log"):
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

// lockDirectory makes this process the only one that uses the directory,
// making it first where it is missing.
func lockDirectory(fsys vfs.FS, dir string) (*pebble.Lock, error) {
	if err := fsys.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	lock, err := pebble.LockDirectory(dir, fsys)
	if err == nil {
		return lock, nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	// What is left is that somebody holds it, in this process or another.
	return nil, &storage.LockedError{Dir: dir}
}

// create makes a store and closes it again: only after the first opening is
// the log of changes written in the pinned format, which notices damage.
func create(dir string, o Options, lock *pebble.Lock, history storage.HistoryID) error {
	opts := o.pebbleOptions()
	opts.Lock = lock
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return err
	}
	b := db.NewBatch()
	format := binary.BigEndian.AppendUint32(nil, Layout)
	format = binary.BigEndian.AppendUint32(format, uint32(pebbleFormat))
	err = errors.Join(
		b.Set(keys.Meta(metaHistory), history[:], nil),
		b.Set(keys.Meta(metaRequests), make([]byte, 8), nil),
		b.Set(keys.Meta(metaFormat), format, nil),
	)
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	return errors.Join(err, db.Close())
}

// open opens an existing store and reads what it says of itself.
func open(dir string, o Options, lock *pebble.Lock, readOnly bool) (*DB, error) {
	opts := o.pebbleOptions()
	opts.Lock, opts.ReadOnly, opts.ErrorIfNotExists = lock, readOnly, true
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, refused(dir, o, lock, err))
	}
	d := &DB{dir: dir, opts: o, pebble: db}
	if err := d.readMeta(); err != nil {
		var missing *missingRowError
		if !readOnly && errors.As(err, &missing) && d.isEmpty() {
			// Its creation was cut off before it was ever used: make it again.
			if err := d.pebble.Close(); err != nil {
				return nil, err
			}
			if err := create(dir, o, lock, storage.NewHistoryID()); err != nil {
				return nil, fmt.Errorf("create store in %s: %w", dir, err)
			}
			return open(dir, o, lock, readOnly)
		}
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), d.pebble.Close())
	}
	return d, nil
}

func (d *DB) readMeta() error {
	format, err := d.meta(metaFormat, 8)
	if err != nil {
		return err
	}
	if layout := binary.BigEndian.Uint32(format); layout != Layout {
		return &storage.FormatError{Dir: d.dir, Found: layout, Known: Layout}
	}
	history, err := d.meta(metaHistory, len(d.history))
	if err != nil {
		return err
	}
	copy(d.history[:], history)
	return nil
}

// missingRowError is a row that every store has, not found.
type missingRowError struct{ name string }

func (e *missingRowError) Error() string { return "its " + e.name + " row is missing" }

// meta reads a row that describes the store, of a known size.
func (d *DB) meta(name string, size int) ([]byte, error) {
	value, err := d.get(keys.Meta(name))
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, &missingRowError{name}
	}
	if len(value) != size {
		return nil, &storage.CorruptionError{Where: "row " + name, Detail: fmt.Sprintf("has %d bytes, want %d", len(value), size)}
	}
	return value, nil
}

func (d *DB) isEmpty() bool {
	it, err := d.pebble.NewIter(nil)
	if err != nil {
		return false
	}
	empty := !it.First()
	return it.Close() == nil && empty
}

// Dir is the directory.
func (d *DB) Dir() string { return d.dir }

// History is the identity of the log.
func (d *DB) History() storage.HistoryID { return d.history }

// DiskBytes is the size of the store's files.
func (d *DB) DiskBytes() uint64 { return d.pebble.Metrics().DiskSpaceUsage() }

// FreeBytes is what the file system has left.
func (d *DB) FreeBytes() (uint64, error) {
	usage, err := d.opts.FS.GetDiskUsage(d.dir)
	if err != nil {
		return 0, fmt.Errorf("look for free space at %s: %w", d.dir, err)
	}
	return usage.AvailBytes, nil
}

// Close releases the store. Everybody who reads or writes must have ended.
func (d *DB) Close() error {
	d.closeOnce.Do(func() {
		if err := errors.Join(d.pebble.Close(), d.opts.closeSums()); err != nil {
			d.closeErr = fmt.Errorf("close store in %s: %w", d.dir, err)
		}
	})
	return d.closeErr
}
