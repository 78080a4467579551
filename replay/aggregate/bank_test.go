package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

func bank(t testing.TB, store caching) *kit { return newKit(t, store, example(t, "bank")) }

// S1.10, S1.18, S2.1: what the balance is, and what it was.
func TestABalanceIsWhatTheEventsMakeAtEveryPoint(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		k.do(open("a", 1000))
		k.do(withdraw("a", "200"))
		k.do(deposit("a", "300"))
		last := k.do(withdraw("a", "600"))
		k.now("account", "a", `{"owner":"Ann","email":null,"balance":500,"status":"open"}`)
		for n, want := range []string{"", "1000", "800", "1100", "500"} {
			if n == 0 {
				continue
			}
			want = fmt.Sprintf(`{"owner":"Ann","email":null,"balance":%s,"status":"open"}`, want)
			if got := k.state("account", "a", atLength(storage.Version(n))); got != want {
				t.Errorf("at length %d: %s, want %s", n, got, want)
			}
			// Each append is a second after the one before; the last one at last.
			at := fmt.Sprint(last.RecordedAt/second - storage.Instant(4-n))
			if got := k.state("account", "a", atTime(t, at)); got != want {
				t.Errorf("at time %s: %s, want %s", at, got, want)
			}
		}
		k.do(open("b", 0))
		k.do(deposit("b", "50"))
		k.do(withdraw("b", "20"))
		k.now("account", "b", `{"owner":"Ann","email":null,"balance":30,"status":"open"}`)
	})
}

// S1.7: intent is judged before there are events; a refusal writes nothing.
func TestConditionsRefuseWithTheirOwnWordsAndWriteNothing(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		k.refused(withdraw("a", "1"), "NO_SUCH_ACCOUNT")
		k.do(open("a", 100))
		if r := k.refused(open("a", 100), "ACCOUNT_EXISTS"); r.Kind != aggregate.Conflicting {
			t.Errorf("kind %d", r.Kind)
		}
		if r := k.refused(withdraw("a", "100.01"), "INSUFFICIENT_FUNDS"); r.Kind != aggregate.Unprocessable || r.Problem != "the balance is too low" {
			t.Errorf("%+v", &r)
		}
		k.refused(command("account", "a", "AccountClosed", `{}`, customer), "BALANCE_LEFT")
		k.do(withdraw("a", "100.00"))
		k.do(command("account", "a", "AccountClosed", "", customer))
		k.refused(deposit("a", "5"), "ACCOUNT_CLOSED")
		k.now("account", "a", `{"owner":"Ann","email":null,"balance":0.00,"status":"closed"}`)
	})
}

// S1.8: many at once cannot overdraw.
func TestARaceCannotOverdraw(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		k.do(open("a", 100))
		var wg sync.WaitGroup
		var mu sync.Mutex
		accepted := 0
		for range 40 {
			wg.Go(func() {
				_, err := k.Execute(context.Background(), withdraw("a", "10"))
				mu.Lock()
				defer mu.Unlock()
				var r *aggregate.Refusal
				var c *storage.ConflictError
				switch {
				case err == nil:
					accepted++
				case errors.As(err, &r) && r.Code == "INSUFFICIENT_FUNDS", errors.As(err, &c):
				default:
					t.Errorf("withdraw: %v", err)
				}
			})
		}
		wg.Wait()
		if accepted != 10 {
			t.Errorf("%d withdrawals of 10 from 100 were accepted", accepted)
		}
		k.now("account", "a", `{"owner":"Ann","email":null,"balance":0,"status":"open"}`)
	})
}

// S1.19, S3.13: why is it 500?
func TestATraceTellsWhatEachEventChanged(t *testing.T) {
	k := bank(t, newModel(t))
	k.do(open("a", 1000))
	k.do(withdraw("a", "200"))
	k.do(deposit("a", "300"))
	k.do(withdraw("a", "600"))
	var told []string
	after := storage.Version(0)
	for {
		page, err := k.Trace(context.Background(), aggregate.TraceQuery{Type: "account", ID: "a", After: after, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Steps {
			told = append(told, fmt.Sprintf("%s %d %s %s=%s", s.Type, s.Version, s.Patch[len(s.Patch)-1].Op, s.Patch[0].Path, s.State.Field("balance")))
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	want := "[AccountCreated 1 add /owner=1000 MoneyWithdrawn 2 replace /balance=800 MoneyDeposited 3 replace /balance=1100 MoneyWithdrawn 4 replace /balance=500]"
	if fmt.Sprint(told) != want {
		t.Errorf("got  %v\nwant %s", told, want)
	}
}

// S4.14: the difference between two versions, and the events between.
func TestADiffNamesTheChangeAndTheEventsBetween(t *testing.T) {
	k := bank(t, newModel(t))
	k.do(open("a", 1000))
	k.do(withdraw("a", "200"))
	k.do(command("account", "a", "MoneyDeposited", `{"amount":300}`, customer))
	d, err := k.Diff(context.Background(), aggregate.DiffQuery{Type: "account", ID: "a", From: atLength(1)})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Patch) != 1 || d.Patch[0].Op != "replace" || d.Patch[0].Path != "/balance" || d.Patch[0].Value.String() != "1100" {
		t.Errorf("patch %v", d.Patch)
	}
	if len(d.Events) != 2 || d.Events[0].Version != 2 || d.From != 1 || d.To != 3 || d.Next != 0 {
		t.Errorf("events %d from %d to %d next %d", len(d.Events), d.From, d.To, d.Next)
	}
	back, err := k.Diff(context.Background(), aggregate.DiffQuery{Type: "account", ID: "a", To: atLength(0), Limit: 1})
	if err != nil || len(back.Patch) != 4 || back.Next != 1 {
		t.Errorf("back to the beginning: %+v, %v", back, err)
	}
}

// S1.21, S1.22, S2.14: older forms are brought up to date when they are read;
// what is stored stays as it was.
func TestOlderEventsAreReadInTheirPresentForm(t *testing.T) {
	k := bank(t, newModel(t))
	c := command("account", "a", "AccountCreated", `{"owner":"Bob"}`, customer)
	c.Events[0].Metadata.SchemaVersion = 1
	k.do(c)
	k.now("account", "a", `{"owner":"Bob","email":null,"balance":0,"status":"open"}`)
	for _, upcast := range []bool{false, true} {
		page, err := k.Events(context.Background(), aggregate.EventsQuery{Type: "account", ID: "a", Upcast: upcast})
		if err != nil {
			t.Fatal(err)
		}
		want, version := `{"owner":"Bob"}`, uint32(1)
		if upcast {
			want, version = `{"owner":"Bob","email":null}`, 2
		}
		if e := page.Events[0]; string(e.Data) != want || e.SchemaVersion != version {
			t.Errorf("upcast %v: %s of version %d", upcast, e.Data, e.SchemaVersion)
		}
	}
	c.ID, c.Events[0].Metadata.SchemaVersion = "b", 3
	if r := k.refused(c, aggregate.CodeInvalidMetadata); r.Path != "metadata.schema_version" {
		t.Errorf("path %q", r.Path)
	}
}

// S0.17: a batch is whole or absent, and each event is judged after those
// before it.
func TestABatchIsJudgedInOrderAndWrittenWhole(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		batch := func(id string, amounts ...string) *aggregate.Command {
			c := open(id, 10)
			c.Batch, c.Metadata.Actor, c.Events[0].Metadata.Actor = true, customer, nil
			for _, a := range amounts {
				c.Events = append(c.Events, withdraw(id, a).Events[0])
			}
			return c
		}
		if r := k.refused(batch("a", "4", "4", "4"), "INSUFFICIENT_FUNDS"); r.Path != "events[3]" {
			t.Errorf("path %q", r.Path)
		}
		k.clock.step.Store(0)
		out := k.do(batch("a", "4", "4"))
		if out.Length != 3 || len(out.StreamIDs) != 3 || out.StreamIDs[2][len(out.StreamIDs[2])-2:] != "-2" {
			t.Errorf("%+v", out)
		}
		k.now("account", "a", `{"owner":"Ann","email":null,"balance":2,"status":"open"}`)
		if out := k.do(deposit("a", "1")); out.StreamIDs[0][len(out.StreamIDs[0])-2:] != "-3" {
			t.Errorf("the fourth event of one millisecond is %s", out.StreamIDs[0])
		}
	})
}
