package aggregate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// S0.2: rules come and change by upload, and every version stays.
func TestSpecificationsAreEventsAndEveryOneStays(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, "")
		ctx := context.Background()
		k.refused(command("cart", "a", "was_created", "", user), aggregate.CodeUnknownType)
		_, err := k.SpecAt(ctx, 0)
		k.isRefusal(err, aggregate.CodeNoSpecification)
		dry, err := k.PutSpec(ctx, aggregate.PutSpec{Text: []byte(example(t, "cart")), DryRun: true, PreviousLength: length(0)})
		if err != nil || dry.Version != 1 || dry.Written || store.Head() != 0 {
			t.Errorf("dry run: %+v, %v", dry, err)
		}
		k.put(example(t, "cart"))
		if again := k.put(example(t, "cart")); again.Written || again.Version != 1 {
			t.Errorf("the same again: %+v", again)
		}
		_, err = k.PutSpec(ctx, aggregate.PutSpec{Text: []byte(example(t, "bank")), PreviousLength: length(0)})
		var conflict *storage.ConflictError
		if !errors.As(err, &conflict) || conflict.Conflicts[0].Actual != 1 {
			t.Errorf("put over another version: %v", err)
		}
		out, err := k.PutSpec(ctx, aggregate.PutSpec{Text: []byte(example(t, "bank")), PreviousLength: length(1), KeyName: "ops"})
		if err != nil || out.Version != 2 { // nothing of the cart was written, so nothing suffers
			t.Fatalf("%+v, %v", out, err)
		}
		for v, name := range map[storage.Version]string{0: "bank", 1: "cart", 2: "bank"} {
			got, err := k.SpecAt(ctx, v)
			if err != nil || string(got.Text) != example(t, name) {
				t.Errorf("version %d is not the %s: %v", v, name, err)
			}
		}
		_, err = k.SpecAt(ctx, 3)
		k.isRefusal(err, aggregate.CodeUnknownSpec)
		page, next, err := k.SpecVersions(ctx, 0, 1)
		if err != nil || len(page) != 1 || next != 1 {
			t.Errorf("%v %d %v", page, next, err)
		}
		page, next, err = k.SpecVersions(ctx, next, 1)
		if err != nil || len(page) != 1 || next != 0 || page[0].KeyName != "ops" || page[0].Bytes != len(example(t, "bank")) {
			t.Errorf("%v %d %v", page, next, err)
		}
		changes, err := k.CompareSpecs(ctx, 1, 2)
		if err != nil || len(changes) == 0 {
			t.Errorf("%v %v", changes, err)
		}
	})
}

func TestFaultsOfASpecificationAreAllTold(t *testing.T) {
	k := newKit(t, newModel(t), "")
	_, err := k.PutSpec(context.Background(), aggregate.PutSpec{Text: []byte(`{"aggregate_types":{"a":{"events":{"b":{"handler":{"sett":{}}},"c":{"version":0}}}}}`)})
	if r := k.isRefusal(err, aggregate.CodeInvalidSpec); len(r.Faults) < 2 || r.Path == "" {
		t.Errorf("%+v", &r)
	}
}

// A change that leaves written events without a meaning needs force; what is
// gone is then skipped and counted (S3.5).
func TestRemovingWhatWasWrittenNeedsForce(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "cart"))
		ctx := context.Background()
		k.do(command("cart", "a", "was_created", "", user))
		less := `{"aggregate_types":{"cart":{"events":{"was_created":{"handler":{"set":{"target":"x","value":1}}},"had_item_added":{"handler":[]}}}}}`
		if out, err := k.PutSpec(ctx, aggregate.PutSpec{Text: []byte(less)}); err != nil || !out.Written {
			t.Errorf("removing an event that was never written: %v", err)
		}
		k.put(example(t, "cart"))
		k.do(command("cart", "a", "was_checked_out", "", user))
		_, err := k.PutSpec(ctx, aggregate.PutSpec{Text: []byte(less)})
		if r := k.isRefusal(err, aggregate.CodeIncompatibleSpec); len(r.Faults) != 1 {
			t.Errorf("%+v", &r)
		}
		if _, err := k.PutSpec(ctx, aggregate.PutSpec{Text: []byte(less), Force: true}); err != nil {
			t.Fatal(err)
		}
		out, err := k.State(ctx, aggregate.StateQuery{Type: "cart", ID: "a"})
		if err != nil || out.Value.String() != `{"x":1}` || out.Skipped != 1 || out.Version != 2 {
			t.Errorf("%v, skipped %d, version %d, %v", out.Value, out.Skipped, out.Version, err)
		}
	})
}

// Two services on one log: what one puts, the other follows; and nothing is
// written under rules that are not in force any more.
func TestAnotherServiceFollowsTheSpecification(t *testing.T) {
	store := newModel(t)
	k := newKit(t, store, example(t, "cart"))
	other, err := aggregate.Open(context.Background(), store, aggregate.Options{Clock: k.clock})
	if err != nil {
		t.Fatal(err)
	}
	k.put(`{"aggregate_types":{"cart":{"events":{"was_created":{"schema":{"required":["why"]},"handler":[]},"had_item_added":{},"was_checked_out":{}}}}}`)
	// other does not run, so it has not seen that; its append meets the change.
	_, err = other.Execute(context.Background(), command("cart", "a", "was_created", "", user))
	k.isRefusal(err, aggregate.CodeInvalidData)
	if _, v := other.Spec(); v != 2 {
		t.Errorf("the other service is at version %d", v)
	}
}

// S1.20: the handlers and conditions run on fixtures, with no store.
func TestFixturesRunWithoutAStore(t *testing.T) {
	event := func(name, data, refused string) aggregate.FixtureEvent {
		return aggregate.FixtureEvent{NewEvent: aggregate.NewEvent{Type: name, Data: []byte(data), Metadata: aggregate.Metadata{Actor: customer}}, Refused: refused}
	}
	f := aggregate.Fixture{
		Spec: []byte(example(t, "bank")), Type: "account", ID: "a",
		Events: []aggregate.FixtureEvent{
			event("MoneyWithdrawn", `{"amount":1}`, "NO_SUCH_ACCOUNT"),
			event("AccountCreated", `{"owner":"Ann","initial_balance":100}`, ""),
			event("MoneyWithdrawn", `{"amount":101}`, "INSUFFICIENT_FUNDS"),
			event("MoneyWithdrawn", `{"amount":0}`, aggregate.CodeInvalidData),
			event("MoneyWithdrawn", `{"amount":40}`, ""),
		},
		Expect: []byte(`{"balance":60,"owner":"Ann","status":"open","email":null}`),
	}
	out, err := aggregate.TestSpec(&f)
	if err != nil || !out.Passed || len(out.Steps) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	f.Expect = []byte(`{"balance":61,"owner":"Ann","status":"open","email":null}`)
	f.Events[2].Refused = "ACCOUNT_CLOSED"
	out, err = aggregate.TestSpec(&f)
	if err != nil || out.Passed || len(out.Problems) != 2 || len(out.Patch) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	ad := aggregate.Fixture{
		Spec: []byte(example(t, "users")), Type: "ad", ID: "1",
		Given:  []aggregate.GivenState{{Type: "user", ID: "u", State: []byte(`{"email_verified":true}`)}},
		Events: []aggregate.FixtureEvent{event("was_posted", `{"user_id":"v","type":"x"}`, "EMAIL_NOT_VERIFIED")},
	}
	ad.Events[0].Metadata.Actor = user
	if out, err := aggregate.TestSpec(&ad); err != nil || !out.Passed {
		t.Errorf("%+v, %v", out, err)
	}
	ad.Events[0].Data = []byte(`{"user_id":"u","type":"x"}`)
	if out, err := aggregate.TestSpec(&ad); err != nil || out.Passed {
		t.Errorf("a verified user is refused: %+v, %v", out, err)
	}
}
