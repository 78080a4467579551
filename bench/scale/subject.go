package scale

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// readyEvery is how often a server that is not ready is asked again, readyWithin
// how long at most.
const (
	readyEvery  = time.Millisecond
	readyWithin = 10 * time.Minute
)

// subject is a running server with connections to it.
type subject struct {
	*stetload.Server
	driver *stetload.Driver
	api    *client.Client
	disk   machine.Disk // of the data directory
}

// start starts the server on the data directory and measures its opening.
func (r *run) start(ctx context.Context) (s *subject, o Opening, err error) {
	o.LogBytes = machine.Size(r.data, func(name string) bool { return strings.HasSuffix(name, ".log") }).Bytes
	began := time.Now()
	server, err := stetload.Start(ctx, r.stet, r.data, "--log-level", "warn")
	if err != nil {
		return nil, o, err
	}
	s = &subject{Server: server, disk: machine.DiskOf(r.data)}
	defer func() {
		if err != nil {
			s, err = nil, errors.Join(err, s.stop())
		}
	}()
	if err = s.awaitReady(ctx); err != nil {
		return s, o, err
	}
	o.ReadySeconds = time.Since(began).Seconds()
	used := machine.Used(s.PID())
	o.ReadBytes, o.CPUSeconds = used.ReadBytes, used.CPU.Seconds()
	if s.api, err = client.Dial(s.Addr, client.Options{}); err != nil {
		return s, o, err
	}
	head, err := newest(ctx, s.api)
	if err != nil {
		return s, o, err
	}
	o.AnswerSeconds = time.Since(began).Seconds()
	o.MemoryBytes = machine.Used(s.PID()).MemoryBytes
	if head < r.acknowledged {
		return s, o, fmt.Errorf("the server has %d events and had acknowledged %d", head, r.acknowledged)
	}
	r.acknowledged = head
	s.driver, err = stetload.Dial(s.Addr, stetload.Options{Connections: r.connections})
	return s, o, err
}

// awaitReady asks the server until it says that it is ready.
func (s *subject) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Ops+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close() // the status says it all
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until the server is ready: %w", ctx.Err())
		}
	}
}

// hangUp ends the connections.
func (s *subject) hangUp() error {
	var errs []error
	if s.driver != nil {
		errs = append(errs, s.driver.Close())
	}
	if s.api != nil {
		errs = append(errs, s.api.Close())
	}
	s.driver, s.api = nil, nil
	return errors.Join(errs...)
}

// stop ends the server in an orderly way.
func (s *subject) stop() error { return errors.Join(s.hangUp(), s.Stop()) }

// kill ends it at once.
func (s *subject) kill() error { return errors.Join(s.hangUp(), s.Kill()) }

// observe reads what this process and the server have used so far.
func (s *subject) observe() (self, server workload.Usage) {
	server = workload.UsageOf(machine.Used(s.PID()))
	if written, known := s.disk.WrittenBytes(); known {
		server.WrittenBytes = written
	}
	return workload.UsageOf(machine.Self()), server
}

// head asks for the head of the log.
func (s *subject) head(ctx context.Context) (uint64, error) {
	answer, err := s.api.Head(ctx)
	return answer.GetHead(), err
}
