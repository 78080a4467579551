package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/storage"
)

// TLSFiles names the files of the TLS of the gRPC and HTTP listeners, all PEM. They are read
// again when they change.
type TLSFiles struct {
	// Cert is the certificate with its chain, Key its private key.
	Cert, Key string
	// ClientCA holds the authorities of client certificates; when it is given,
	// a client must show one.
	ClientCA string
}

func (f TLSFiles) enabled() bool { return f != TLSFiles{} }

func (f TLSFiles) faults() []storage.Violation {
	if f.enabled() && (f.Cert == "" || f.Key == "") {
		return []storage.Violation{{Field: "tls", Problem: "is incomplete; give both a certificate and its key"}}
	}
	return nil
}

// Check tells whether the files, if any, can be used.
func (f TLSFiles) Check() error {
	if !f.enabled() {
		return nil
	}
	_, err := f.load()
	return err
}

// reloadInterval is how often, at most, a handshake looks at the files.
const reloadInterval = time.Second

// certificates hold the listener's TLS configuration and renew it when the
// files change. When what it finds then is broken, as between the writing of
// certificate and key, it stays with what it had.
type certificates struct {
	files  TLSFiles
	clock  clock.Source
	logger *slog.Logger

	current atomic.Pointer[tls.Config]

	mu      sync.Mutex // taken with TryLock only, so no handshake waits for another's files
	checked time.Duration
	seen    fileStamps // of the files that current was made from
	failing bool       // the last look found files that are not usable,
	broken  fileStamps // which was reported for these
}

// fileStamps tell whether a file was changed.
type fileStamps [3]fileStamp

type fileStamp struct {
	size     int64
	modified time.Time
}

func loadCertificates(files TLSFiles, source clock.Source, logger *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, clock: source, logger: logger, checked: source.Elapsed()}
	stamps, err := files.stamps()
	if err != nil {
		return nil, err
	}
	config, err := files.load()
	if err != nil {
		return nil, err
	}
	c.seen = stamps
	c.current.Store(config)
	return c, nil
}

// config is what the listener needs: each handshake asks for the newest.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if c.mu.TryLock() {
				c.renewLocked()
				c.mu.Unlock()
			}
			return c.current.Load(), nil
		},
	}
}

// httpConfig is the same for a listener that also speaks HTTP/1.1.
func (c *certificates) httpConfig() *tls.Config {
	config := c.config()
	newest := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config, err := newest(hello)
		if err != nil {
			return nil, err
		}
		config = config.Clone()
		config.NextProtos = []string{"h2", "http/1.1"}
		return config, nil
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	return config
}

func (c *certificates) renewLocked() {
	now := c.clock.Elapsed()
	if now-c.checked < reloadInterval {
		return
	}
	c.checked = now
	stamps, err := c.files.stamps()
	if err == nil && stamps == c.seen {
		c.failing = false
		return
	}
	var config *tls.Config
	if err == nil {
		config, err = c.files.load()
	}
	if err != nil {
		if !c.failing || stamps != c.broken {
			c.failing, c.broken = true, stamps
			c.logger.Error("the changed TLS files are not usable; the old ones stay in use", "error", err)
		}
		return
	}
	c.seen, c.failing = stamps, false
	c.current.Store(config)
	c.logger.Info("the TLS files were read again", "tls_cert", c.files.Cert)
}

func (f TLSFiles) stamps() (fileStamps, error) {
	var stamps fileStamps
	for i, name := range []string{f.Cert, f.Key, f.ClientCA} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return stamps, fmt.Errorf("tls: %w", err)
		}
		stamps[i] = fileStamp{info.Size(), info.ModTime()}
	}
	return stamps, nil
}

func (f TLSFiles) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2"},
		// A resumed session would outlive the authority that vouched for it,
		// and connections are too few to need resuming.
		SessionTicketsDisabled: true,
	}
	if f.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls: client authorities: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls: client authorities: %s holds no PEM certificate", f.ClientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
