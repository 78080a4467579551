package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// serveNATS is the child that is a NATS server with JetStream.
func serveNATS(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	dir := flags.String("dir", "", "its data")
	always := flags.Bool("sync-always", false, "sync each write before it is acknowledged")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := &server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: *dir, NoSigs: true, NoLog: true,
		MaxPayload: 8 << 20, MaxPending: 256 << 20, SyncAlways: *always, SyncInterval: 2 * time.Minute, // the default of both
		JetStreamMaxMemory: 2 << 30, JetStreamMaxStore: 100 << 30,
		// More than the default, or 64 clients with batches of their own are refused.
		JetStreamLimits: server.JSLimitOpts{MaxBatchInflightPerStream: 1000, MaxBatchInflightTotal: 2000},
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return fmt.Errorf("the NATS server is not ready for connections")
	}
	announce(ctx, s.ClientURL())
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
