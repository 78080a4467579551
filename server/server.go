package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/server/httpapi"
	"github.com/stet-db/stet/server/inbound"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// Server serves one store: the API on the gRPC listener, aggregates also on the
// HTTP listener, and metrics, health and a few commands on the operations
// listener. Make it with [New], then
// [Server.Listen] and [Server.Run], each once.
type Server struct {
	// Immutable after New.
	config  Config
	store   storage.Store
	service *Service
	calls   *calls
	// arrivals are the calls, also before the interceptors see them.
	arrivals arrivals
	// inbound bounds what their messages hold before they are whole.
	inbound *inbound.Budget
	metrics *metrics
	health  *health.Server
	// certificates are nil without TLS.
	certificates *certificates

	options []grpc.ServerOption
	// services register what is served, in order.
	services []func(*grpc.Server) error
	// rpc is made by Run: from its beginning it has goroutines that wait for
	// calls, which only stopping it ends.
	rpc *grpc.Server

	stopTimeout time.Duration // handlerTimeout, but in tests
	bodyBytes   int64         // 0: the default of package httpapi, but in tests

	// Immutable after Listen.
	rpcListener, httpListener, opsListener *boundedListener
	api                                    *httpapi.API

	state    atomic.Int32
	backupMu sync.Mutex // held while a backup is made, taken with TryLock only
}

// States of a server.
const (
	stateStarting int32 = iota
	stateServing
	stateDraining
)

// New makes a server for the store, which stays the caller's to close after
// [Server.Run] has returned.
func New(store storage.Store, c Config) (*Server, error) {
	c = c.WithDefaults()
	if err := c.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	s := &Server{
		config: c, store: store,
		calls: newCalls(), metrics: newMetrics(), health: health.NewServer(),
		stopTimeout: handlerTimeout,
	}
	s.arrivals.limit = int64(c.Calls)
	s.inbound = inbound.New(inbound.Options{Bytes: unfinishedBytes, Resets: 2 * c.StreamsPerConnection, Logger: c.Logger})
	var err error
	if s.options, err = s.rpcOptions(); err != nil {
		return nil, err
	}
	s.service = NewService(store, ServiceOptions{
		Limits: c.Limits, Clock: c.Clock, Logger: c.Logger, Version: c.Version, StartedAt: c.Clock.Wall(),
		PipelineInFlight: c.PipelineInFlight, Pipelines: c.Pipelines, Subscriptions: c.Subscriptions,
	})
	s.services = []func(*grpc.Server) error{
		func(rpc *grpc.Server) error { s.service.Register(rpc); return nil },
		func(rpc *grpc.Server) error { healthv1.RegisterHealthServer(rpc, s.health); return nil },
		registerReflection,
	}
	s.metrics.registry.MustRegister(newScrape(s))
	return s, nil
}

func (s *Server) rpcOptions() ([]grpc.ServerOption, error) {
	options := append(limitOptions(s.config), chain(s.stages())...)
	options = append(options,
		grpc.InTapHandle(s.arrive),
		grpc.ForceServerCodecV2(wire.NewCodec(s.config.Limits)),
		grpc.WaitForHandlers(true), // the store may be closed once Run returns
	)
	secure := insecure.NewCredentials()
	if s.config.TLS.enabled() {
		certificates, err := loadCertificates(s.config.TLS, s.config.Clock, s.config.Logger)
		if err != nil {
			return nil, err
		}
		s.certificates, secure = certificates, credentials.NewTLS(certificates.config())
	}
	return append(options, grpc.Creds(s.inbound.Credentials(secure))), nil
}

// Listen reads the specification and opens all listeners, or none.
func (s *Server) Listen(ctx context.Context) error {
	if err := s.service.openAggregates(ctx, s.config.Snapshots); err != nil {
		return err
	}
	rpc, err := listen(ctx, s.config.Listen, s.config.Connections, s.config.Logger)
	if err != nil {
		return err
	}
	// A stream keeps its connection: however many are open, there is room for others.
	web, err := listen(ctx, s.config.HTTPListen, s.config.Connections+httpapi.DefaultStreams, s.config.Logger)
	if err != nil {
		return errors.Join(err, rpc.Close())
	}
	ops, err := listen(ctx, s.config.OpsListen, opsConnections, s.config.Logger)
	if err != nil {
		return errors.Join(err, rpc.Close(), web.Close())
	}
	s.rpcListener, s.httpListener, s.opsListener = rpc, web, ops
	s.api = s.newAPI()
	return nil
}

// Addr is where the gRPC listener listens.
func (s *Server) Addr() net.Addr { return s.rpcListener.Addr() }

// HTTPAddr is where the HTTP listener listens.
func (s *Server) HTTPAddr() net.Addr { return s.httpListener.Addr() }

// OpsAddr is where the operations listener listens.
func (s *Server) OpsAddr() net.Addr { return s.opsListener.Addr() }

// Run serves until ctx ends, then drains: what is in flight gets the time of
// Config.DrainTimeout to end (I11), and what is left then is cut and named in
// the log. It returns nil after that, and an error when a listener fails or a
// handler does not end. Nothing of the server runs any more after nil.
func (s *Server) Run(ctx context.Context) error {
	if err := s.noteLast(ctx); err != nil {
		return errors.Join(err, s.rpcListener.Close(), s.httpListener.Close(), s.opsListener.Close())
	}
	if err := s.makeRPC(); err != nil {
		return errors.Join(err, s.rpcListener.Close(), s.httpListener.Close(), s.opsListener.Close())
	}
	s.calls.know(s.rpc.GetServiceInfo())
	s.metrics.rpc.know(s.rpc.GetServiceInfo())
	s.config.Logger.Info("serving", "address", s.Addr().String(), "http_address", s.HTTPAddr().String(),
		"ops_address", s.OpsAddr().String(), "config", s.config)
	if s.config.Keys.Open() {
		s.config.Logger.Warn("NO KEYS are configured: whoever reaches a listener may read and write everything, change the specification and operate the server")
	}
	group := lifecycle.New(ctx)
	group.Go("operations listener", s.serveOps)      // stops last, so that a drain can be watched
	group.Go("aggregates", s.service.aggregates.Run) // stops when nobody asks any more
	group.Go("callers", s.serveCallers)
	return group.Wait()
}

// serveCallers serves gRPC and HTTP until ctx ends or one of them fails. Both
// drain at the same time.
func (s *Server) serveCallers(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serve := func(name string, run func(context.Context) error) <-chan error {
		return lifecycle.Async(func() error {
			defer stop()
			if err := run(ctx); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	rpc, web := serve("gRPC listener", s.serveRPC), serve("HTTP listener", s.serveHTTP)
	return errors.Join(<-rpc, <-web)
}

// makeRPC makes the gRPC server with its services.
func (s *Server) makeRPC() error {
	s.rpc = grpc.NewServer(s.options...)
	for _, register := range s.services {
		if err := register(s.rpc); err != nil {
			s.rpc.Stop()
			return err
		}
	}
	return nil
}

// noteLast tells the guard of the clock how far recorded times have come.
func (s *Server) noteLast(ctx context.Context) error {
	head := s.store.Head()
	if head == 0 {
		return nil
	}
	last, err := s.store.RecordedAt(ctx, head)
	if err != nil {
		return fmt.Errorf("read the last recorded time: %w", err)
	}
	s.service.guard.NoteLast(last)
	return nil
}

// serveRPC serves the gRPC listener until ctx ends.
func (s *Server) serveRPC(ctx context.Context) error {
	for _, name := range append([]string{""}, ownServices...) {
		s.health.SetServingStatus(name, healthv1.HealthCheckResponse_SERVING)
	}
	s.state.Store(stateServing)
	served := lifecycle.Async(func() error { return s.rpc.Serve(s.rpcListener) })
	select {
	case err := <-served:
		s.state.Store(stateDraining)
		s.service.Drain()
		return errors.Join(err, s.stop())
	case <-ctx.Done():
	}
	if err := s.drain(); err != nil {
		return err
	}
	s.service.Wait()
	if err := <-served; !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil // ctx had ended before Serve began
}
