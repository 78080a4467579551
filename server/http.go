package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/server/httpapi"
)

// Bounds of the HTTP listener. Package httpapi bounds what its requests take.
const (
	httpHeaderBytes   = 16 << 10
	httpHeaderTimeout = 5 * time.Second
	httpIdleTimeout   = 2 * time.Minute
)

// newAPI makes the API of the HTTP listener, which is open already: whom it
// serves without keys depends on where that listens.
func (s *Server) newAPI() *httpapi.API {
	ids := newRequestIDs()
	return httpapi.New(httpapi.Options{
		Aggregates: s.service.aggregates, Store: s.store, Limits: s.config.Limits,
		Keys: s.config.Keys, LoopbackNamesOnly: s.loopbackOnly(s.httpListener.Addr()), Origins: s.config.CORSOrigins,
		BodyBytes: s.bodyBytes, NameRequest: ids.next, Observe: s.metrics.observeHTTP, Panicked: s.metrics.panics.Inc,
		Logger: s.config.Logger,
	})
}

// loopbackOnly tells whether a listener speaks only with those that know it by a
// name of loopback: one that asks for no key and is meant for this machine. A
// page of another site could else have its name lead here, and be believed.
func (s *Server) loopbackOnly(listener net.Addr) bool {
	if !s.config.Keys.Open() {
		return false
	}
	address, err := netip.ParseAddrPort(listener.String())
	return err != nil || address.Addr().Unmap().IsLoopback()
}

// newHTTP makes the server of the HTTP listener. Requests live in ctx.
func (s *Server) newHTTP(ctx context.Context) *http.Server {
	return &http.Server{
		Handler:           s.api,
		ReadHeaderTimeout: httpHeaderTimeout,
		IdleTimeout:       httpIdleTimeout,
		MaxHeaderBytes:    httpHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
	}
}

// serveHTTP serves the HTTP listener until ctx ends, then drains it within
// Config.DrainTimeout (I11): what is in flight is answered, streams end, and what
// is left then is cut.
func (s *Server) serveHTTP(ctx context.Context) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := s.newHTTP(requests)
	var listener net.Listener = s.httpListener
	if s.certificates != nil {
		listener = tls.NewListener(listener, s.certificates.httpConfig())
	}
	served := lifecycle.Async(func() error { return server.Serve(listener) })
	var failed error
	select {
	case failed = <-served:
	case <-ctx.Done():
	}
	idle := s.api.Drain()
	if failed != nil {
		cut()
		return errors.Join(failed, s.awaitHTTP(idle), server.Close())
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Logger.Warn("requests of the HTTP listener were cut", "requests", s.api.Stats().InFlight, "after", s.config.DrainTimeout)
		cut()
		err = errors.Join(server.Close(), s.awaitHTTP(idle))
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// awaitHTTP waits for the handlers of requests that were cut.
func (s *Server) awaitHTTP(idle <-chan struct{}) error {
	select {
	case <-idle:
		return nil
	case <-time.After(s.stopTimeout):
		return fmt.Errorf("%w: %d requests of the HTTP listener", errStuck, s.api.Stats().InFlight)
	}
}
