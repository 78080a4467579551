package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage/embedded"
)

// greet prints where the server is, what it runs with, and what to try next.
func (a *app) greet(s *server.Server, store *embedded.Store, c server.Config, o *serveOptions) {
	addr, ops := s.Addr().String(), s.OpsAddr().String()
	info := store.Info()
	security := "without TLS"
	if c.TLS.Cert != "" {
		security = "TLS 1.3"
	}
	if c.TLS.ClientCA != "" {
		security += ", client certificates required"
	}
	out := func(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }
	out("stet %s (%s) serves %s", version, runtime.Version(), o.data)
	out("  listening on      %s (gRPC, %s)", addr, security)
	scheme := "http"
	if c.TLS.Cert != "" {
		scheme = "https"
	}
	out("  aggregates on     %s://%s (HTTP and JSON)", scheme, s.HTTPAddr())
	out("  operations on     http://%s (/metrics, /healthz, /readyz, /config)", ops)
	if c.Keys.Open() {
		out("  keys              NONE: whoever reaches these addresses may do everything (see --keys)")
	} else {
		out("  keys              %d", c.Keys.Len())
	}
	out("  log               head %s, history %v, durability %s, format %d", console.Grouped(uint64(store.Head())), info.History, info.Durability, info.Format)
	out("  backups           %s", o.backupDir)
	out("  drain timeout     %v", c.DrainTimeout)
	out("  memory            block cache %d MiB; the heap %s", o.cache, o.heap)
	out("  disk floor        %d MiB", o.diskFloor)
	l := c.Limits
	out("  an event          %s bytes, type %d, metadata %d entries and %s bytes, %d tags of %d bytes",
		console.Grouped(l.EventBytes), l.TypeBytes, l.MetadataEntries, console.Grouped(l.MetadataBytes), l.Tags, l.TagBytes)
	out("  a request         %s bytes, %s events, %s streams; its id is known for %v", console.Grouped(l.RequestBytes), console.Grouped(l.RequestEvents), console.Grouped(l.RequestEntries), l.RequestWindow())
	out("  at a time         %s connections, %s calls on each, %s calls in all, %s subscriptions, %s pipelines, %s appends in each",
		console.Grouped(c.Connections), console.Grouped(c.StreamsPerConnection), console.Grouped(c.Calls), console.Grouped(c.Subscriptions), console.Grouped(c.Pipelines), console.Grouped(c.PipelineInFlight))
	a.suggest(out, addr, c)
}

// suggest prints commands that work as they stand.
func (a *app) suggest(out func(string, ...any), addr string, c server.Config) {
	flags, plain := "", "-plaintext "
	if addr != server.DefaultListen {
		flags = " --addr " + addr
	}
	if c.TLS.Cert != "" {
		flags += " --tls-ca CA.pem"
		plain = "-cacert CA.pem "
	}
	// Called by its path, as make run does, it may not be found without.
	stet := "stet"
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		stet = os.Args[0]
	}
	out("Try in another terminal:")
	out(`  %s append cart-1 --type ItemAdded --json-data '{"sku":"A1"}'%s`, stet, flags)
	out("  %s read cart-1%s", stet, flags)
	out("  %s tail --all%s", stet, flags)
	out(`  grpcurl %s-d '{"stream":"cart-1"}' %s stet.v1.EventStore/ReadStream`, plain, addr)
	out("Stop with Ctrl-C.")
}
