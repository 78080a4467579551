package aggregate_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/record"
)

// world is an example on a store on disk, with a random past.
type world struct {
	kit
	example string
	dice    dice
	dir     string
	end     func()
	// written counts events, snapshots the answers that began at one, compared
	// all answers, rounds the changes of everything that it went through.
	written, snapshots, compared, rounds int
}

// open begins to serve; end stops it.
func (w *world) open() {
	w.Helper()
	store, err := embedded.Open(w.dir, embedded.Options{DiskFloorBytes: -1})
	if err != nil {
		w.Fatal(err)
	}
	w.store = store
	if w.Service, err = aggregate.Open(context.Background(), store, aggregate.Options{Clock: w.clock, Snapshots: store}); err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := lifecycle.Async(func() error { return w.Run(ctx) })
	w.end = func() {
		stop()
		if err := errors.Join(<-ended, store.Close()); err != nil {
			w.Errorf("close: %v", err)
		}
	}
}

// specification is the example's, with a snapshot after every so many events of
// each type (0: none), and where that is asked for with other handlers.
func (w *world) specification(every int, changed bool) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", w.example, "spec.json"))
	if err != nil {
		w.Fatal(err)
	}
	var root map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		w.Fatal(err)
	}
	for _, t := range root["aggregate_types"].(map[string]any) {
		typ := t.(map[string]any)
		delete(typ, "snapshot_every")
		if every > 0 {
			typ["snapshot_every"] = every
		}
		for _, e := range typ["events"].(map[string]any) {
			if changed {
				change(e.(map[string]any))
			}
		}
	}
	out, err := json.Marshal(root)
	if err != nil {
		w.Fatal(err)
	}
	return string(out)
}

// change lets the handler count its events, and do what it did only every
// second time.
func change(event map[string]any) {
	old := event["handler"]
	switch old.(type) {
	case nil:
		old = []any{}
	case map[string]any:
		old = []any{old}
	}
	object := func(key string, v any) map[string]any { return map[string]any{key: v} }
	event["handler"] = []any{
		object("increment", map[string]any{"target": "seen", "by": 1}),
		object("conditional", map[string]any{"if": object("not_equals", []any{"@.seen", 2}), "then": old, "else": []any{}}),
	}
}

// write executes a few commands. What the rules refuse is not written, which is
// no fault here.
func (w *world) write() {
	w.Helper()
	types := slices.Sorted(maps.Keys(facts[w.example]))
	for range 8 + w.dice.IntN(8) {
		w.clock.step.Store(w.dice.Int64N(3) * w.dice.Int64N(1_500_000))
		typ := types[w.dice.IntN(len(types))]
		if w.dice.IntN(4) == 0 {
			w.pastTheRules(typ)
			continue
		}
		events := slices.Sorted(maps.Keys(facts[w.example][typ]))
		c := &aggregate.Command{Type: typ, ID: w.dice.id(typ), Batch: true}
		for range 1 + w.dice.IntN(w.dice.IntN(5)+1) {
			name := events[w.dice.IntN(len(events))]
			c.Events = append(c.Events, aggregate.NewEvent{
				Type: name, Data: []byte(facts[w.example][typ][name](w.dice)),
				Metadata: aggregate.Metadata{Actor: w.actor(), OccurredAt: w.sometime(), SchemaVersion: w.schemaVersion(typ, name)},
			})
		}
		_, err := w.Execute(context.Background(), c)
		var no *aggregate.Refusal
		switch {
		case err == nil:
			w.written += len(c.Events)
		case !errors.As(err, &no):
			w.Fatalf("%s: %v", c.Type, err)
		case !no.Condition && no.Code != aggregate.CodeInvalidImplied:
			w.Fatalf("the test makes an event of %s that is not valid: %v", c.Type, err)
		}
	}
}

func (w *world) actor() *aggregate.Actor {
	s, _ := w.Spec()
	if types := s.AgentTypes(); len(types) > 0 {
		return &aggregate.Actor{Type: w.dice.of(types...), ID: "1"}
	}
	return nil
}

// schemaVersion is any that the event has had; 0: the present one.
func (w *world) schemaVersion(typ, event string) uint32 {
	s, _ := w.Spec()
	t, _ := s.Type(typ)
	e, _ := t.Event(event)
	return uint32(w.dice.IntN(int(e.Version()) + 1))
}

// sometime is when a fact happened: mostly when it is recorded, else within the
// last minute.
func (w *world) sometime() time.Time {
	if w.dice.IntN(3) > 0 {
		return time.Time{}
	}
	return storage.Instant(w.clock.now.Load()).Time().Add(-time.Duration(w.dice.IntN(60_000)) * time.Millisecond)
}

// pastTheRules writes a fact that nobody judges, as before there were rules: one
// that could be the example's, one that no rule knows, or no JSON.
func (w *world) pastTheRules(typ string) {
	w.Helper()
	name := w.dice.of(slices.Sorted(maps.Keys(facts[w.example][typ]))...)
	e := storage.Event{Type: name, Kind: storage.PayloadJSON, Payload: []byte(facts[w.example][typ][name](w.dice))}
	switch w.dice.IntN(6) {
	case 0:
		e.Type = "WasNoted"
	case 1:
		e.Kind, e.Payload = storage.PayloadBinary, []byte{0xff}
	}
	if len(e.Payload) == 0 {
		e.Payload = []byte("{}")
	}
	e.ID = storage.EventID{1, 15: byte(w.store.Head()), 14: byte(w.store.Head() >> 8)}
	stored, violations := record.NewEventOf(&e, storage.Limits{})
	if violations != nil {
		w.Fatal(violations)
	}
	at, err := w.clock.Stamp()
	if err != nil {
		w.Fatal(err)
	}
	a := storage.Append{Entries: []storage.Entry{{Stream: typ + "-" + w.dice.id(typ), Expectation: storage.ExpectAny(), Events: []storage.NewEvent{stored}}}, Time: at}
	if _, err := w.store.Append(context.Background(), &a); err != nil {
		w.Fatal(err)
	}
	w.written++
}

// question is a state at a point, asked for with and without snapshots.
type question struct {
	aggregate.StateQuery
	want string // the answer by folding all events one by one
}

// questions are a number of points at random, with answers that use nothing of
// the service.
func (w *world) questions(n int) []question {
	w.Helper()
	s, _ := w.Spec()
	types := slices.Sorted(maps.Keys(facts[w.example]))
	out := make([]question, 0, n)
	for len(out) < n {
		typ := types[w.dice.IntN(len(types))]
		q := question{StateQuery: aggregate.StateQuery{Type: typ, ID: w.dice.id(typ)}}
		t, _ := s.Type(typ)
		events := w.events(t.Stream(q.ID))
		moment := func() *aggregate.Moment {
			at := storage.Instant(w.clock.now.Load()) + second
			if len(events) > 0 {
				at = events[w.dice.IntN(len(events))].RecordedAt + storage.Instant(w.dice.Int64N(3)-1)
			}
			m := aggregate.MomentOf(at)
			return &m
		}
		switch w.dice.IntN(4) {
		case 0:
			q.At.Length = length(1 + storage.Version(w.dice.IntN(len(events)+3)))
		case 1:
			q.At.Time = moment()
		}
		if w.dice.IntN(3) == 0 {
			q.Effective = moment()
		}
		q.want = expected(t, events, &q.StateQuery)
		out = append(out, q)
	}
	return out
}

// events are all that a stream has.
func (w *world) events(stream string) []replay.Event {
	w.Helper()
	var out []replay.Event
	for recorded, err := range w.store.ReadStream(context.Background(), storage.StreamRange{Stream: stream, From: 1}) {
		var missing *storage.StreamNotFoundError
		if errors.As(err, &missing) {
			return nil
		}
		if err != nil {
			w.Fatal(err)
		}
		e, err := record.Decode(recorded.Wire)
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, replay.NewEvent(&e))
	}
	return out
}

// expected is the answer, folded from the first event by the rule of the words:
// what counts at the point, in the order in which it counts.
func expected(t *spec.Type, events []replay.Event, q *aggregate.StateQuery) string {
	rules := replay.Rules{Type: t.Name(), Handlers: map[string]replay.Handler{}}
	for _, e := range t.Events() {
		rules.Handlers[e.Name()] = replay.Handler{Program: e.Program(), Version: e.Version(), Upcast: func(data value.Value, from uint32) (value.Value, []tick.Warning) {
			present, warnings, _ := e.Upcast(data, from) // no event here is newer than its specification
			return present, warnings
		}}
	}
	if len(events) == 0 {
		return aggregate.CodeNotFound
	}
	var counting []replay.Event
	for _, e := range events {
		switch {
		case q.At.Length != nil && e.Version > uint64(*q.At.Length):
		case q.At.Time != nil && e.RecordedAt >= q.At.Time.Until:
		case q.Effective != nil && e.Effective() >= q.Effective.Until:
		default:
			counting = append(counting, e)
		}
	}
	if len(counting) == 0 {
		return aggregate.CodeBeforeFirstEvent
	}
	if q.Effective != nil {
		slices.SortFunc(counting, func(a, b replay.Event) int {
			return cmp.Or(cmp.Compare(a.Effective(), b.Effective()), cmp.Compare(a.Version, b.Version))
		})
	}
	fold := replay.NewFold(&rules)
	for i := range counting {
		fold.Apply(&counting[i])
	}
	state := fold.State()
	state.Version = storage.Version(len(counting))
	return told(&state)
}

// told is a state in full, but for warnings' order, which is the events'.
func told(s *replay.State) string {
	return fmt.Sprint(s.Value, s.Version, s.Position, s.CreatedAt, s.UpdatedAt, s.Skipped, s.Warnings, s.MoreWarnings)
}

// ask wants the answers, from snapshots and without.
func (w *world) ask(when string, questions []question) {
	w.Helper()
	for _, q := range questions {
		for _, q.FullReplay = range []bool{false, true} {
			out, err := w.State(context.Background(), q.StateQuery)
			got := told(&out.State)
			var no *aggregate.Refusal
			if errors.As(err, &no) {
				got = no.Code
			} else if err != nil {
				w.Fatal(err)
			}
			if got != q.want {
				w.Fatalf("%s: %s %s at %v, effective %v, full replay %v, from the snapshot at %d:\ngot  %s\nwant %s",
					when, q.Type, q.ID, q.At, q.Effective, q.FullReplay, out.Snapshot, got, q.want)
			}
			if w.compared++; out.Snapshot > 0 {
				w.snapshots++
			}
		}
	}
}

// S3 of the issue; I14, S0.18, S0.19, S0.20, S0.22, S1.12, S3.11: whatever the
// example and its past, an answer is that of all its events folded one by one,
// at any point, with snapshots, after they were dropped, after a restart, and
// at once under other handlers and another distance of snapshots.
func TestNoAnswerOfAnyExampleDependsOnSnapshots(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 1}, prooftest.Work{Floor: 12})
	seed := prooftest.Seed(t)
	specifications, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "spec.json"))
	if err != nil || len(specifications) != len(facts) {
		t.Fatalf("examples %q, %v; want one for each of the test's %d", specifications, err, len(facts))
	}
	count := prooftest.Counters{"examples": uint64(len(specifications))}
	pasts := 0
	for ; work.More(pasts) && !t.Failed(); pasts++ {
		for i, path := range specifications {
			example := filepath.Base(filepath.Dir(path))
			t.Run(fmt.Sprintf("%s-%d", example, pasts), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(pasts*len(specifications)+i)))
				throughLife(t, example, random, count)
			})
		}
	}
	work.Check(t, "pasts of each example", pasts)
	work.Report(t, "snapshots", seed, count, nil)
}

// throughLife gives an example a past, and asks about it all the time. The checks
// of every change take fewer rounds: under the race detector the engine notes the
// stack of whoever opens an iterator, which is half of the work here.
func throughLife(t *testing.T, example string, random *rand.Rand, count prooftest.Counters) {
	rounds := 3
	if prooftest.Full() {
		rounds = 6
	}
	w := &world{kit: kit{TB: t, clock: newHandClock()}, example: example, dice: dice{random}, dir: filepath.Join(t.TempDir(), "store")}
	w.open()
	defer func() { w.end() }()
	w.live(rounds)
	if !w.tells() {
		t.Errorf("%d events were written, %d answers came from snapshots: too few to show anything", w.written, w.snapshots)
	}
	count["events"] += uint64(w.written)
	count["states_compared"] += uint64(w.compared)
	count["from_snapshots"] += uint64(w.snapshots)
	count["restarts"] += uint64(w.rounds)
}

// tells is whether enough happened in a life to show anything.
func (w *world) tells() bool { return w.written >= 10 && w.snapshots > 0 }

// live goes through some changes of everything; a life whose dice let little
// happen goes on for longer, within reason.
func (w *world) live(rounds int) {
	w.Helper()
	for ; w.rounds < rounds || !w.tells() && w.rounds < 20*rounds; w.rounds++ {
		round := w.rounds
		w.put(w.specification([]int{3, 0, 1, 7, 20}[w.dice.IntN(5)], w.dice.IntN(2) == 0))
		w.everyEventIsThere()
		w.ask(fmt.Sprintf("round %d, other rules", round), w.questions(6))
		w.put(w.specification(2+w.dice.IntN(4), round%2 == 1))
		w.write()
		w.ask(fmt.Sprintf("round %d, written", round), w.questions(6))
		w.settle()
		questions := w.questions(12)
		w.ask(fmt.Sprintf("round %d, with snapshots", round), questions)
		if err := w.DropSnapshots(context.Background()); err != nil {
			w.Fatal(err)
		}
		w.ask(fmt.Sprintf("round %d, snapshots dropped", round), questions)
		w.settle()
		w.end()
		w.open()
		w.ask(fmt.Sprintf("round %d, started again", round), questions)
	}
}

// everyEventIsThere tells of events of the example that the test cannot make.
func (w *world) everyEventIsThere() {
	w.Helper()
	s, _ := w.Spec()
	for _, t := range s.Types() {
		for _, e := range t.Events() {
			if facts[w.example][t.Name()][e.Name()] == nil {
				w.Fatalf("the test makes no data of %s %s", t.Name(), e.Name())
			}
		}
	}
}
