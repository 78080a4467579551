package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/lifecycle"
)

const (
	// strangerGrace is how long calls of health and reflection may outlast the
	// last call of the event store; their clients may hold them for ever.
	strangerGrace = time.Second
	// handlerTimeout bounds the wait for handlers whose calls were cut.
	handlerTimeout = 5 * time.Second
)

// errStuck: handlers went on although their calls were cut.
var errStuck = errors.New("calls did not end after they were cut")

// drain ends all calls in an orderly way, bounded by Config.DrainTimeout (I11).
// Load balancers are told first, then callers: new appends are refused with
// SHUTTING_DOWN, pipelines and subscriptions say good-bye, and what is being
// written or read is finished.
func (s *Server) drain() error {
	fault.At(fault.DrainBegun)
	began := s.config.Clock.Elapsed()
	s.config.Logger.Info("draining", "calls", s.calls.running(), "timeout", s.config.DrainTimeout)
	s.state.Store(stateDraining)
	s.health.Shutdown()
	s.service.Drain()
	idle := s.calls.drain()
	graceful := lifecycle.Async(func() struct{} { s.rpc.GracefulStop(); return struct{}{} })

	if s.awaitDrained(graceful, idle) {
		s.config.Logger.Info("drained", "took", (s.config.Clock.Elapsed() - began).Round(time.Millisecond))
		return nil
	}
	return s.stop()
}

// awaitDrained tells whether all calls ended in time. When calls of the event
// store did not, it says which will be cut.
func (s *Server) awaitDrained(graceful, idle <-chan struct{}) bool {
	deadline := time.NewTimer(s.config.DrainTimeout)
	defer deadline.Stop()
	select {
	case <-graceful:
		return true
	case <-idle:
		fault.At(fault.DrainIdle)
		// Not yet drained: the last answers are on their way out.
		grace := time.NewTimer(strangerGrace)
		defer grace.Stop()
		select {
		case <-graceful:
			return true
		case <-grace.C:
			s.config.Logger.Info("drained, but for calls that may last for ever; they are cut", "calls", s.calls.running())
			return false
		case <-deadline.C:
		}
	case <-deadline.C:
	}
	s.config.Logger.Warn("the time to drain is over; calls are cut", "calls", s.calls.running(), "timeout", s.config.DrainTimeout)
	return false
}

// stop cuts what is left.
func (s *Server) stop() error {
	stopped := lifecycle.Async(func() struct{} { s.rpc.Stop(); return struct{}{} })
	select {
	case <-stopped:
		return nil
	case <-time.After(s.stopTimeout):
		return fmt.Errorf("%w: %v", errStuck, s.calls.running())
	}
}
