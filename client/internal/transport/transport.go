package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Options are those of the client that concern the connection, checked and with
// their defaults.
type Options struct {
	// Insecure, TLS and the files say how the server is trusted.
	Insecure                              bool
	TLS                                   *tls.Config
	CAFile, CertFile, KeyFile, ServerName string
	// Key is shown with every call; empty: none.
	Key string
	// BackoffBase and BackoffMax bound the wait between attempts to connect.
	BackoffBase, BackoffMax time.Duration
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

// Dial prepares a connection; the first call makes it. Errors are those of the
// options.
func Dial(addr string, o Options) (*grpc.ClientConn, error) {
	secrets, err := o.credentials(addr)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(addr,
		grpc.WithTransportCredentials(secrets),
		grpc.WithPerRPCCredentials(bearer(o.Key)),
		grpc.WithDisableServiceConfig(), // repetition is decided by the client, by reason
		grpc.WithUserAgent("stet-go"),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(newCodec())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveEvery, Timeout: keepaliveTimeout}),
		grpc.WithStaticStreamWindowSize(callWindow),
		grpc.WithStaticConnWindowSize(connectionWindow),
		grpc.WithConnectParams(grpc.ConnectParams{
			// While this lasts, calls fail at once and the client's own back-off paces them.
			Backoff:           backoff.Config{BaseDelay: o.BackoffBase, Multiplier: 1.6, Jitter: 0.2, MaxDelay: o.BackoffMax},
			MinConnectTimeout: 5 * time.Second,
		}),
	)
}

// Plain tells whether to connect without TLS.
func (o Options) Plain(addr string) bool {
	if o.TLS != nil || o.CAFile != "" || o.CertFile != "" || o.ServerName != "" {
		return false
	}
	return o.Insecure || isLocal(addr)
}

func (o Options) credentials(addr string) (credentials.TransportCredentials, error) {
	if o.Plain(addr) {
		return insecure.NewCredentials(), nil
	}
	if o.TLS != nil {
		return credentials.NewTLS(o.TLS.Clone()), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: o.ServerName}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("certificates of the authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificates of the authority: %s holds no PEM certificate", o.CAFile)
		}
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate of the client: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}

// bearer shows a key with every call; empty: none.
type bearer string

// GetRequestMetadata is [credentials.PerRPCCredentials.GetRequestMetadata].
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b == "" {
		return nil, nil
	}
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false, because whether there is TLS was decided
// before: by the address, or by [Options].
func (bearer) RequireTransportSecurity() bool { return false }

// isLocal tells whether an address cannot be reached from another machine.
func isLocal(addr string) bool {
	if strings.HasPrefix(addr, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
