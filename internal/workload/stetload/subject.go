package stetload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// NotEmptyError says that a log has events, and that nobody has said that more
// may be added.
type NotEmptyError struct {
	// Addr is the server, Events what its log has.
	Addr   string
	Events uint64
}

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("the log of %s has %d events, and what is appended stays there for ever", e.Addr, e.Events)
}

// subject is the server under load.
type subject struct {
	addr, ops string
	http      string  // of the HTTP listener; empty: not known
	dir       string  // holds the child's data; empty: there is no child
	child     *Server // nil: somebody else's server
}

func (j *Job) subject(ctx context.Context) (*subject, error) {
	if j.Addr != "" {
		s := &subject{addr: j.Addr, ops: j.Ops, http: j.HTTP}
		return s, s.ask(func(api *client.Client) error {
			head, err := api.Head(ctx)
			if err == nil && head.GetHead() > 0 && !j.Force {
				return &NotEmptyError{j.Addr, head.GetHead()}
			}
			return err
		})
	}
	dir, err := os.MkdirTemp(j.Dir, "stet-bench-")
	if err != nil {
		return nil, err
	}
	child, err := Start(ctx, j.Program, filepath.Join(dir, "data"), append([]string{"--log-level", "warn"}, j.ServeFlags...)...)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &subject{child.Addr, child.Ops, child.HTTP, dir, child}, nil
}

func (s *subject) ask(question func(*client.Client) error) error {
	api, err := client.Dial(s.addr, client.Options{})
	if err != nil {
		return err
	}
	return errors.Join(question(api), api.Close())
}

func (s *subject) close() error {
	if s.child == nil {
		return nil
	}
	return errors.Join(s.child.Stop(), os.RemoveAll(s.dir))
}

// describe puts what the server tells into the report.
func (s *subject) describe(ctx context.Context, r *report.Report) error {
	return s.ask(func(api *client.Client) error {
		info, err := api.Info(ctx)
		if err == nil {
			r.Version, r.Durability = info.GetVersion(), info.GetDurability()
			r.ServerSyncMicros = float64(info.GetSyncLatency().AsDuration()) / float64(time.Microsecond)
		}
		return err
	})
}

// observe reads what this process and the server have used. What cannot be
// read is not known, which a report shows as nothing.
func (s *subject) observe(ctx context.Context) func() (self, server workload.Usage) {
	return func() (self, server workload.Usage) {
		if s.ops != "" {
			if metrics, err := Metrics(ctx, s.ops); err == nil {
				server = UsageOf(metrics)
			}
		}
		if s.child != nil {
			commits := server.Commits
			server = workload.UsageOf(machine.Used(s.child.PID()))
			server.Commits = commits
		}
		return workload.UsageOf(machine.Self()), server
	}
}
