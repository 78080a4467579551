package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/server/browser"
	"github.com/stet-db/stet/server/inbound"
	"github.com/stet-db/stet/storage"
)

// Options configure an [API]. Aggregates and Store are required; the zero value
// of the rest means its default.
type Options struct {
	// Aggregates answers, on Store, which streams are followed in.
	Aggregates *aggregate.Service
	Store      storage.Store
	// Limits bound requests.
	Limits storage.Limits
	// Keys guard all routes; nil: they are open.
	Keys *keyring.Ring
	// LoopbackNamesOnly refuses requests whose Host header is no name of this
	// machine for itself: a page of another site could have its own name lead
	// here.
	LoopbackNamesOnly bool
	// Origins are the sites whose pages may read answers.
	Origins browser.Origins
	// Streams bounds the streams at a time; default [DefaultStreams].
	Streams int
	// BodyBytes bounds what the bodies of all requests hold; default
	// [DefaultBodyBytes], which is at least that of two requests.
	BodyBytes int64
	// Heartbeat is the time without anything to send after which a stream gets a
	// sign of life; default 15 s.
	Heartbeat time.Duration
	// WriteTimeout bounds each write to a stream; default 10 s.
	WriteTimeout time.Duration
	// NameRequest gives the name under which a request is logged, by the values
	// of its header X-Request-Id; default: none has a name.
	NameRequest func(given []string) string
	// Observe is told of every request when it has ended; default: nobody is.
	// The route is a pattern of the table, "alias", or "none".
	Observe func(route, method string, code int, took time.Duration)
	// Panicked is told of a panic of a handler, after it was logged; default:
	// nobody is.
	Panicked func()
	// Logger gets the errors that clients are not told; default: nowhere.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.WithDefaults()
	if o.Streams == 0 {
		o.Streams = DefaultStreams
	}
	if o.BodyBytes == 0 {
		o.BodyBytes = DefaultBodyBytes
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 10 * time.Second
	}
	if o.NameRequest == nil {
		o.NameRequest = func([]string) string { return "" }
	}
	if o.Observe == nil {
		o.Observe = func(string, string, int, time.Duration) {}
	}
	if o.Panicked == nil {
		o.Panicked = func() {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

const (
	// DefaultStreams is the bound on streams; a listener needs room beside them.
	DefaultStreams = 1_000
	// DefaultBodyBytes is the bound on what bodies hold: neither the number of
	// connections nor the length of one body bounds the product.
	DefaultBodyBytes = 128 << 20
	// requestTimeout bounds a request that is no stream: every wait has an end.
	requestTimeout = time.Minute
	// bodyTimeout bounds the reading of a body.
	bodyTimeout = 30 * time.Second
	// answerTimeout bounds the writing of an answer.
	answerTimeout = time.Minute
)

// API is the handler of the listener. It is safe for concurrent use.
type API struct {
	o Options

	gate *lifecycle.Gate
	// streaming ends when streams have to.
	streaming  context.Context
	endStreams context.CancelFunc
	bodies     *inbound.Bodies
	// streams has an element for every stream.
	streams chan struct{}
	refused atomic.Uint64
}

// New makes an API. Call [API.Drain] when it has served.
func New(o Options) *API {
	a := &API{o: o.withDefaults(), gate: lifecycle.NewGate()}
	a.bodies = inbound.NewBodies(a.o.BodyBytes)
	a.streaming, a.endStreams = context.WithCancel(context.Background())
	a.streams = make(chan struct{}, a.o.Streams)
	return a
}

// Drain refuses what comes from now on with SHUTTING_DOWN and ends streams. The
// channel is closed once no request is in flight. It may be called again.
func (a *API) Drain() <-chan struct{} {
	a.endStreams()
	return a.gate.Shut()
}

// Stats are gauges and counters for metrics.
type Stats struct {
	// InFlight counts the requests that run, streams among them.
	InFlight int
	// Streams and StreamLimit count streams; StreamsRefused those that were one
	// too many.
	Streams, StreamLimit int
	StreamsRefused       uint64
	// BodyBytes are what bodies hold and BodyBytesLimit their bound;
	// BodiesRefused were given up to make room.
	BodyBytes, BodyBytesLimit int64
	BodiesRefused             uint64
}

// Stats tells how busy the API is.
func (a *API) Stats() Stats {
	stats := Stats{InFlight: a.gate.Inside(), Streams: len(a.streams), StreamLimit: cap(a.streams), StreamsRefused: a.refused.Load()}
	stats.BodyBytes, stats.BodyBytesLimit, stats.BodiesRefused = a.bodies.Stats()
	return stats
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{api: a, w: w, r: r, label: "none", began: time.Now()}
	entered := a.gate.Enter()
	// One each: what an earlier one did must not be in vain when a later panics.
	defer func() {
		if entered {
			a.gate.Leave()
		}
	}()
	defer func() { a.o.Observe(c.label, methodLabel(r.Method), c.code, time.Since(c.began)) }()
	defer func() { c.read.End() }()
	defer func() {
		if p := recover(); p != nil {
			a.panicked(c, p)
		}
	}()
	c.name = a.o.NameRequest(r.Header.Values("X-Request-Id"))
	c.head()
	err := storage.ErrShuttingDown
	if entered {
		err = a.serve(c)
	}
	if err != nil {
		c.fail(err)
	}
}

// panicked answers for a handler that could not.
func (a *API) panicked(c *call, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p) // net/http's own way to cut a connection
	}
	a.o.Logger.Error("a handler panicked; this is a fault of the server",
		"panic", fmt.Sprint(p), "request_id", c.name, "route", c.label, "stack", string(debug.Stack()))
	a.o.Panicked()
	if c.code == 0 {
		c.fail(errPanic)
	}
}

// errPanic stands for the panic of a handler: no domain error, so INTERNAL.
var errPanic = errors.New("a handler panicked")

// serve checks everything that comes before the work of a route.
func (a *API) serve(c *call) error {
	if a.o.LoopbackNamesOnly && !browser.IsLoopbackName(c.r.Host) {
		return &failure{status: http.StatusForbidden, code: CodeHostNotAllowed, problem: fmt.Sprintf(
			"the Host header is %.256q; without keys only localhost and loopback addresses are served", c.r.Host)}
	}
	if a.o.Origins.Answer(c.w, c.r) {
		c.code = http.StatusNoContent
		return nil
	}
	var err error
	if c.key, err = a.o.Keys.Check(c.r.Header.Values("Authorization")); err != nil {
		return err
	}
	if err := a.route(c); err != nil {
		return err
	}
	if err := a.o.Keys.Need(c.key, c.rt.scope); err != nil {
		return err
	}
	if c.q, err = parseQuery(c.r.URL.RawQuery, c.rt); err != nil {
		return err
	}
	c.ctx = c.r.Context()
	if !c.rt.stream {
		ctx, cancel := context.WithTimeout(c.ctx, requestTimeout)
		defer cancel()
		c.ctx = ctx
	}
	return c.rt.handle(c)
}

// methodLabel keeps metrics from having as many labels as clients like.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
