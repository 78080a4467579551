package aggregate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/storage"
)

// Clock stamps appends; *clock.Guard does.
type Clock interface {
	// Stamp is the time of one append, or a [storage.ClockError] while the clock
	// cannot be believed.
	Stamp() (storage.Instant, error)
}

// Options configure a service. Clock is required; the zero value of the rest
// means its default.
type Options struct {
	// Clock gives the time of appends.
	Clock Clock
	// Limits bound requests and what they write.
	Limits storage.Limits
	// Logger gets what handlers warn of, once per handler, and what happens in
	// the background; default: nowhere.
	Logger *slog.Logger
	// Snapshots keeps derived states; nil: none are kept.
	Snapshots storage.SnapshotCache
	// SnapshotQueue bounds the snapshots waiting to be made, whose states are in
	// memory meanwhile; more are not made; default 64.
	SnapshotQueue int
	// PageBytes bounds the data that one answer has in memory: a page of events,
	// steps or states ends with the item that reaches it, whatever its limit;
	// default 16 MiB.
	PageBytes int
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.WithDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SnapshotQueue == 0 {
		o.SnapshotQueue = 64
	}
	if o.PageBytes == 0 {
		o.PageBytes = 16 << 20
	}
	return o
}

// Service answers questions about aggregates and writes their events. All
// methods are safe for concurrent use.
type Service struct {
	// Immutable.
	store storage.Store
	o     Options

	current   atomic.Pointer[rulebook]
	following sync.Mutex // held while current is brought up to date, or a specification is put
	locks     locks
	snapshots snapshotter
	told      toldOnce
}

// Open makes a service of the store, under the specification that the store
// holds. Call [Service.Run] for it to work in the background.
func Open(ctx context.Context, store storage.Store, o Options) (*Service, error) {
	if o.Clock == nil {
		return nil, errors.New("open aggregates: no clock was given")
	}
	s := &Service{store: store, o: o.withDefaults()}
	s.snapshots.open(s)
	s.current.Store(noRules())
	if err := s.refresh(ctx); err != nil {
		return nil, fmt.Errorf("open aggregates: %w", err)
	}
	return s, nil
}

// Run follows the specification and makes snapshots until ctx ends. Without it
// everything is answered all the same: a specification put through this service
// is in force at once.
func (s *Service) Run(ctx context.Context) error {
	g := lifecycle.New(ctx)
	g.Go("specification", s.followLoop)
	g.Go("snapshots", s.snapshots.workLoop)
	return g.Wait()
}
