package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

// Expired counts the request rows that have expired by now, up to a limit. It
// sees what is applied.
func (d *DB) Expired(now storage.Instant, limit uint64) (uint64, error) {
	n := uint64(0)
	err := d.eachExpired(now, func(_ []byte, _ string, current bool) (bool, error) {
		if current {
			n++
		}
		return n < limit, nil
	})
	return n, err
}

// Purge forgets at most limit request rows that have expired by now, without a
// sync, and tells how many are left and how many went. Only for the writer,
// when everything staged has been applied.
func (d *DB) Purge(now storage.Instant, limit int) (left uint64, purged int, err error) {
	left, err = d.Requests()
	if err != nil {
		return 0, 0, err
	}
	b := d.pebble.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	seen := 0
	err = d.eachExpired(now, func(key []byte, id string, current bool) (bool, error) {
		seen++
		if err := b.Delete(key, nil); err != nil || !current {
			return seen < limit, err
		}
		purged++
		return seen < limit, b.Delete(keys.AppendRequest(nil, id), nil)
	})
	if err != nil || seen == 0 {
		return left, 0, err
	}
	left -= uint64(purged)
	if err := b.Set(keys.Meta(metaRequests), binary.BigEndian.AppendUint64(nil, left), nil); err != nil {
		return 0, 0, fmt.Errorf("purge request ids: %w", err)
	}
	if err := d.disk.LogFailed(); err != nil {
		return 0, 0, fmt.Errorf("purge request ids: %w", err)
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return 0, 0, fmt.Errorf("purge request ids: %w", err)
	}
	return left, purged, nil
}

// eachExpired visits the expiry rows up to now until visit returns false. key
// is the row's own memory; current tells whether the request row is still the
// one that it is about: it may have been written anew, with a later expiry.
func (d *DB) eachExpired(now storage.Instant, visit func(key []byte, id string, current bool) (bool, error)) error {
	lower, _ := keys.ExpiryBounds()
	it, err := d.iter(lower, keys.AppendExpiry(nil, now+1, ""))
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		expiry, id, err := keys.Expiry(it.Key())
		if err != nil {
			return d.closeIter(it, err)
		}
		row, found, err := d.Request(string(id))
		if err != nil {
			return d.closeIter(it, err)
		}
		more, err := visit(slices.Clone(it.Key()), string(id), found && row.Expiry == expiry)
		if err != nil || !more {
			return d.closeIter(it, err)
		}
	}
	return d.closeIter(it, nil)
}
