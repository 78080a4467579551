package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/directory"
	"github.com/stet-db/stet/storage/pebblestore/failstop"
	"github.com/stet-db/stet/storage/pebblestore/names"
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
	names   *names.Names
	disk    failstop.FS

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
	if err := fault.Fail(fault.OpenLocked); err != nil {
		return nil, err
	}
	if err := directory.CheckRoom(o.FS, dir, o.MakeRoom); err != nil {
		return nil, err
	}
	if found.backup {
		if err := acceptBackup(o.FS, dir); err != nil {
			return nil, err
		}
	}
	if found.store {
		err = rehearse(dir, o, lock)
	} else {
		err = o.checkSums(context.Background(), dir)
	}
	if err != nil {
		return nil, err
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

// rehearse opens an existing store without changing it, and reads what every
// opening reads: opening it for writing begins new files and deletes old ones,
// and a store that is refused must stay as it is (I9). The price is that the
// logs are replayed twice.
func rehearse(dir string, o Options, lock *pebble.Lock) error {
	if err := o.checkSums(context.Background(), dir); err != nil {
		return err
	}
	d, err := open(dir, o, lock, true)
	var missing *missingRowError
	if errors.As(err, &missing) && missing.empty {
		return nil // its creation was cut off: opening makes it again
	}
	if err != nil {
		return err
	}
	rehearsed := fault.Fail(fault.OpenRehearsed)
	_, _, lastErr := d.Last()
	_, numberErr := d.LastStreamNumber()
	_, requestsErr := d.Requests()
	if err := errors.Join(rehearsed, lastErr, numberErr, requestsErr, d.pebble.Close()); err != nil {
		return fmt.Errorf("open store in %s: %w", dir, err)
	}
	return nil
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
	if err := fault.Fail(fault.OpenCreating); err != nil {
		return err
	}
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
	return errors.Join(err, db.Close(), fault.Fail(fault.OpenCreated))
}

// open opens an existing store and reads what it says of itself.
func open(dir string, o Options, lock *pebble.Lock, readOnly bool) (*DB, error) {
	opts, disk := o.pebbleOptions(), o.disk()
	opts.FS, opts.Lock, opts.ReadOnly, opts.ErrorIfNotExists = disk, lock, readOnly, true
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, refused(dir, o, lock, err))
	}
	d := &DB{dir: dir, opts: o, pebble: db, names: names.New(!readOnly), disk: disk}
	if err := errors.Join(fault.Fail(fault.OpenReplayed), d.readMeta()); err != nil {
		var missing *missingRowError
		if errors.As(err, &missing) {
			missing.empty = d.isEmpty()
		}
		if !readOnly && missing != nil && missing.empty {
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

// missingRowError is a row that every store has, not found. empty tells that
// there is no other row either.
type missingRowError struct {
	name  string
	empty bool
}

func (e *missingRowError) Error() string { return "its " + e.name + " row is missing" }

// meta reads a row that describes the store, of a known size.
func (d *DB) meta(name string, size int) ([]byte, error) {
	value, err := d.get(keys.Meta(name))
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, &missingRowError{name: name}
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
		d.opts.closing.Store(true)
		if err := errors.Join(d.pebble.Close(), d.opts.closeSums()); err != nil {
			d.closeErr = fmt.Errorf("close store in %s: %w", d.dir, err)
		}
	})
	return d.closeErr
}
