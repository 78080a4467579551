package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/stet-db/stet/client/internal/pacing"
	"github.com/stet-db/stet/client/internal/transport"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Client is a connection to one server. Safe for concurrent use; immutable
// after [Dial].
type Client struct {
	options    Options
	api        stetv1.EventStoreClient
	aggregates stetv1.AggregatesClient
	backoff    pacing.Exponential
	// life ends with close, which does its work once.
	life  context.Context
	close func() error
	// sleep waits for d or until ctx ends, whose error it returns then.
	sleep func(ctx context.Context, d time.Duration) error
}

// Dial prepares a client for the server at addr, "host:port" or "unix:path". It
// does not wait for a connection: the first call makes it, and an unreachable
// server shows there as [*Unavailable].
func Dial(addr string, o Options) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	if !strings.HasPrefix(addr, "unix:") {
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			return nil, fmt.Errorf("dial %q: want host:port, for example 127.0.0.1:7838", addr)
		}
	}
	o = o.withDefaults()
	conn, err := transport.Dial(addr, o.transport())
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	life, end := context.WithCancel(context.Background())
	return &Client{
		life: life,
		close: sync.OnceValue(func() error {
			end()
			return conn.Close()
		}),
		options:    o,
		api:        stetv1.NewEventStoreClient(conn),
		aggregates: stetv1.NewAggregatesClient(conn),
		backoff:    pacing.Exponential{Base: o.BackoffBase, Most: o.BackoffMax, Random: rand.Float64},
		sleep:      pacing.Sleep,
	}, nil
}

// Close ends the connection. Calls, reads, pipelines and subscriptions that
// are under way fail. Close a [Pipeline] first to have its appends answered.
// Further calls of Close return the same.
func (c *Client) Close() error { return c.close() }

// during runs a long task so that Close ends it, too, with [ErrClosed].
func (c *Client) during(ctx context.Context, run func(context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	err := run(inner)
	if ctx.Err() == nil && inner.Err() != nil && !errors.Is(err, errStopped) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
