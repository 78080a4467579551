package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/server/httpapi"
	"github.com/stet-db/stet/server/inbound"
	"github.com/stet-db/stet/storage"
)

// namespace is the prefix of all our metrics. docs/operations.md lists them,
// and a test compares.
const namespace = "stet"

// callSeconds are the buckets of the calls' times: from an append to a fast
// disk to a read of everything.
var callSeconds = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}

// metrics is the registry of one server and what counts by itself; the rest is
// read when somebody asks.
type metrics struct {
	registry *prometheus.Registry
	rpc      *rpcMetrics
	panics   prometheus.Counter
	web      *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		rpc:      newRPCMetrics(),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "recovered_panics_total",
			Help: "Panics of handlers, each a fault of the server; the log has their stacks.",
		}),
	}
	m.web = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "http_request_seconds", Buckets: callSeconds,
		Help: "Requests of the HTTP listener by route and status, and their time; streams last until they end.",
	}, []string{"route", "method", "code"})
	m.registry.MustRegister(m.panics, m.web, m.rpc.started, m.rpc.handled, m.rpc.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observeHTTP counts a request that has ended.
func (m *metrics) observeHTTP(route, method string, code int, took time.Duration) {
	m.web.WithLabelValues(route, method, strconv.Itoa(code)).Observe(took.Seconds())
}

// moment is what the readings of one scrape are taken from.
type moment struct {
	store    storage.Stats
	clock    clock.Stats
	rpc, ops *boundedListener
	http     *boundedListener
	api      httpapi.Stats
	config   *Config
	arrivals *arrivals
	inbound  inbound.Stats
	service  *Service
}

// reading is a metric without labels that is read when somebody asks.
type reading struct {
	name, help string
	kind       prometheus.ValueType
	value      func(m *moment) float64
}

// readings are all of them.
var readings = []reading{
	{"head_position", "Highest durable position of the log.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.Head) }},
	{"append_queue_length", "Appends waiting for the writer.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.Queued) }},
	{"append_queue_limit", "Bound of the queue; appends beyond it are refused with QUEUE_FULL.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.QueueLimit) }},
	{"appends_accepted_total", "Appends that were written.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.store.Accepted) }},
	{"appends_refused_total", "Appends that the writer refused, conflicts among them.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.store.Refused) }},
	{"appends_replayed_total", "Appends answered with the answer of an earlier identical request.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.store.Replayed) }},
	{"events_appended_total", "Events that were written.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.store.Events) }},
	{"commits_total", "Commits with a sync of their own.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.store.Batches) }},
	{"commit_seconds", "Median time of the latest commits until durable; 0: there was none.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.SyncMicros) / 1e6 }},
	{"request_ids", "Remembered request ids.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.RequestIDs) }},
	{"request_ids_limit", "Bound of the remembered request ids; appends with new ones are then refused with REQUEST_IDS_FULL.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.RequestIDLimit) }},
	{"disk_used_bytes", "Size of the store's files.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.DiskBytes) }},
	{"disk_free_bytes", "Space that the store's file system has left.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.DiskFreeBytes) }},
	{"tail_bytes", "Memory of the newest events, shared by live subscriptions.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.TailBytes) }},
	{"scrubbed_position", "How far the look for damage in the background has come.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.ScrubbedPosition) }},
	{"scrub_problems", "Places that it found damaged since the start; the log names them.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.store.ScrubProblems) }},
	{"clock_jumps_total", "Jumps of the wall clock by over a minute.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.clock.Jumps) }},
	{"clock_refusing", "1 while appends are refused because the clock jumped far ahead.", prometheus.GaugeValue, func(m *moment) float64 { return oneIf(m.clock.Refusing) }},
	{"connections", "Open connections of the gRPC listener.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.rpc.open.Load()) }},
	{"connections_limit", "Bound of the connections; those beyond it are closed at once.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.config.Connections) }},
	{"connections_refused_total", "Connections closed because too many were open.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.rpc.refused.Load()) }},
	{"calls", "Calls of all connections, from their headers to their end.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.arrivals.open.Load()) }},
	{"calls_limit", "Bound of the calls; those beyond it are refused with TOO_MANY_CALLS.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.config.Calls) }},
	{"calls_refused_total", "Calls refused because too many were running.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.arrivals.refused.Load()) }},
	{"unfinished_bytes", "Bytes of requests that have not come whole, on the gRPC listener.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.inbound.Held) }},
	{"unfinished_bytes_limit", "Bound of these bytes; when it is exceeded the connection that holds most of them is closed.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.inbound.Limit) }},
	{"connections_closed_full_total", "Connections closed because they held most of too many of these bytes.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.inbound.Full) }},
	{"connections_closed_resets_total", "Connections closed because their clients kept resetting calls before they were answered.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.inbound.Floods) }},
	{"subscriptions_limit", "Bound of the subscriptions; those beyond it are refused with TOO_MANY_SUBSCRIPTIONS.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.config.Subscriptions) }},
	{"subscriptions_refused_total", "Subscriptions refused because too many were running.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.service.subscriptions.refused.Load()) }},
	{"pipelines_limit", "Bound of the append pipelines; those beyond it are refused with TOO_MANY_PIPELINES.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.config.Pipelines) }},
	{"pipelines_refused_total", "Append pipelines refused because too many were running.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.service.pipelines.refused.Load()) }},
	{"http_connections", "Open connections of the HTTP listener; the bound is that of the gRPC listener and 1,000 more, for streams.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.http.open.Load()) }},
	{"http_connections_refused_total", "Connections of the HTTP listener closed because too many were open.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.http.refused.Load()) }},
	{"http_requests_in_flight", "Requests of the HTTP listener that run, streams among them.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.api.InFlight) }},
	{"http_body_bytes", "Bytes of bodies of the HTTP listener's requests, whole or not.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.api.BodyBytes) }},
	{"http_body_bytes_limit", "Bound of these bytes; when it is exceeded the largest body that is not whole, and larger than 64 KiB, is refused with BODIES_FULL.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.api.BodyBytesLimit) }},
	{"http_bodies_refused_total", "Requests refused because their body was the largest of too much.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.api.BodiesRefused) }},
	{"http_streams", "Streams of the HTTP listener.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.api.Streams) }},
	{"http_streams_limit", "Bound of the streams of the HTTP listener; those beyond it are refused with TOO_MANY_STREAMS.", prometheus.GaugeValue, func(m *moment) float64 { return float64(m.api.StreamLimit) }},
	{"http_streams_refused_total", "Streams of the HTTP listener that were refused because too many were open.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.api.StreamsRefused) }},
	{"ops_connections_refused_total", "Connections of the operations listener closed because too many were open.", prometheus.CounterValue, func(m *moment) float64 { return float64(m.ops.refused.Load()) }},
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// scrape is the collector of a server that listens.
type scrape struct {
	server *Server
	descs  []*prometheus.Desc // one for each reading

	inFlight, messages *prometheus.Desc
}

func newScrape(s *Server) *scrape {
	c := &scrape{
		server: s,
		inFlight: prometheus.NewDesc(namespace+"_calls_in_flight",
			"Calls that run; those of Subscribe are the subscriptions.", []string{"grpc_service", "grpc_method"}, nil),
		messages: prometheus.NewDesc(namespace+"_stream_messages_total",
			"Messages of streaming calls, by direction.", []string{"grpc_service", "grpc_method", "direction"}, nil),
	}
	for _, r := range readings {
		c.descs = append(c.descs, prometheus.NewDesc(namespace+"_"+r.name, r.help, nil, nil))
	}
	return c
}

func (c *scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
	out <- c.inFlight
	out <- c.messages
}

func (c *scrape) Collect(out chan<- prometheus.Metric) {
	s := c.server
	m := moment{store: s.store.Stats(), clock: s.service.guard.Stats(), rpc: s.rpcListener, http: s.httpListener, ops: s.opsListener, api: s.api.Stats(), config: &s.config, arrivals: &s.arrivals, inbound: s.inbound.Stats(), service: s.service}
	for i, r := range readings {
		out <- prometheus.MustNewConstMetric(c.descs[i], r.kind, r.value(&m))
	}
	for _, m := range s.calls.sorted() {
		out <- prometheus.MustNewConstMetric(c.inFlight, prometheus.GaugeValue, float64(m.inFlight.Load()), m.service, m.method)
		if m.streaming {
			out <- prometheus.MustNewConstMetric(c.messages, prometheus.CounterValue, float64(m.received.Load()), m.service, m.method, "received")
			out <- prometheus.MustNewConstMetric(c.messages, prometheus.CounterValue, float64(m.sent.Load()), m.service, m.method, "sent")
		}
	}
}
