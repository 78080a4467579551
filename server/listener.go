package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/storage"
)

// lookupTimeout bounds the look-up of a listener's host name.
const lookupTimeout = 5 * time.Second

// addressFaults checks the address of a listener. One beyond loopback is a
// fault unless it is allowed, with what is missing and the advice given.
func addressFaults(ctx context.Context, field, address string, allowed bool, missing, advice string) []storage.Violation {
	fault := func(format string, args ...any) []storage.Violation {
		return []storage.Violation{{Field: field, Problem: fmt.Sprintf(format, args...)}}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fault("is %q; want HOST:PORT", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fault("has the port %q; want 0 to 65535, 0 for any free one", port)
	}
	if allowed {
		return nil
	}
	beyond, err := beyondLoopback(ctx, host, net.DefaultResolver.LookupNetIP)
	switch {
	case err != nil:
		return fault("is %q, whose host cannot be looked up: %v", address, err)
	case beyond != "":
		return fault("is %q, which %s: others could read and write %s; %s", address, beyond, missing, advice)
	}
	return nil
}

// lookup is net.Resolver.LookupNetIP.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// beyondLoopback says how a host can be reached from other machines. Empty: it
// cannot.
func beyondLoopback(ctx context.Context, host string, lookup lookup) (how string, err error) {
	if host == "" {
		return "is every address of this machine", nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ipBeyondLoopback(ip), nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := lookup(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	for _, ip := range ips {
		if how := ipBeyondLoopback(ip); how != "" {
			return fmt.Sprintf("leads to %v, which %s", ip, how), nil
		}
	}
	return "", nil
}

func ipBeyondLoopback(ip netip.Addr) string {
	switch ip = ip.Unmap(); {
	case ip.IsLoopback():
		return ""
	case ip.IsUnspecified():
		return "is every address of this machine"
	default:
		return "is not a loopback address"
	}
}

// listen opens a listener that takes a bounded number of connections.
func listen(ctx context.Context, address string, limit int, logger *slog.Logger) (*boundedListener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return &boundedListener{Listener: l, limit: int64(limit), logger: logger}, nil
}

// boundedListener closes connections above its limit as soon as they come, so
// that they cost nothing and their clients know to try again.
type boundedListener struct {
	net.Listener
	limit  int64
	logger *slog.Logger

	open    atomic.Int64
	refused atomic.Uint64
	full    atomic.Bool // told in the log, until there is room again
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.limit {
			l.full.Store(false)
			return &boundedConn{Conn: conn, listener: l}, nil
		}
		l.open.Add(-1)
		l.refused.Add(1)
		if !l.full.Swap(true) {
			l.logger.Warn("connections are refused: too many are open", "listener", l.Addr().String(), "limit", l.limit)
		}
		_ = conn.Close() // it was never used, so there is nothing to lose
	}
}

// boundedConn gives its place back once, however often it is closed.
type boundedConn struct {
	net.Conn
	listener *boundedListener
	once     sync.Once
}

func (c *boundedConn) Close() error {
	c.once.Do(func() { c.listener.open.Add(-1) })
	return c.Conn.Close()
}
