package main

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// partsName is the system of both limits together.
const partsName = "gRPC + Pebble"

// parts is the echo server with bare Pebble behind it: each request is one row,
// on disk before its answer. What a store on these two parts can reach at most
// on this machine, as both run in one process and share it with the clients.
func parts(connections int) system {
	versions := module("google.golang.org/grpc") + ", " + module("github.com/cockroachdb/pebble/v2")
	return system{name: partsName, limit: true, durable: true, fresh: true, start: func(_ context.Context, dir string, _ bool) (*running, error) {
		return startCanned(connections, versions, "parts-server", dir)
	}}
}

func serveParts(ctx context.Context, args []string) (err error) {
	db, err := openBare(args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	answers, err := newCanned()
	if err != nil {
		return err
	}
	answers.keep = &keeper{db: db}
	return answers.serve(ctx)
}

// keeper makes requests durable, in the order in which they are put.
type keeper struct {
	db   *pebble.DB
	last atomic.Uint64
}

// put begins to make a request durable, and returns how to wait for it. It
// keeps nothing of the request's memory.
func (k *keeper) put(request []byte) (wait func() error, err error) {
	b := k.db.NewBatch()
	set := b.SetDeferred(9, len(request))
	set.Key[0] = 'e'
	binary.BigEndian.PutUint64(set.Key[1:], k.last.Add(1))
	copy(set.Value, request)
	if err := errors.Join(set.Finish(), k.db.ApplyNoSyncWait(b, pebble.Sync)); err != nil {
		return nil, err
	}
	return func() error { return errors.Join(b.SyncWait(), b.Close()) }, nil
}
