package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/storage"
)

// Config is what a [Server] can be told. The zero value of a field means its
// default.
type Config struct {
	// Listen is the address of the gRPC listener; default 127.0.0.1:7838.
	Listen string
	// HTTPListen is the address of the HTTP listener; default 127.0.0.1:7839.
	HTTPListen string
	// OpsListen is the address of the operations listener, which speaks plain
	// HTTP; default 127.0.0.1:7840.
	OpsListen string
	// TLS names the files for the gRPC and the HTTP listener; default: no TLS.
	TLS TLSFiles
	// Insecure allows listeners beyond loopback without TLS, and without keys.
	Insecure bool
	// Keys guard all listeners; nil: they are open, on loopback only.
	Keys *keyring.Ring
	// CORSOrigins are the sites, as in https://example.com, whose pages may use
	// the HTTP listener; "*" is every site and wants keys. Default: none.
	CORSOrigins []string

	// DrainTimeout bounds the time that calls get to end when the server stops;
	// default 10 s, at most 10 min.
	DrainTimeout time.Duration
	// Limits bound requests.
	Limits storage.Limits
	// Connections bounds the open connections; default 1,000, at most 100,000.
	Connections int
	// StreamsPerConnection bounds the calls at a time on one connection;
	// default 1,000, at most 100,000.
	StreamsPerConnection int
	// Calls bounds the calls at a time over all connections, subscriptions and
	// pipelines included; default 20,000, at most 10,000,000.
	Calls int
	// Subscriptions bounds the subscriptions at a time; default 10,000, at most
	// 1,000,000.
	Subscriptions int
	// Pipelines bounds the append pipelines at a time; default 1,000, at most
	// 100,000.
	Pipelines int
	// PipelineInFlight bounds the unanswered appends of one pipeline; default
	// 1,024, at most 65,536.
	PipelineInFlight int

	// Logger gets what the server has to say; default: nowhere.
	Logger *slog.Logger
	// Version is that of the program, told to clients; default "dev".
	Version string
	// Clock gives the time; default: this machine's.
	Clock clock.Source
	// Snapshots keeps derived states of aggregates; nil: none are kept. Every
	// store of this module is one.
	Snapshots storage.SnapshotCache
	// Backup makes a backup with the given plain file name and tells where;
	// nil: the operations listener refuses to make one.
	Backup func(ctx context.Context, name string) (path string, err error)
}

// Defaults of addresses, which clients use too.
const (
	DefaultListen     = "127.0.0.1:7838"
	DefaultHTTPListen = "127.0.0.1:7839"
	DefaultOpsListen  = "127.0.0.1:7840"
)

// bound is the default and the ceiling of one number.
type bound struct {
	name              string
	value             *int
	standard, ceiling int
}

func (c *Config) bounds() []bound {
	return []bound{
		{"connections", &c.Connections, 1_000, 100_000},
		{"streams_per_connection", &c.StreamsPerConnection, 1_000, 100_000},
		{"calls", &c.Calls, 20_000, 10_000_000},
		{"subscriptions", &c.Subscriptions, 10_000, 1_000_000},
		{"pipelines", &c.Pipelines, 1_000, 100_000},
		{"pipeline_in_flight", &c.PipelineInFlight, 1_024, 65_536},
	}
}

const (
	defaultDrainTimeout = 10 * time.Second
	maxDrainTimeout     = 10 * time.Minute
)

// WithDefaults fills in the fields that are zero.
func (c Config) WithDefaults() Config {
	orString(&c.Listen, DefaultListen)
	orString(&c.HTTPListen, DefaultHTTPListen)
	orString(&c.OpsListen, DefaultOpsListen)
	orString(&c.Version, "dev")
	c.Limits = c.Limits.WithDefaults()
	for _, b := range c.bounds() {
		if *b.value == 0 {
			*b.value = b.standard
		}
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = defaultDrainTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	return c
}

func orString(s *string, standard string) {
	if *s == "" {
		*s = standard
	}
}

// Validate names all faults at once, in a [storage.InvalidError]. It looks up
// the names of hosts, so that one which leads beyond loopback is found.
func (c Config) Validate(ctx context.Context) error {
	faults := c.exposureFaults(ctx)
	faults = append(faults, c.TLS.faults()...)
	faults = append(faults, c.originFaults()...)
	for _, v := range c.Limits.Validate() {
		faults = append(faults, storage.Violation{Field: "limits." + v.Field, Problem: v.Problem})
	}
	for _, b := range c.bounds() {
		if *b.value < 1 || *b.value > b.ceiling {
			faults = append(faults, storage.Violation{Field: b.name, Problem: fmt.Sprintf("is %d; want 1 to %d", *b.value, b.ceiling)})
		}
	}
	if c.DrainTimeout < 0 || c.DrainTimeout > maxDrainTimeout {
		faults = append(faults, storage.Violation{Field: "drain_timeout", Problem: fmt.Sprintf("is %v; want up to %v", c.DrainTimeout, maxDrainTimeout)})
	}
	return storage.Invalid(faults...)
}

// exposureFaults refuse to serve others than this machine unless they are told
// apart, by keys or certificates, and nobody else can listen.
func (c *Config) exposureFaults(ctx context.Context) []storage.Violation {
	var faults []storage.Violation
	known := !c.Keys.Open() || c.TLS.ClientCA != ""
	for _, l := range []struct{ field, address string }{{"listen", c.Listen}, {"http_listen", c.HTTPListen}} {
		what, advice := "without TLS", "give a certificate and its key, or allow it as insecure"
		if c.TLS.enabled() {
			what, advice = "without a key", "give keys or an authority of client certificates, or allow it as insecure"
		}
		faults = append(faults, addressFaults(ctx, l.field, l.address, c.Insecure || c.TLS.enabled() && known, what, advice)...)
	}
	return append(faults, addressFaults(ctx, "ops_listen", c.OpsListen, c.Insecure, "without TLS",
		"the operations listener has no TLS; keep it on loopback, or allow it as insecure")...)
}

func (c *Config) originFaults() []storage.Violation {
	var faults []storage.Violation
	for i, origin := range c.CORSOrigins {
		field := fmt.Sprintf("cors_origins[%d]", i)
		if origin == "*" {
			if c.Keys.Open() {
				faults = append(faults, storage.Violation{Field: field, Problem: `is "*" and there are no keys: every page that a browser on this machine opens could read and write; name the sites, or give keys`})
			}
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			faults = append(faults, storage.Violation{Field: field, Problem: fmt.Sprintf(`is %.256q; want a scheme and a host as in https://example.com, or "*"`, origin)})
		}
	}
	return faults
}

// settings are the effective values as they are shown; there are no secrets
// among them.
func (c Config) settings() []slog.Attr {
	list := []slog.Attr{
		slog.String("version", c.Version),
		slog.String("listen", c.Listen),
		slog.String("http_listen", c.HTTPListen),
		slog.String("ops_listen", c.OpsListen),
		slog.Int("keys", c.Keys.Len()),
		slog.Any("cors_origins", c.CORSOrigins),
		slog.String("tls_cert", c.TLS.Cert),
		slog.String("tls_key", c.TLS.Key),
		slog.String("tls_client_ca", c.TLS.ClientCA),
		slog.Bool("insecure", c.Insecure),
		slog.String("drain_timeout", c.DrainTimeout.String()),
		slog.Bool("backup", c.Backup != nil),
	}
	for _, b := range c.bounds() {
		list = append(list, slog.Int(b.name, *b.value))
	}
	return append(list, slog.Any("limits", c.Limits))
}

// LogValue shows the effective configuration in a log.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.settings()...) }

// MarshalJSON shows the effective configuration on the operations listener.
func (c Config) MarshalJSON() ([]byte, error) {
	fields := make(map[string]any)
	for _, a := range c.settings() {
		fields[a.Key] = a.Value.Any()
	}
	return json.Marshal(fields)
}
