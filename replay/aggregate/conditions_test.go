package aggregate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// purses pay into each other: what is paid implies what is received.
const purses = `{"aggregate_types": {"purse": {"events": {
	"was_filled": {"handler": {"increment": {"target": "balance", "by": "$.data.amount"}}},
	"had_paid": {
		"require": [{"that": {"exists": "@.balance"}, "of": {"type": "purse", "id": "$.data.to"}, "code": "NO_SUCH_PURSE", "error": "nobody can be paid", "status": 409}],
		"handler": {"decrement": {"target": "balance", "by": "$.data.amount"}},
		"implies": [{"type": "purse", "id": "$.data.to", "event": "was_filled", "data": {"amount": {"$": "$.data.amount"}}}]}}}}}`

// A condition on an aggregate whose name cannot be made does not hold: it refuses
// with its own word and status, as it does for one that is not there.
func TestAConditionOnWhatCannotBeNamedDoesNotHold(t *testing.T) {
	k := newKit(t, newModel(t), purses)
	k.do(command("purse", "a", "was_filled", `{"amount":5}`, nil))
	for _, to := range []string{`"nobody"`, `"a/b"`, `7`, `null`, `{"x":"@.balance"}`} {
		r := k.refused(command("purse", "a", "had_paid", `{"amount":1,"to":`+to+`}`, nil), "NO_SUCH_PURSE")
		if !r.Condition || r.Kind != aggregate.Conflicting || !strings.HasPrefix(r.Problem, "nobody can be paid") {
			t.Errorf("%s: %+v", to, r)
		}
	}
	k.refused(command("purse", "a", "had_paid", `{"amount":1}`, nil), "NO_SUCH_PURSE")
}

// The answer to a raw append has no place for implied events of its own streams.
// It is refused, wherever in the append the stream is named; they are not left out.
func TestARawAppendNeverLosesWhatItsEventsImply(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, purses)
		k.do(command("purse", "a", "was_filled", `{"amount":5}`, nil))
		k.do(command("purse", "b", "was_filled", `{"amount":0}`, nil))
		head := store.Head()
		pays := func(n uint64, to string) storage.Entry {
			return storagetest.Expect("purse-a", storage.ExpectAny(), raw(t, n, "had_paid", `{"amount":1,"to":"`+to+`"}`, nil))
		}
		filled := storagetest.Expect("purse-b", storage.ExpectAny(), raw(t, 9, "was_filled", `{"amount":1}`, nil))
		checked := storage.Entry{Stream: "purse-b", Expectation: storage.ExpectAny()}
		for name, entries := range map[string][]storage.Entry{
			"after": {pays(1, "b"), filled}, "before": {filled, pays(1, "b")}, "checked only": {pays(1, "b"), checked}, "itself": {pays(1, "a")},
		} {
			_, err := k.Append(context.Background(), &storage.Append{Time: 1_800_000_000 * second, Entries: entries}, "")
			k.isRefusal(err, aggregate.CodeRawNeedsExecution)
			if store.Head() != head {
				t.Fatalf("%s: the head is %d", name, store.Head())
			}
		}
		if _, err := k.Append(context.Background(), &storage.Append{Time: 1_800_000_000 * second, Entries: []storage.Entry{pays(1, "b")}}, ""); err != nil {
			t.Fatal(err)
		}
		k.now("purse", "a", `{"balance":4}`)
		k.now("purse", "b", `{"balance":1}`)
	})
}

// Refusals lead to the part of the metadata that the client has sent.
func TestPartsOfMetadataAreNamedAsTheClientKnowsThem(t *testing.T) {
	k := newKit(t, newModel(t), boxes)
	for want, metadata := range map[string]aggregate.Metadata{
		"metadata.extra[$a]":      {Extra: map[string]string{"$a": "b"}},
		"metadata.extra.actor_id": {Extra: map[string]string{"actor_id": "b"}},
		"metadata.correlation_id": {CorrelationID: "\xff"},
		"metadata":                {Extra: map[string]string{"a": strings.Repeat("x", 70_000)}},
		"metadata.tags[1]":        {Tags: []string{"a", "a"}},
	} {
		c := command("box", "a", "had_note", "", nil)
		c.Events[0].Metadata = metadata
		if r := k.refused(c, aggregate.CodeInvalidMetadata); r.Path != want {
			t.Errorf("path %q, want %q: %v", r.Path, want, &r)
		}
	}
}

// A time that is nearly one is told what it lacks.
func TestATimeThatIsNearlyOneIsToldWhatItLacks(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-22":                "is a date, whose hours depend on the zone; give the time and zone too, as in 2024-01-22T00:00:00Z",
		"2024-01-22T09:00:00":       "lacks the zone; give it too, as in 2024-01-22T09:00:00Z",
		"2024-01-22 09:00:00":       "is not as in RFC 3339",
		"2024-01-22T10:00:00 01:00": "which in a query is written as %2B",
		"2024-13-22":                "is no time",
		"0000-01-01":                "is a date",
	} {
		if _, err := aggregate.ParseMoment(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
