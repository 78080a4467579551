package embedded

import (
	"context"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore"
)

// Verify checks the store in dir, which no process may have open, without
// changing it; see [pebblestore.Verify].
func Verify(ctx context.Context, dir string, o Options, progress func(at, head storage.Position)) (pebblestore.Report, error) {
	return pebblestore.Verify(ctx, dir, o.withDefaults().engine(), progress)
}

// Restore begins to fill a new store in dir, which must be missing or empty,
// with events that have their places already; see [pebblestore.Restorer].
func Restore(dir string, o Options, history storage.HistoryID) (*pebblestore.Restorer, error) {
	return pebblestore.NewRestorer(dir, o.withDefaults().engine(), history)
}
