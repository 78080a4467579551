package stetload

import (
	"context"
	"math/rand/v2"

	"github.com/stet-db/stet/client"
)

// ReadAll reads the log once.
func (d *Driver) ReadAll(ctx context.Context, decode bool, seen func(events int) bool) error {
	if !decode {
		return d.readAllRaw(ctx, seen)
	}
	for batch, err := range d.any().ReadAllBatches(ctx, client.LogRead{}) {
		if err != nil {
			return err
		}
		if !seen(len(batch.GetEvents())) {
			return nil
		}
	}
	return nil
}

// ReadStream counts the events of a stream.
func (d *Driver) ReadStream(ctx context.Context, stream string) (int, error) {
	n := 0
	for batch, err := range d.any().ReadStreamBatches(ctx, client.StreamRead{Stream: stream}) {
		if err != nil {
			return n, err
		}
		n += len(batch.GetEvents())
	}
	return n, nil
}

// Follow subscribes to the log from now on.
func (d *Driver) Follow(ctx context.Context, decode bool, ready, seen func(position uint64)) error {
	if !decode {
		return d.followRaw(ctx, ready, seen)
	}
	for delivery, err := range d.any().Subscribe(ctx, client.Subscription{FromNow: true}) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case delivery.Kind == client.KindEvent:
			seen(delivery.Event.GetPosition())
		case delivery.Kind == client.KindStarted:
			ready(delivery.Cursor)
		case delivery.Kind == client.KindInterrupted:
			return delivery.Err
		}
	}
	return nil
}

// any is one of the connections.
func (d *Driver) any() *client.Client {
	return d.conns[rand.IntN(len(d.conns))] //nolint:gosec // load, not secrets
}
