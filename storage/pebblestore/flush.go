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
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush store in %s: %w", d.dir, ctx.Err())
	}
}
