package replay_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(tb testing.TB, text string) value.Value {
	tb.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

// rules compiles handlers.
func rules(tb testing.TB, handlers map[string]string) *replay.Rules {
	tb.Helper()
	out := &replay.Rules{Type: "cart", Handlers: map[string]replay.Handler{}}
	for name, text := range handlers {
		program, faults := tick.Compile(parse(tb, text), name)
		if faults != nil {
			tb.Fatal(faults)
		}
		out.Handlers[name] = replay.Handler{Program: program, Version: 1}
	}
	return out
}

func cartRules(tb testing.TB) *replay.Rules {
	return rules(tb, map[string]string{
		"was_created":     `[{"set":{"target":"items","value":[]}},{"set":{"target":"status","value":"active"}}]`,
		"had_item_added":  `[{"append":{"target":"items","value":"$.data"}}]`,
		"was_repriced":    `[{"set":{"target":"price","value":"$.data.price"}},{"set":{"target":"note","value":"$.data.note"}}]`,
		"was_looked_at":   `[]`,
		"was_checked_out": `[{"set":{"target":"status","value":"checked_out"}}]`,
	})
}

// event is the stored event of a version.
func event(v int, typ, data string) replay.Event {
	return replay.NewEvent(&storage.Event{
		Stream: "cart-a-b", Version: storage.Version(v), Position: storage.Position(2 * v), RecordedAt: storage.Instant(v) * 1_000_000,
		Type: typ, Kind: storage.PayloadJSON, Payload: []byte(data),
	})
}

// I14, S1.12: a state that went through its snapshot form on the way ends like
// one that did not, warnings and all.
func TestAFoldThatStopsAtASnapshotEndsTheSame(t *testing.T) {
	r := cartRules(t)
	types := []string{"was_created", "had_item_added", "had_item_added", "was_repriced", "was_looked_at", "unknown", "was_checked_out"}
	datas := []string{`{"n":1.50,"s":"a\u0000\"ü"}`, `{"price":2,"note":"x"}`, `[1]`, `{}`}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "events")
		straight, stopping := replay.NewFold(r), replay.NewFold(r)
		for v := 1; v <= n; v++ {
			e := event(v, rapid.SampledFrom(types).Draw(t, "type"), rapid.SampledFrom(datas).Draw(t, "data"))
			straight.Apply(&e)
			stopping.Apply(&e)
			if rapid.Bool().Draw(t, "stop") {
				state := stopping.State()
				read, err := replay.ParseState(replay.AppendState(nil, &state))
				if err != nil {
					t.Fatal(err)
				}
				stopping = replay.ResumeFold(r, read)
			}
			if rapid.Bool().Draw(t, "look") {
				_ = straight.State() // looking disturbs nothing
			}
		}
		a, b := straight.State(), stopping.State()
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("straight %v\nstopping %v", a, b)
		}
	})
}

func TestAStateThatWasGivenOutNeverChanges(t *testing.T) {
	fold := replay.NewFold(cartRules(t))
	var seen []replay.State
	var told []string
	for v := 1; v <= 40; v++ {
		e := event(v, []string{"was_repriced", "had_item_added", "unknown"}[v%3], []string{`{}`, `{"price":1}`}[v%2])
		fold.Apply(&e)
		seen = append(seen, fold.State())
		told = append(told, fmt.Sprint(fold.State()))
	}
	for i := range seen {
		if got := fmt.Sprint(seen[i]); got != told[i] {
			t.Fatalf("after event %d it was %s, and is now %s", i+1, told[i], got)
		}
	}
	last := seen[len(seen)-1]
	if last.Version != 40 || last.Skipped != 13 || last.WarningCount() == 0 || last.CreatedAt != 1_000_000 || last.UpdatedAt != 40_000_000 || last.Position != 80 {
		t.Errorf("%+v", last)
	}
}

func TestDifferentWarningsAreCountedWithinABound(t *testing.T) {
	handlers := map[string]string{}
	for i := range replay.MaxWarnings + 20 {
		handlers[fmt.Sprint("e", i)] = `{"append":{"target":"x","value":"$.data.gone"}}`
	}
	fold := replay.NewFold(rules(t, handlers))
	for v := 1; v <= 3*len(handlers); v++ {
		e := event(v, fmt.Sprint("e", v%len(handlers)), `{}`)
		fold.Apply(&e)
	}
	s := fold.State()
	if len(s.Warnings) != replay.MaxWarnings || s.WarningCount() != uint64(3*len(handlers)) || s.Value.String() != `{}` {
		t.Errorf("%d warnings, %d in all", len(s.Warnings), s.WarningCount())
	}
}

// I9: what is damaged in a snapshot is no state, or at least one that reads.
func TestNoDamageOfASnapshotDoesHarm(t *testing.T) {
	fold := replay.NewFold(cartRules(t))
	for v := 1; v <= 5; v++ {
		e := event(v, []string{"was_created", "had_item_added", "was_repriced"}[v%3], `{"a":1}`)
		fold.Apply(&e)
	}
	state := fold.State()
	good := replay.AppendState(nil, &state)
	for i := range good {
		if _, err := replay.ParseState(good[:i]); err == nil {
			t.Errorf("cut off at byte %d it is read", i)
		}
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			if s, err := replay.ParseState(bad); err == nil && !s.Value.IsObject() {
				t.Errorf("bit %d of byte %d: %v", bit, i, s.Value)
			}
		}
	}
	for _, bad := range [][]byte{nil, {0}, make([]byte, 100), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")} {
		if _, err := replay.ParseState(bad); err == nil {
			t.Errorf("%x is read", bad)
		}
	}
}

func TestEventsCountInTheOrderOfTheirFacts(t *testing.T) {
	events := make([]replay.Event, 4)
	for i := range events {
		events[i] = event(i+1, "x", `{}`)
	}
	events[2].Metadata.OccurredAt = storage.Instant(1_000_000).Time()
	events[3].Metadata.OccurredAt = storage.Instant(500_000).Time()
	replay.Effective(events)
	var got []uint64
	for i := range events {
		got = append(got, events[i].Version)
	}
	if fmt.Sprint(got) != "[4 1 3 2]" {
		t.Errorf("%v", got)
	}
}

func TestAnEventIsSeenByItsNames(t *testing.T) {
	e := replay.NewEvent(&storage.Event{
		Stream: "user-auth0|1-2", Version: 3, RecordedAt: 1_705_914_000_123_456, Type: "t", Kind: storage.PayloadJSON, Payload: []byte(`{}`),
		Metadata: map[string]string{"actor_type": "user", "actor_id": "u", "correlation_id": "c", "causation_id": "d", "key_id": "k", "more": "m"},
		Tags:     []string{"x"}, ID: storage.EventID{1},
	})
	got := fmt.Sprintln(e.AggregateType, e.ID, e.Metadata.ActorType, e.Metadata.ActorID, e.Metadata.CorrelationID, e.Metadata.CausationID,
		e.Metadata.KeyID, e.Metadata.Extra, e.Metadata.Tags, e.Metadata.SchemaVersion, e.Metadata.EventID, replay.StreamID{Millis: replay.Millis(e.RecordedAt), Place: 2})
	if got != "user auth0|1-2 user u c d k map[more:m] [x] 1 01000000-0000-0000-0000-000000000000 1705914000123-2\n" {
		t.Errorf("%s", got)
	}
}
