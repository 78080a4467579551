package client_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/internal/relaytest"
)

// linearInput is what was asked of one stream.
type linearInput struct {
	stream string
	// events are the payloads to append; none: a pure check. read: a read.
	events []string
	expect client.Expectation
	read   bool
	// note is for whoever reads a history that is not linearizable.
	note string
}

// linearOutput is what was answered about one stream.
type linearOutput struct {
	kind linearKind
	// version is the last one: after an append, in a conflict, or read.
	version uint64
	// chain is over all payloads read.
	chain uint64
}

type linearKind uint8

const (
	// linearDone: it was appended, or read.
	linearDone linearKind = iota
	// linearConflict: the expectation failed.
	linearConflict
	// linearHeld: the expectation held, but nothing was appended, because that
	// of another stream failed.
	linearHeld
	// linearOpen: it was appended or not.
	linearOpen
)

func (k linearKind) String() string {
	return [...]string{"done", "conflict", "held", "open"}[k]
}

// linearState is a stream: its version, and a chain over its payloads.
type linearState struct{ version, chain uint64 }

func (s linearState) with(payload string) linearState {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s", s.chain, payload) // a hash takes everything
	return linearState{s.version + 1, h.Sum64()}
}

// linearStream says how a stream behaves when one thing happens at a time.
var linearStream = porcupine.NondeterministicModel{
	Init:  func() []any { return []any{linearState{}} },
	Equal: func(a, b any) bool { return a == b },
	Hash:  func(s any) uint64 { state, _ := s.(linearState); return state.chain ^ state.version },
	Step: func(s, i, o any) []any {
		state, _ := s.(linearState)
		in, _ := i.(linearInput)
		out, _ := o.(linearOutput)
		if in.read {
			if out.version == state.version && out.chain == state.chain {
				return []any{state}
			}
			return nil
		}
		holds := holds(in.expect, state.version)
		after := state
		for _, payload := range in.events {
			after = after.with(payload)
		}
		switch {
		case out.kind == linearOpen && holds:
			return []any{state, after}
		case out.kind == linearOpen:
			return []any{state}
		case out.kind == linearConflict && !holds && out.version == state.version, out.kind == linearHeld && holds:
			return []any{state}
		case out.kind == linearDone && holds && (len(in.events) == 0 || out.version == after.version):
			return []any{after}
		}
		return nil
	},
}

func holds(e client.Expectation, version uint64) bool {
	if exact, ok := e.Version(); ok {
		return exact == version
	}
	return e != client.StreamExists() || version > 0
}

// rig is a server behind a bad network, and what happened to its clients.
type rig struct {
	t       *testing.T
	disk    *vfs.MemFS
	relay   *relaytest.Relay
	server  *running
	serving sync.Mutex // held while the server is exchanged

	clients []*client.Client
	began   time.Time
	ops     atomic.Uint64
	deafAt  atomic.Uint64 // the operation at which replies were dropped; 0: they pass

	mu      sync.Mutex
	history map[string][]porcupine.Operation
	// refusals are what was refused without an answer that tells of the stream.
	refusals map[string][]string
	count    prooftest.Counters
}

// I4, I5, I7: whatever happens to connections, replies and servers, the answers
// that many clients get about a stream are those of one after the other, an
// answer that did not come standing for both outcomes. Each stream is a history
// of its own, and an append to several is in the history of each.
func TestWhatClientsAreToldIsLinearizable(t *testing.T) {
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 20_000, Goal: 20_000, Box: 50 * time.Second},
		prooftest.Work{Floor: 200_000, Goal: 200_000, Box: 15 * time.Minute})
	seed := prooftest.Seed(t)
	var hits fault.Hits
	defer fault.Install(func(p fault.Point) error { hits.Add(p); return nil })()
	disk := vfs.NewMem()
	server := serveOn(t, "store", disk)
	r := &rig{
		t: t, disk: disk, server: server, relay: relaytest.New(t, server.addr),
		began: time.Now(), count: prooftest.Counters{"violations": 0},
	}
	defer func() { r.server.stop() }()
	for i := range 4 {
		r.clients = append(r.clients, impatient(t, r.relay.Addr(), client.Options{NoRequestIDs: i == 3}))
	}
	watched, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(watched) })
	for round := 0; work.More(int(r.count["operations_checked"])) && !t.Failed(); round++ {
		r.round(seed, round)
	}
	stop()
	watching.Wait()
	checked := int(r.count["operations_checked"])
	work.Check(t, "operations", checked)
	r.wantAllChecked()
	work.Report(t, "linearizability", seed, r.count, &hits)
}

// round lets many clients loose on some new streams, and checks.
func (r *rig) round(seed uint64, round int) {
	r.history, r.refusals = map[string][]porcupine.Operation{}, map[string][]string{}
	var all sync.WaitGroup
	for w := range 12 {
		random := rand.New(rand.NewPCG(seed, uint64(round)<<8|uint64(w)))
		all.Go(func() {
			for i := range 80 {
				r.disturb(random)
				r.one(random, round, fmt.Sprintf("%d.%d.%d", round, w, i))
			}
		})
	}
	all.Wait()
	r.relay.Cut()
	r.deafAt.Store(0)
	model := linearStream.ToModel()
	for stream, history := range r.history {
		switch porcupine.CheckOperationsTimeout(model, history, time.Minute) {
		case porcupine.Illegal:
			r.count["violations"]++
			r.t.Errorf("the history of %s, of %d operations, is not linearizable (round %d):\n%srefused:\n%s",
				stream, len(history), round, told(history), strings.Join(r.refusals[stream], "\n"))
		case porcupine.Unknown:
			r.count["streams_unchecked"]++
			r.t.Logf("the history of %s, of %d operations, could not be checked in time", stream, len(history))
		case porcupine.Ok:
			r.count["operations_checked"] += uint64(len(history))
			r.count["streams_checked"]++
		}
	}
}

// wantAllChecked wants that no history was too hard to check in its time: what
// was not checked shows nothing.
// On a busy machine one may be, which says nothing of it; if many are, the rest
// is no sample of what happens.
func (r *rig) wantAllChecked() {
	if n := r.count["streams_unchecked"]; n > 0 {
		r.t.Errorf("%d histories could not be checked in time", n)
	}
}

// told is a history for a person to read, in the order of the calls.
func told(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var out strings.Builder
	for _, op := range history {
		in, _ := op.Input.(linearInput)
		got, _ := op.Output.(linearOutput)
		back := "never"
		if op.Return != math.MaxInt64 {
			back = time.Duration(op.Return).Round(time.Microsecond).String()
		}
		what := fmt.Sprintf("append %q expecting %v: %v", in.events, in.expect, got.kind)
		if in.read {
			what = fmt.Sprintf("read, chain %x", got.chain)
		}
		fmt.Fprintf(&out, "%v to %s: %s, version %d; %s\n", time.Duration(op.Call).Round(time.Microsecond), back, what, got.version, in.note)
	}
	return out.String()
}

// disturb does something to the network or the server now and then.
func (r *rig) disturb(random *rand.Rand) {
	n := r.ops.Add(1)
	if at := r.deafAt.Load(); at != 0 && n > at+20 {
		r.heal()
	}
	switch {
	case n%2503 == 0:
		r.exchange()
	case n%167 == 0:
		r.relay.Cut()
		r.bump("connections_cut")
	case n%229 == 0 && r.deafAt.CompareAndSwap(0, n):
		r.relay.DropReplies()
		r.bump("replies_dropped")
	case random.IntN(400) == 0:
		r.relay.Cut()
		r.bump("connections_cut")
	}
}

// heal lets replies pass again, on new connections.
func (r *rig) heal() {
	if r.deafAt.Swap(0) != 0 {
		r.relay.Cut()
	}
}

// exchange drains the server and starts another one on its store.
func (r *rig) exchange() {
	r.serving.Lock()
	defer r.serving.Unlock()
	r.server.stop()
	r.server = serveOn(r.t, "store", r.disk)
	r.relay.Lead(r.server.addr)
	r.bump("servers_restarted")
}

func (r *rig) bump(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[name]++
}

// note adds an operation to the history of its stream.
func (r *rig) note(in linearInput, out linearOutput, call, back int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if out.kind == linearOpen {
		back = math.MaxInt64
		r.count["outcomes_open"]++
	}
	r.history[in.stream] = append(r.history[in.stream], porcupine.Operation{Input: in, Output: out, Call: call, Return: back})
}

func (r *rig) now() int64 { return int64(time.Since(r.began)) }

// one does one thing.
func (r *rig) one(random *rand.Rand, round int, tag string) {
	c := r.clients[random.IntN(len(r.clients))]
	patience := 500 * time.Millisecond
	if r.deafAt.Load() != 0 || random.IntN(20) == 0 {
		patience = 20 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	stream := func(i int) string { return fmt.Sprintf("lin-%d-%d", round, i) }
	switch first := random.IntN(24); {
	case random.IntN(4) == 0:
		r.read(ctx, c, stream(first))
	case random.IntN(5) == 0:
		r.atomic(ctx, c, []linearInput{
			r.input(random, stream(first), tag+"a"), r.input(random, stream(first+1), tag+"b"),
		})
	default:
		r.append(ctx, c, r.input(random, stream(first), tag), random.IntN(5) > 0)
	}
}

func (r *rig) input(random *rand.Rand, stream, tag string) linearInput {
	in := linearInput{stream: stream, expect: client.AnyVersion()}
	switch random.IntN(6) {
	case 0:
		in.expect = client.NoStream()
	case 1:
		in.expect = client.StreamExists()
	case 2, 3:
		in.expect = client.ExactVersion(1 + random.Uint64N(30))
	}
	for i := range 1 + random.IntN(3) {
		in.events = append(in.events, fmt.Sprintf(`{"n":"%s/%d"}`, tag, i))
	}
	return in
}

func eventsFor(in linearInput) []client.Event {
	var out []client.Event
	for _, payload := range in.events {
		out = append(out, client.Event{Type: "Happened", JSON: payload})
	}
	return out
}

func (r *rig) read(ctx context.Context, c *client.Client, stream string) {
	call, state := r.now(), linearState{}
	for e, err := range c.ReadStream(ctx, client.StreamRead{Stream: stream}) {
		if notFound := (*client.NotFound)(nil); errors.As(err, &notFound) {
			break
		}
		if err != nil {
			return // it tells nothing
		}
		state = state.with(e.GetJson())
		if e.GetVersion() != state.version {
			r.t.Errorf("%s: version %d follows %d", stream, e.GetVersion(), state.version-1)
		}
	}
	r.note(linearInput{stream: stream, read: true}, linearOutput{version: state.version, chain: state.chain}, call, r.now())
}

// append appends; persistent, it repeats what stayed open under its request id
// until it is known.
func (r *rig) append(ctx context.Context, c *client.Client, in linearInput, persistent bool) {
	a := client.Append{Stream: in.stream, Expect: in.expect, Events: eventsFor(in)}
	call := r.now()
	got, err := c.Append(ctx, a)
	var unknown *client.OutcomeUnknown
	again := false
	if persistent && errors.As(err, &unknown) && unknown.RequestID != "" {
		a.RequestID = unknown.RequestID
		in.note = fmt.Sprintf("asked again under %s after %v; ", a.RequestID, err)
		again = true
		r.heal()
		long, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
		defer cancel()
		got, err = c.Append(long, a)
		r.bump("open_outcomes_asked_again")
	}
	var conflict *client.Conflict
	switch {
	case again && errors.As(err, &conflict) && mayStillHold(in.expect, conflict.Actual):
		// The first time may still be on its way, and come to be written: only the
		// client that repeats by itself knows of both.
		r.note(in, linearOutput{kind: linearOpen}, call, 0)
	case err == nil:
		if in.note += fmt.Sprintf("replayed: %v", got.Replayed); got.Replayed {
			r.bump("replays")
		}
		r.note(in, linearOutput{version: got.LastVersion}, call, r.now())
	case errors.As(err, &conflict):
		r.note(in, linearOutput{kind: linearConflict, version: conflict.Actual}, call, r.now())
	case again || errors.As(err, &unknown):
		// Refused when asked again, for example because a server was away for
		// long, it says nothing of the first time.
		in.note += err.Error()
		r.note(in, linearOutput{kind: linearOpen}, call, 0)
	default:
		r.refused(in, call, err)
	}
}

// mayStillHold tells whether an expectation that failed against a version may come
// to hold, as versions only grow.
func mayStillHold(e client.Expectation, actual uint64) bool {
	exact, ok := e.Version()
	return !ok || exact > actual
}

func (r *rig) atomic(ctx context.Context, c *client.Client, in []linearInput) {
	a := client.AtomicAppend{}
	for i := range in {
		a.Entries = append(a.Entries, client.Entry{Stream: in[i].stream, Expect: in[i].expect, Events: eventsFor(in[i])})
	}
	call := r.now()
	got, err := c.AppendAtomic(ctx, a)
	back := r.now()
	var conflict *client.Conflict
	var unknown *client.OutcomeUnknown
	for i := range in {
		switch {
		case err == nil:
			r.note(in[i], linearOutput{version: got.Entries[i].LastVersion}, call, back)
		case errors.As(err, &conflict):
			out := linearOutput{kind: linearHeld}
			for _, failed := range conflict.All {
				if failed.Stream == in[i].stream {
					out = linearOutput{kind: linearConflict, version: failed.Actual}
				}
			}
			r.note(in[i], out, call, back)
		case errors.As(err, &unknown):
			r.note(in[i], linearOutput{kind: linearOpen}, call, 0)
		default:
			r.refused(in[i], call, err)
		}
	}
}

// refused wants an error that says that nothing was written.
func (r *rig) refused(in linearInput, call int64, err error) {
	var away *client.Unavailable
	if !errors.As(err, &away) && !errors.Is(err, context.DeadlineExceeded) {
		r.t.Errorf("append: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count["refused"]++
	r.refusals[in.stream] = append(r.refusals[in.stream], fmt.Sprintf("%v to %v: %q expecting %v: %v, %s",
		time.Duration(call).Round(time.Microsecond), time.Duration(r.now()).Round(time.Microsecond), in.events, in.expect, err, in.note))
}

// watch follows the log over all disturbances: every event once, in order, at
// positions without a gap (I6).
func (r *rig) watch(ctx context.Context) {
	last, delivered, interrupted := uint64(0), uint64(0), uint64(0)
	for d, err := range r.clients[0].Subscribe(ctx, client.Subscription{}) {
		if err != nil {
			if ctx.Err() == nil {
				r.t.Errorf("subscription: %v", err)
			}
			break
		}
		if d.Kind == client.KindInterrupted {
			interrupted++
		}
		if d.Kind == client.KindEvent {
			if delivered++; d.Event.GetPosition() != last+1 {
				r.t.Errorf("position %d follows %d", d.Event.GetPosition(), last)
			}
			last = d.Event.GetPosition()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count["deliveries_validated"], r.count["subscriptions_resumed"] = delivered, interrupted
}
