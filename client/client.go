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

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Client is a connection to one server. Safe for concurrent use; immutable
// after [Dial].
type Client struct {
	options Options
	api     stetv1.EventStoreClient
	backoff exponential
	// life ends with close, which does its work once.
	life  context.Context
	close func() error
	// sleep waits for d or until ctx ends, whose error it returns then.
	sleep func(ctx context.Context, d time.Duration) error
}

// The server's keepalive enforcement wants at least 10 s between pings.
const (
	keepaliveEvery   = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
)

// What the server may send of one call, and of all calls of a connection,
// before it was read here. They are fixed: a window that adapts costs a ping,
// its answer and two wake-ups on each side for every answer of a quiet
// connection.
const (
	callWindow       = 2 << 20
	connectionWindow = 8 << 20
)

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
	secrets, err := o.credentials(addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	conn, err := grpc.NewClient(addr,
		grpc.WithTransportCredentials(secrets),
		grpc.WithDisableServiceConfig(), // repetition is decided here, by reason
		grpc.WithUserAgent("stet-go"),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(newCodec())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveEvery, Timeout: keepaliveTimeout}),
		grpc.WithStaticStreamWindowSize(callWindow),
		grpc.WithStaticConnWindowSize(connectionWindow),
		grpc.WithConnectParams(grpc.ConnectParams{
			// While this lasts, calls fail at once and our own back-off paces them.
			Backoff:           backoff.Config{BaseDelay: o.BackoffBase, Multiplier: 1.6, Jitter: 0.2, MaxDelay: o.BackoffMax},
			MinConnectTimeout: 5 * time.Second,
		}),
	)
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
		options: o,
		api:     stetv1.NewEventStoreClient(conn),
		backoff: exponential{base: o.BackoffBase, most: o.BackoffMax, random: rand.Float64},
		sleep:   sleep,
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

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
