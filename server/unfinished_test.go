package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// stopping announces requests of 8 MiB, sends all but the last byte of each and
// waits, on one connection, which honours the windows that the server opens.
type stopping struct {
	transport *http.Transport

	mu     sync.Mutex
	closed bool       // guarded by mu
	conns  []net.Conn // guarded by mu; more than one when the server closed one
}

// newStopping is without TLS where config is nil. A transport writes to its
// configuration, so each has its own.
func newStopping(config *tls.Config) *stopping {
	s := &stopping{}
	s.transport = &http.Transport{TLSClientConfig: config.Clone(), DialContext: s.dial, Protocols: &http.Protocols{}}
	s.transport.Protocols.SetHTTP2(config != nil)
	s.transport.Protocols.SetUnencryptedHTTP2(config == nil)
	return s
}

func (s *stopping) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	s.conns = append(s.conns, conn)
	return conn, nil
}

// close closes its connections. Requests that come later fail.
func (s *stopping) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, conn := range s.conns {
		_ = conn.Close() // the server may have closed it
	}
}

const stoppingBytes = 8 << 20

// request is one of them; it returns when the server or ctx has ended it.
func (s *stopping) request(ctx context.Context, scheme, addr string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body := &stoppingBody{ctx: ctx, next: announced(stoppingBytes), left: stoppingBytes - 1}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, scheme+"://"+addr+appendMethod, body)
	if err != nil {
		panic(err) // of the test's own making
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	if answer, err := s.transport.RoundTrip(r); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body) // ends as the call does
		_ = answer.Body.Close()                 // nothing to lose
	}
}

// stoppingBody is the body of a request that stops before its end.
type stoppingBody struct {
	ctx  context.Context
	next []byte
	left int
}

func (b *stoppingBody) Read(p []byte) (int, error) {
	if len(b.next) > 0 {
		n := copy(p, b.next)
		b.next = b.next[n:]
		return n, nil
	}
	n := min(len(p), b.left)
	if n == 0 {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	b.left -= n
	return n, nil
}

func (b *stoppingBody) Close() error { return nil }

// bodiesThatStop begin so many large requests that they would hold fifty times
// what they may. Connections are closed; who comes again is closed again.
func bodiesThatStop(c *crowd) {
	const conns, each, most = 10, 20, 400
	for range conns {
		client := newStopping(nil)
		c.ends = append(c.ends, client.close)
		for range each {
			c.group.Go(func() {
				for c.ctx.Err() == nil {
					if c.did.Add(1) > most {
						<-c.ctx.Done()
						return
					}
					client.request(c.ctx, "http", c.s.Addr().String())
				}
			})
		}
	}
	full := c.s.inbound.Stats().Full
	c.s.until("closed", func() bool { return c.s.inbound.Stats().Full > full })
}

// TestRequestsThatNeverEndHoldNoMoreThanTheirBound: 200 calls, each within its
// own limit, would hold 1.6 GB for a minute. With TLS and without.
func TestRequestsThatNeverEndHoldNoMoreThanTheirBound(t *testing.T) {
	const bound, ceiling = 64 << 20, 256 << 20
	a := newAuthority(t)
	for name, secure := range map[string]bool{"without TLS": false, "with TLS": true} {
		t.Run(name, func(t *testing.T) {
			scheme, config := "http", (*tls.Config)(nil)
			s := serve(t, nil, func(c *Config) {
				if secure {
					c.TLS = secured(t, a, "server")
				}
			}, func(server *Server) { server.inbound.Bound(bound) })
			honest := s.client
			if secure {
				scheme, config = "https", &tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1", NextProtos: []string{"h2"}}
				honest = func() stetv1.EventStoreClient {
					return stetv1.NewEventStoreClient(dial(t, s.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(config))))
				}
			}
			ctx, stop := context.WithCancel(context.Background())
			c := &crowd{s: &siege{serving: s, t: t}, t: t, ctx: ctx}
			for range 10 {
				client := newStopping(config)
				c.ends = append(c.ends, client.close)
				for range 20 {
					c.group.Go(func() { client.request(ctx, scheme, s.Addr().String()) })
				}
			}
			s.until("closing connections", func() bool { return s.inbound.Stats().Full >= 9 })
			live, held := liveHeap(ceiling), s.inbound.Stats().Held
			t.Logf("%d MiB are live and %d are held, %d connections were closed", live>>20, held>>20, s.inbound.Stats().Full)
			if live > ceiling || held > bound+1<<20 {
				t.Errorf("want at most %d MiB and %d", ceiling>>20, bound>>20)
			}
			if _, err := honest().Append(waiting(t), oneEvent("cart-1")); err != nil {
				t.Error(err)
			}
			c.leave(stop)
			s.until("without what they held", func() bool { return s.inbound.Stats().Held == 0 })
			large := oneEvent("cart-1")
			large.Events[0].Payload = &stetv1.NewEvent_Binary{Binary: make([]byte, 1<<19)}
			if _, err := honest().Append(waiting(t), large); err != nil {
				t.Error(err)
			}
			if held := s.inbound.Stats().Held; held != 0 {
				t.Errorf("%d bytes are held of what came whole", held)
			}
		})
	}
}
