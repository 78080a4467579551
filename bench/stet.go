package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// stet is the program as it is shipped, with its defaults.
func stet(program string, connections int) system {
	return system{name: "Stet", durable: true, start: func(ctx context.Context, dir string, _ bool) (*running, error) {
		s, err := stetload.Start(ctx, program, dir, "--log-level", "warn")
		if err != nil {
			return nil, err
		}
		d, err := stetload.Dial(s.Addr, stetload.Options{Connections: connections})
		if err != nil {
			return nil, errors.Join(err, s.Stop())
		}
		version, err := versionOf(ctx, s.Addr)
		if err != nil {
			return nil, errors.Join(err, d.Close(), s.Stop())
		}
		return &running{
			driver: d, pid: s.PID(), version: version, took: s.Took,
			commits: func() (int64, bool) {
				m, err := stetload.Metrics(ctx, s.Ops)
				return stetload.UsageOf(m).Commits, err == nil
			},
			stop: func() error { return errors.Join(d.Close(), s.Stop()) },
		}, nil
	}}
}

func versionOf(ctx context.Context, addr string) (string, error) {
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		return "", err
	}
	info, err := api.Info(ctx)
	return fmt.Sprintf("%s, durability %s", info.GetVersion(), info.GetDurability()), errors.Join(err, api.Close())
}
