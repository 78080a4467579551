package aggregate_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/storagetest"
)

// raw is an event as a gRPC client proposes it.
func raw(t testing.TB, n uint64, event, data string, change func(*storage.Event)) storage.NewEvent {
	t.Helper()
	e := storage.Event{
		Type: event, Kind: storage.PayloadJSON, Payload: []byte(data),
		Metadata: map[string]string{"actor_type": "customer", "actor_id": "c-1"},
	}
	if change != nil {
		change(&e)
	}
	out, violations := record.NewEventOf(&e, storage.Limits{})
	if violations != nil {
		t.Fatal(violations)
	}
	out.ID, out.ServerMadeID = storage.EventID{7, 15: byte(n)}, false
	return out
}

func rawOpen(t testing.TB, n uint64) storage.NewEvent {
	return raw(t, n, "AccountCreated", `{"owner":"Ann","initial_balance":100}`, nil)
}

// Writing to a category that has a specification is always validated.
func TestRawAppendsAreHeldToTheSameRules(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		ctx := context.Background()
		one := func(stream string, e storage.NewEvent) *storage.Append {
			return storagetest.One(1_700_000_000*second, storagetest.Expect(stream, storage.ExpectAny(), e))
		}
		if _, err := k.Append(ctx, one("free-a", raw(t, 1, "Anything", `[1]`, nil)), ""); err != nil {
			t.Errorf("a category without a specification: %v", err)
		}
		for _, c := range []struct {
			code, path, stream string
			event              storage.NewEvent
		}{
			{aggregate.CodeInvalidID, "stream", "account", rawOpen(t, 2)},
			{aggregate.CodeInvalidID, "stream", "account-", rawOpen(t, 2)},
			{aggregate.CodeInvalidID, "stream", "account-a b", rawOpen(t, 2)},
			{aggregate.CodeUnknownEvent, "events[0]", "account-a", raw(t, 2, "Anything", `{}`, nil)},
			{aggregate.CodeInvalidData, "events[0].data", "account-a", raw(t, 2, "AccountCreated", `[]`, nil)},
			{aggregate.CodeInvalidData, "events[0].data.owner", "account-a", raw(t, 2, "AccountCreated", `{}`, nil)},
			{aggregate.CodeInvalidData, "events[0]", "account-a", raw(t, 2, "AccountCreated", `{}`, func(e *storage.Event) { e.Kind = storage.PayloadBinary })},
			{aggregate.CodeInvalidActor, "events[0].metadata.actor", "account-a", raw(t, 2, "AccountCreated", `{"owner":"A"}`, func(e *storage.Event) { e.Metadata = nil })},
			{aggregate.CodeInvalidMetadata, "events[0].metadata.key_id", "account-a", raw(t, 2, "AccountCreated", `{"owner":"A"}`, func(e *storage.Event) { e.Metadata["key_id"] = "root" })},
			{"NO_SUCH_ACCOUNT", "events[0]", "account-a", raw(t, 2, "MoneyWithdrawn", `{"amount":1}`, nil)},
		} {
			_, err := k.Append(ctx, one(c.stream, c.event), "")
			if r := k.isRefusal(err, c.code); r.Path != c.path {
				t.Errorf("%s: path %q, want %q: %v", c.code, r.Path, c.path, &r)
			}
		}
		out, err := k.Append(ctx, one("account-a", rawOpen(t, 2)), "key-1")
		if err != nil || out.Entries[0].Last != 1 || len(out.Entries) != 1 || out.First != out.Last {
			t.Fatalf("%+v, %v", out, err)
		}
		page, err := k.Events(ctx, aggregate.EventsQuery{Type: "account", ID: "a"})
		if err != nil || page.Events[0].SchemaVersion != 2 || page.Events[0].KeyName != "key-1" {
			t.Errorf("stamped: %+v, %v", page.Events[0], err)
		}
		// A stated expectation stays the caller's.
		a := one("account-a", raw(t, 3, "MoneyDeposited", `{"amount":1}`, nil))
		a.Entries[0].Expectation = storage.ExpectVersion(0)
		_, err = k.Append(ctx, a, "")
		var conflict *storage.ConflictError
		if !errors.As(err, &conflict) || conflict.Conflicts[0].Expected != storage.ExpectVersion(0) || conflict.Conflicts[0].Actual != 1 {
			t.Errorf("%v", err)
		}
		a.Entries[0].Expectation = storage.ExpectVersion(1)
		first, err := k.Append(ctx, a, "")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := k.Append(ctx, a, ""); err != nil || !again.Replayed || again.First != first.First {
			t.Errorf("again: %+v, %v", again, err)
		}
	})
}

// S1.8: both ways to write, at once, cannot overdraw together.
func TestBothWaysOfWritingTogetherCannotOverdraw(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		k.do(open("a", 100))
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = k.Execute(context.Background(), withdraw("a", "10"))
				} else {
					_, err = k.Append(context.Background(), storagetest.One(1_700_000_000*second,
						storagetest.Expect("account-a", storage.ExpectAny(), raw(t, uint64(i), "MoneyWithdrawn", `{"amount":10}`, nil))), "")
				}
				var r *aggregate.Refusal
				var c *storage.ConflictError
				if err != nil && !errors.As(err, &c) && (!errors.As(err, &r) || r.Code != "INSUFFICIENT_FUNDS") {
					t.Errorf("withdraw: %v", err)
				}
			})
		}
		wg.Wait()
		for range 10 { // what met conflicts only
			_, _ = k.Execute(context.Background(), withdraw("a", "10"))
		}
		k.now("account", "a", `{"owner":"Ann","email":null,"balance":0,"status":"open"}`)
	})
}

// I5: a repeated raw append gets its first answer, about its own events only.
func TestARepeatedRawAppendGetsItsFirstAnswer(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "several"))
		a := storagetest.One(1_700_000_000*second,
			storagetest.Expect("free-a", storage.ExpectAny(), raw(t, 1, "Anything", `{}`, nil)),
			storagetest.Expect("update-1", storage.ExpectNoStream(), raw(t, 2, "UserUpdated", `{"user_id":"7","updated":[{"type":"User","_id":"7","email":"a@b.ch"}]}`, nil)))
		a.RequestID, a.Content, a.Window = "r", [16]byte{1}, 1e12
		first, err := k.Append(context.Background(), a, "")
		if err != nil || len(first.Entries) != 2 || len(first.IDs) != 2 || first.Last != first.First+1 {
			t.Fatalf("%+v, %v", first, err)
		}
		k.now("User", "7", `{"email":"a@b.ch"}`)
		k.put(`{"aggregate_types":{"update":{"events":{"UserUpdated":{"schema":{"required":["more"]},"handler":[]}}},"User":{"events":{"had_email_changed":{}}},"MailingList":{"events":{"had_email_changed":{}}}}}`)
		again, err := k.Append(context.Background(), a, "")
		if err != nil || !again.Replayed || again.First != first.First || again.Last != first.Last || len(again.IDs) != 2 {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

func TestPipelinesTakeWhatNeedsNoState(t *testing.T) {
	k := bank(t, newModel(t))
	a := storagetest.One(0, storagetest.Expect("account-a", storage.ExpectAny(), rawOpen(t, 1)))
	r := k.isRefusal(k.CheckAppend(a, ""), aggregate.CodeRawNeedsExecution)
	if r.Path != "events[0]" {
		t.Errorf("path %q", r.Path)
	}
	k = newKit(t, newModel(t), example(t, "cart"))
	created := raw(t, 1, "was_created", `{}`, func(e *storage.Event) { e.Metadata["actor_type"] = "user" })
	a = storagetest.One(0, storagetest.Expect("cart-a", storage.ExpectAny(), created))
	if err := k.CheckAppend(a, "key"); err != nil || a.Entries[0].Events[0].SchemaVersion != 1 {
		t.Errorf("%v, %+v", err, a.Entries[0].Events[0])
	}
	a = storagetest.One(0, storagetest.Expect("free", storage.ExpectAny(), created))
	if err := k.CheckAppend(a, ""); err != nil || a.Entries[0].Events[0].SchemaVersion != 0 {
		t.Errorf("%v, %+v", err, a.Entries[0].Events[0])
	}
}
