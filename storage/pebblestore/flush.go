package pebblestore

import (
	"context"
	"fmt"
)

// Flush moves into tables what is in the write-ahead logs only, so that the
// next opening has nothing to replay. It makes nothing more durable than it was
// and may be left out. Only for the writer, when everything staged has been
// applied; ctx ends the wait, and what is not moved then is replayed.
func (d *DB) Flush(ctx context.Context) error {
	if d.pebble.Metrics().WAL.BytesIn == 0 {
		return nil // opening has moved everything, and nothing was written since
	}
	flushed, err := d.pebble.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush store in %s: %w", d.dir, err)
	}
	select {
	case <-flushed:
		return d.releaseLogs()
	case <-ctx.Done():
		return fmt.Errorf("flush store in %s: %w", d.dir, ctx.Err())
	}
}

// releaseLogs lets the checksums forget the logs that the engine keeps only to
// write over them: the next opening would read each from end to end. The engine
// has durably noted that it does not need them before it says that it has
// flushed.
func (d *DB) releaseLogs() error {
	if d.opts.sums == nil || d.pebble.Metrics().WAL.Files != 1 {
		return nil // the one that is written to is not the only one in use
	}
	if err := d.opts.sums.ForgetAllLogsButNewest(); err != nil {
		return fmt.Errorf("flush store in %s: %w", d.dir, err)
	}
	return nil
}
