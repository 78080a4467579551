package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stet-db/stet/client/internal/transport"
)

// Options says how to connect and how to repeat. The zero value suits a server
// on the same machine, and one elsewhere whose certificate the system trusts.
type Options struct {
	// Insecure connects without TLS to an address beyond this machine. To a
	// loopback address or a Unix socket the client always does so, unless one of
	// the TLS options is set.
	Insecure bool
	// TLS is the configuration to use as it is; the files below are then not
	// allowed. nil: TLS 1.3 with the files below and the system's authorities.
	TLS *tls.Config
	// CAFile holds the certificates, PEM, that the server's must be signed by.
	// Empty: the system's.
	CAFile string
	// CertFile and KeyFile hold the client's own certificate and key, PEM, for a
	// server that asks for one.
	CertFile, KeyFile string
	// ServerName is the name expected in the server's certificate. Empty: the
	// address's host.
	ServerName string
	// Key is the bearer key to show with every call, for a server that has keys.
	// Without TLS everybody on the way can read it.
	Key string

	// Attempts bounds how often one request is sent; 0: 5; 1: never repeated.
	Attempts int
	// BackoffBase is about the wait before the first repetition, doubled for
	// each further one up to BackoffMax. 0: 50 ms and 5 s.
	BackoffBase, BackoffMax time.Duration
	// NoRequestIDs keeps the client from making a request id for each append,
	// which costs the server a row for 7 days. Then an append is repeated after a
	// doubtful failure only when all its expectations are exact versions (or no
	// stream): the client makes the missing event ids, and the server recognises
	// the events it wrote.
	NoRequestIDs bool
	// RequestBytes is the server's bound on one request; 0: 8 MiB. The client
	// refuses by itself only what is too large for the server to receive at all.
	RequestBytes int
}

const (
	maxAttempts  = 100
	maxBackoff   = time.Hour
	serverAllows = 64 << 20 // the most that a server can be told to take
)

func (o Options) withDefaults() Options {
	if o.Attempts == 0 {
		o.Attempts = 5
	}
	if o.BackoffBase == 0 {
		o.BackoffBase = 50 * time.Millisecond
	}
	if o.BackoffMax == 0 {
		o.BackoffMax = max(5*time.Second, o.BackoffBase)
	}
	if o.RequestBytes == 0 {
		o.RequestBytes = 8 << 20
	}
	return o
}

// Validate names all faults at once.
func (o Options) Validate() error {
	o = o.withDefaults()
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	files := o.CAFile != "" || o.CertFile != "" || o.KeyFile != "" || o.ServerName != ""
	fault(o.Insecure && (o.TLS != nil || files), "insecure is set together with TLS options; choose one")
	fault(o.TLS != nil && files, "a TLS configuration is given together with files or a server name; choose one")
	fault((o.CertFile == "") != (o.KeyFile == ""), "certificate and key belong together; give both or none")
	fault(strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }), "the key holds blanks, or more than ASCII")
	fault(o.Attempts < 1 || o.Attempts > maxAttempts, "attempts is %d; want 1 to %d", o.Attempts, maxAttempts)
	fault(o.BackoffBase < 0 || o.BackoffMax > maxBackoff || o.BackoffBase > o.BackoffMax,
		"back-off is %v up to %v; want 0 to %v, rising", o.BackoffBase, o.BackoffMax, maxBackoff)
	fault(o.RequestBytes < 1 || o.RequestBytes > serverAllows, "request bytes is %d; want 1 to %d", o.RequestBytes, serverAllows)
	return errors.Join(faults...)
}

// transport is what concerns the connection.
func (o Options) transport() transport.Options {
	return transport.Options{
		Insecure: o.Insecure, TLS: o.TLS, CAFile: o.CAFile, CertFile: o.CertFile, KeyFile: o.KeyFile, ServerName: o.ServerName,
		Key: o.Key, BackoffBase: o.BackoffBase, BackoffMax: o.BackoffMax,
	}
}
