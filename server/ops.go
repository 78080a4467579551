package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/server/browser"
)

// Bounds of the operations listener: it serves a scraper, a supervisor and an
// operator, no more.
const (
	opsConnections  = 64
	opsHeaderBytes  = 16 << 10
	opsBodyBytes    = 4 << 10
	opsReadTimeout  = 10 * time.Second
	opsWriteTimeout = time.Minute // backups and profiles set their own
	opsIdleTimeout  = 2 * time.Minute
	opsStopTimeout  = 2 * time.Second
	opsScrapes      = 4
)

// backupNameBytes bounds the name of a backup.
const backupNameBytes = 128

// opsRoute is one route of the operations listener.
type opsRoute struct {
	pattern string
	scope   keyring.Scope
	handler http.Handler
}

func (s *Server) opsRoutes() []opsRoute {
	metrics := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: opsScrapes, Timeout: opsReadTimeout, ErrorLog: slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelError),
	})
	alive := func(w http.ResponseWriter, _ *http.Request) { s.answer(w, http.StatusOK, ready{Status: "ok"}) }
	config := func(w http.ResponseWriter, _ *http.Request) { s.answer(w, http.StatusOK, s.config) }
	return []opsRoute{
		// A supervisor has no key, and learns nothing but that the server is there.
		{"GET /healthz", forAll, http.HandlerFunc(alive)},
		{"GET /readyz", forAll, http.HandlerFunc(s.serveReady)},
		{"GET /metrics", keyring.Read, metrics},
		{"GET /config", keyring.Admin, http.HandlerFunc(config)},
		{"POST /clock/confirm", keyring.Admin, http.HandlerFunc(s.serveClockConfirm)},
		{"POST /backup", keyring.Admin, http.HandlerFunc(s.serveBackup)},
		{"GET /debug/pprof/", keyring.Admin, http.HandlerFunc(pprof.Index)},
		{"GET /debug/pprof/cmdline", keyring.Admin, http.HandlerFunc(pprof.Cmdline)},
		{"GET /debug/pprof/profile", keyring.Admin, http.HandlerFunc(pprof.Profile)},
		{"GET /debug/pprof/symbol", keyring.Admin, http.HandlerFunc(pprof.Symbol)},
		{"GET /debug/pprof/trace", keyring.Admin, http.HandlerFunc(pprof.Trace)},
	}
}

// newOps makes the operations server. Requests live in ctx.
func (s *Server) newOps(ctx context.Context) *http.Server {
	mux := http.NewServeMux()
	loopbackOnly := s.loopbackOnly(s.opsListener.Addr())
	for _, r := range s.opsRoutes() {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
			if loopbackOnly && !browser.IsLoopbackName(req.Host) {
				s.answer(w, http.StatusForbidden, refused{"without keys only localhost and loopback addresses are served as Host"})
				return
			}
			if s.opsAllowed(w, req, r.scope) {
				r.handler.ServeHTTP(w, req)
			}
		})
	}
	return &http.Server{
		// A web page in the operator's browser can reach loopback too.
		Handler:           http.NewCrossOriginProtection().Handler(mux),
		ReadHeaderTimeout: opsReadTimeout,
		ReadTimeout:       opsReadTimeout,
		WriteTimeout:      opsWriteTimeout,
		IdleTimeout:       opsIdleTimeout,
		MaxHeaderBytes:    opsHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn),
	}
}

// opsAllowed tells whether who asks may, and else answers.
func (s *Server) opsAllowed(w http.ResponseWriter, req *http.Request, scope keyring.Scope) bool {
	if scope == forAll {
		return true
	}
	_, err := s.config.Keys.Allow(req.Header.Values("Authorization"), scope)
	if err == nil {
		return true
	}
	code := http.StatusUnauthorized
	if _, known := errors.AsType[*keyring.ScopeError](err); known {
		code = http.StatusForbidden
	} else {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	s.answer(w, code, refused{err.Error()})
	return false
}

// Answers of the operations listener.
type (
	ready struct {
		Status string `json:"status"`
	}
	confirmed struct {
		Clock time.Time `json:"clock"`
	}
	backupWanted struct {
		Name string `json:"name"`
	}
	backedUp struct {
		Path string `json:"path"`
	}
	refused struct {
		Error string `json:"error"`
	}
)

func (s *Server) answer(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		s.config.Logger.Error("an answer of the operations listener cannot be written as JSON", "error", err)
		code, text = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // a client that left does not want it
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if s.state.Load() == stateServing {
		s.answer(w, http.StatusOK, ready{Status: "serving"})
		return
	}
	s.answer(w, http.StatusServiceUnavailable, ready{Status: "not serving"})
}

func (s *Server) serveClockConfirm(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, confirmed{Clock: s.service.guard.Confirm().UTC()})
}

func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	if s.config.Backup == nil {
		s.answer(w, http.StatusNotImplemented, refused{"this server was not told where to put backups"})
		return
	}
	var wanted backupWanted
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, opsBodyBytes))
	body.DisallowUnknownFields()
	if err := body.Decode(&wanted); err != nil {
		s.answer(w, http.StatusBadRequest, refused{fmt.Sprintf(`want {"name": "..."}: %v`, err)})
		return
	}
	if body.More() {
		s.answer(w, http.StatusBadRequest, refused{`want {"name": "..."} and nothing after it`})
		return
	}
	if problem := backupNameProblem(wanted.Name); problem != "" {
		s.answer(w, http.StatusBadRequest, refused{"name " + problem})
		return
	}
	if !s.backupMu.TryLock() {
		s.answer(w, http.StatusConflict, refused{"another backup is being made; try again"})
		return
	}
	defer s.backupMu.Unlock()
	// It takes as long as the disk needs, bounded by the request's context.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		s.config.Logger.Warn("a backup may take longer than its answer can wait", "error", err)
	}
	path, err := s.config.Backup(r.Context(), wanted.Name)
	if err != nil {
		s.config.Logger.Error("a backup was not made", "name", wanted.Name, "error", err)
		s.answer(w, http.StatusInternalServerError, refused{err.Error()})
		return
	}
	s.config.Logger.Info("a backup was made", "path", path)
	s.answer(w, http.StatusOK, backedUp{Path: path})
}

// backupNameProblem says why a name cannot be that of a directory in the place
// for backups. Empty: it can.
func backupNameProblem(name string) string {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	switch {
	case name == "":
		return fmt.Sprintf("is empty; give 1 to %d bytes", backupNameBytes)
	case len(name) > backupNameBytes:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(name), backupNameBytes)
	case strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(allowed, r) }):
		return "may have letters, digits, dots, dashes and underscores only"
	case name[0] == '.' || name[0] == '-':
		return "must begin with a letter, a digit or an underscore"
	}
	return ""
}

// serveOps serves the operations listener until ctx ends.
func (s *Server) serveOps(ctx context.Context) error {
	ops := s.newOps(ctx)
	served := lifecycle.Async(func() error { return ops.Serve(s.opsListener) })
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), opsStopTimeout)
	defer cancel()
	err := ops.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Logger.Warn("requests to the operations listener were cut", "after", opsStopTimeout)
		err = ops.Close()
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
