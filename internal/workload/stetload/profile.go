package stetload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/internal/workload"
)

// profiles makes the hook that writes the profiles of the first round.
func (j *Job) profiles(ctx context.Context, s *subject) func(workload.Case, int) func(time.Duration) func() error {
	cases := 0
	return func(c workload.Case, round int) func(time.Duration) func() error {
		if round > 0 || j.ServerProfile == "" && j.ClientProfile == "" {
			return nil
		}
		suffix := ""
		if cases++; cases > 1 {
			suffix = "." + strings.ReplaceAll(strings.ReplaceAll(c.String(), " ", "-"), "%", "")
		}
		return func(d time.Duration) func() error {
			server := lifecycle.Async(func() error { return profileServer(ctx, s.ops, d, j.ServerProfile, suffix) })
			stop, err := profileClient(j.ClientProfile, suffix)
			return func() error { return errors.Join(err, stop(), <-server) }
		}
	}
}

func profileServer(ctx context.Context, ops string, d time.Duration, file, suffix string) error {
	if file == "" {
		return nil
	}
	if ops == "" {
		return fmt.Errorf("profile the server: its operations listener is not known")
	}
	out, err := os.Create(file + suffix)
	if err != nil {
		return err
	}
	return errors.Join(Profile(ctx, ops, d, out), out.Close())
}

func profileClient(file, suffix string) (stop func() error, err error) {
	nothing := func() error { return nil }
	if file == "" {
		return nothing, nil
	}
	out, err := os.Create(file + suffix)
	if err != nil {
		return nothing, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return out.Close, err
	}
	return func() error { pprof.StopCPUProfile(); return out.Close() }, nil
}
