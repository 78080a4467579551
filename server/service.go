package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/server/aggregates"
	"github.com/stet-db/stet/storage"
)

// ServiceOptions tune a [Service]. The zero value of a field means its
// default.
type ServiceOptions struct {
	// Limits bound requests.
	Limits storage.Limits
	// Clock gives the time of appends; default: this machine's.
	Clock clock.Source
	// Logger gets the texts of errors that clients are not told; default:
	// nowhere.
	Logger *slog.Logger
	// Version is that of the program, told to clients; default "dev".
	Version string
	// StartedAt is told to clients; default: now.
	StartedAt time.Time
	// PipelineInFlight bounds the unanswered appends of one pipeline; default
	// 1,024.
	PipelineInFlight int
	// Pipelines bounds the append pipelines at a time; default 1,000.
	Pipelines int
	// Subscriptions bounds the subscriptions at a time; default 10,000.
	Subscriptions int
	// ProgressEvery is the time between two progress messages of a
	// subscription; default 5 s.
	ProgressEvery time.Duration
}

func (o ServiceOptions) withDefaults() ServiceOptions {
	o.Limits = o.Limits.WithDefaults()
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.StartedAt.IsZero() {
		o.StartedAt = o.Clock.Wall()
	}
	if o.PipelineInFlight == 0 {
		o.PipelineInFlight = 1_024
	}
	if o.Pipelines == 0 {
		o.Pipelines = 1_000
	}
	if o.Subscriptions == 0 {
		o.Subscriptions = 10_000
	}
	if o.ProgressEvery == 0 {
		o.ProgressEvery = 5 * time.Second
	}
	return o
}

// Service answers the calls of stet.v1.EventStore, and hands those of
// stet.v1.Aggregates to package aggregates. The methods of both return domain
// errors; the descriptors they are registered with turn them into statuses.
type Service struct {
	// Immutable.
	store storage.Store
	o     ServiceOptions
	guard *clock.Guard
	// aggregates hold appends to the rules of the specification; nil before
	// openAggregates, when there are no rules.
	aggregates *aggregate.Service
	// governing answers the calls of stet.v1.Aggregates; set with aggregates.
	governing *aggregates.API

	// draining is closed by the first Drain.
	draining  chan struct{}
	drainOnce sync.Once

	commitFailed sync.Once // logs it, see logInternal

	// receivers are the goroutines that receive requests of streaming calls.
	receivers sync.WaitGroup
	// subscriptions and pipelines are the places for those calls.
	subscriptions, pipelines *places
}

// NewService makes a service of the store.
func NewService(store storage.Store, o ServiceOptions) *Service {
	o = o.withDefaults()
	return &Service{
		store:    store,
		o:        o,
		guard:    clock.New(o.Clock, o.Logger),
		draining: make(chan struct{}),

		subscriptions: newPlaces("subscriptions", ReasonTooManySubscriptions, o.Subscriptions),
		pipelines:     newPlaces("pipelines", ReasonTooManyPipelines, o.Pipelines),
	}
}

// openAggregates reads the specification that the store holds. From then on all
// appends are held to it. It is called before the service is registered.
func (s *Service) openAggregates(ctx context.Context, snapshots storage.SnapshotCache) (err error) {
	s.aggregates, err = aggregate.Open(ctx, s.store, aggregate.Options{
		Clock: s.guard, Limits: s.o.Limits, Logger: s.o.Logger, Snapshots: snapshots,
	})
	s.governing = aggregates.New(s.aggregates, s.isDraining)
	return err
}

// Register adds both services to a server, which must have been made with the
// codec of package wire for the same limits.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	registrar.RegisterService(serviceDesc(), s)
	registrar.RegisterService(aggregatesDesc(), s)
}

// Drain makes appends fail with [storage.ErrShuttingDown], and ends pipelines
// once what they received is answered, and subscriptions after a last
// progress (invariant I11). It returns at once and may be called again.
func (s *Service) Drain() {
	s.drainOnce.Do(func() { close(s.draining) })
}

// Wait returns when no goroutine of the service is left. Call it when the
// server has stopped.
func (s *Service) Wait() { s.receivers.Wait() }

// isDraining tells whether Drain was called.
func (s *Service) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// failed turns the error of a call into its status. What a client is not told
// is logged here, once.
func (s *Service) failed(ctx context.Context, method string, err error) error {
	refusal := statusOf(err)
	s.logInternal(ctx, method, status.Code(refusal), err)
	return refusal
}

// logInternal logs errors that need somebody's attention: their texts are not
// sent, or they tell of damage.
func (s *Service) logInternal(ctx context.Context, method string, code codes.Code, err error) {
	switch code {
	case codes.Internal, codes.DataLoss:
		s.o.Logger.ErrorContext(ctx, "call failed", "method", method, "error", err)
	}
	if e, ok := errors.AsType[*storage.OutcomeUnknownError](err); ok {
		// Everybody who waits has the same failure, and the process ends with it:
		// one line tells all, on a disk that may be full.
		s.commitFailed.Do(func() {
			s.o.Logger.ErrorContext(ctx, "commit failed", "method", method, "error", e.Cause)
		})
	}
}
