package pebblestore

import (
	"context"
	"fmt"

	"github.com/stet-db/stet/storage/pebblestore/sumfs"
)

// withSums gives options whose file system keeps the directory's checksums from
// now on; see package sumfs. The directory must have been compared with them, or
// be new. They must be closed.
func (o Options) withSums(dir string) (Options, error) {
	if o.NoFileSums {
		return o, sumfs.Discard(o.FS, dir)
	}
	logger := o.Logger
	sums, err := sumfs.Open(o.FS, dir, func(err error) {
		logger.Error("the checksums of log files are not kept", "error", err)
	})
	if err != nil {
		return o, fmt.Errorf("open store in %s: %w", dir, err)
	}
	o.sums, o.FS = sums, sums
	return o, nil
}

func (o Options) closeSums() error {
	if o.sums == nil {
		return nil
	}
	return o.sums.Close()
}

// checkSums compares the directory with its checksums.
func (o Options) checkSums(ctx context.Context, dir string) error {
	if o.NoFileSums {
		return nil
	}
	if err := sumfs.Check(ctx, o.FS, dir); err != nil {
		return fmt.Errorf("open store in %s: %w", dir, err)
	}
	return nil
}
