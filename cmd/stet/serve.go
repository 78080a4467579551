package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/cmd/stet/limitfile"
	"github.com/stet-db/stet/internal/heap"
	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/sequencer"
)

// fileSystem is where serve keeps the log; nil: the machine's. Tests put one
// here whose disk fails.
var fileSystem embedded.FileSystem

// serveOptions are the flags of serve.
type serveOptions struct {
	data, backupDir string
	limitsFile      string
	keysFile        string
	cache           int64
	diskFloor       int64
	logLevel        string
	logFormat       string
	config          server.Config
	// heap tells how Go's heap grows, see package heap.
	heap string
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Serve the log in the data directory, which is made if it is not there, until
SIGTERM or SIGINT. Then nothing new is taken, what is in flight ends, and the
exit code is 0; a second signal ends at once. Whatever happens, an append that
was answered is on disk. When the disk fails to sync a commit the process ends
at once with exit code 70; start it again to see what is there.

Logs go to stderr. A listener beyond this machine needs TLS and keys, or
--insecure. Without --keys everybody on this machine may do everything.`,
		Example: `  stet serve
  stet serve --data /var/lib/stet --listen 0.0.0.0:7838 --tls-cert cert.pem --tls-key key.pem --keys keys.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), &o) },
	}
	f, c := cmd.Flags(), &o.config
	f.StringVar(&o.data, "data", "./data", "the data `DIR`ectory")
	f.StringVar(&c.Listen, "listen", server.DefaultListen, "`HOST:PORT` of the gRPC listener; port 0 takes a free one")
	f.StringVar(&c.HTTPListen, "http-listen", server.DefaultHTTPListen, "`HOST:PORT` of the HTTP listener: aggregates as JSON")
	f.StringVar(&c.OpsListen, "ops-listen", server.DefaultOpsListen, "`HOST:PORT` of the operations listener: metrics, health, backups")
	f.StringVar(&c.TLS.Cert, "tls-cert", "", "PEM `FILE` with the certificate of the gRPC and HTTP listeners, read again when it changes")
	f.StringVar(&c.TLS.Key, "tls-key", "", "PEM `FILE` with its key")
	f.StringVar(&c.TLS.ClientCA, "tls-client-ca", "", "PEM `FILE` of the authorities of client certificates; clients must then show one")
	f.StringVar(&o.keysFile, "keys", "", "JSON `FILE` with the keys of clients, which guard all listeners; see docs/operations.md (default: everybody on this machine may do everything)")
	f.StringSliceVar(&c.CORSOrigins, "cors-origin", nil, "`SITE` whose pages may use the HTTP listener, as in https://example.com; may be given several times")
	f.BoolVar(&c.Insecure, "insecure", false, "allow listeners beyond this machine without TLS, and without keys")
	f.DurationVar(&c.DrainTimeout, "drain-timeout", 10*time.Second, "`TIME` that calls get to end when the server stops")
	f.StringVar(&o.backupDir, "backup-dir", "", "`DIR`ectory for backups (default: the data directory's name with -backups)")
	f.StringVar(&o.limitsFile, "limits", "", "JSON `FILE` with bounds other than the default ones; see docs/cli.md")
	f.Int64Var(&o.cache, "cache", 0, "size of the block cache in `MIB`; 0: a 64th of the memory, 64 to 1024")
	f.Int64Var(&o.diskFloor, "disk-floor", 256, "refuse appends when less than this many `MIB` of disk are free")
	f.StringVar(&o.logLevel, "log-level", "info", "least `LEVEL` to log: debug, info, warn, error")
	f.StringVar(&o.logFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	return cmd
}

func (a *app) serve(ctx context.Context, o *serveOptions) error {
	logger, err := a.logger(o.logLevel, o.logFormat)
	if err != nil {
		return err
	}
	config, writer, err := o.configure(logger)
	if err != nil {
		return err
	}
	// Before anything is made on disk.
	if err := config.Validate(ctx); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := config.TLS.Check(); err != nil {
		return err
	}
	if o.cache == 0 {
		o.cache = heap.Cache() >> 20
	}
	o.heap = heap.Tune(o.cache << 20)
	store, err := embedded.Open(o.data, embedded.Options{
		FS: fileSystem, Logger: logger, CacheBytes: o.cache << 20, DiskFloorBytes: o.diskFloor << 20, Writer: writer,
	})
	if err != nil {
		return err
	}
	config.Snapshots = store
	config.Backup = func(ctx context.Context, name string) (string, error) {
		path, err := filepath.Abs(filepath.Join(o.backupDir, name))
		if err != nil {
			return "", err
		}
		return path, store.Backup(ctx, path)
	}
	return errors.Join(a.serveStore(ctx, store, config, o), closing(store.Close()))
}

func closing(err error) error {
	if err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// serveStore serves an open store until the context ends.
func (a *app) serveStore(ctx context.Context, store *embedded.Store, config server.Config, o *serveOptions) error {
	s, err := server.New(store, config)
	if err != nil {
		return err
	}
	if err := s.Listen(ctx); err != nil {
		return err
	}
	a.greet(s, store, config, o)
	return s.Run(ctx)
}

// configure joins flags and limits file, and names all faults of the flags.
func (o *serveOptions) configure(logger *slog.Logger) (server.Config, sequencer.Options, error) {
	limits, err := limitfile.Read(o.limitsFile)
	if err != nil {
		return server.Config{}, sequencer.Options{}, err
	}
	if o.data == "" {
		return server.Config{}, sequencer.Options{}, console.Usage("--data is empty: name the data directory")
	}
	if o.cache < 0 || o.cache > 1<<20 {
		return server.Config{}, sequencer.Options{}, console.Usage(fmt.Sprintf("--cache %d: want 1 to %d MiB, or 0", o.cache, 1<<20))
	}
	if o.diskFloor < 1 || o.diskFloor > 1<<30 {
		return server.Config{}, sequencer.Options{}, console.Usage(fmt.Sprintf("--disk-floor %d: want 1 to %d MiB", o.diskFloor, 1<<30))
	}
	if o.backupDir == "" {
		o.backupDir = filepath.Clean(o.data) + "-backups"
	}
	c := o.config
	if o.keysFile != "" {
		if c.Keys, err = keyring.Load(o.keysFile); err != nil {
			return server.Config{}, sequencer.Options{}, err
		}
	}
	c.Logger, c.Version, c.Limits = logger, version, limits.Limits
	c.Connections, c.StreamsPerConnection = limits.Connections, limits.StreamsPerConnection
	c.Calls, c.Subscriptions = limits.Calls, limits.Subscriptions
	c.Pipelines, c.PipelineInFlight = limits.Pipelines, limits.PipelineInFlight
	return c.WithDefaults(), sequencer.Options{QueueLimit: limits.QueuedAppends, RequestIDLimit: uint64(limits.RequestIDs)}, nil
}

func (a *app) logger(level, format string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, console.Usage(fmt.Sprintf("--log-level %q: want debug, info, warn or error", level))
	}
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(a.stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.stderr, options)), nil
	default:
		return nil, console.Usage(fmt.Sprintf("--log-format %q: want text or json", format))
	}
}
