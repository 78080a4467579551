package tick_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// fact is an event of a story.
type fact struct{ event, data string }

// fold runs a story and fails on any warning.
func fold(t *testing.T, handlers map[string]string, story []fact) tick.Value {
	t.Helper()
	programs := map[string]*tick.Program{}
	for event, handler := range handlers {
		programs[event] = compile(t, handler)
	}
	var state tick.Value
	for i, f := range story {
		in := input(parse(t, f.data))
		in.Version = uint64(i + 1)
		var warnings []tick.Warning
		if state, warnings = programs[f.event].Run(state, in, nil); warnings != nil {
			t.Fatalf("%s: %v", f.event, warnings)
		}
	}
	return state
}

func TestTheCartComesOutAsItWasPutIn(t *testing.T) { // S0.5, S0.6, S0.14
	handlers := map[string]string{
		"was_created":     `[{ "set": { "target": "items", "value": [] } }, { "set": { "target": "status", "value": "active" } }]`,
		"had_item_added":  `[{ "append": { "target": "items", "value": "$.data" } }]`,
		"was_checked_out": `[{ "set": { "target": "status", "value": "checked_out" } }]`,
	}
	story := []fact{
		{"was_created", `{}`},
		{"had_item_added", `{ "sku": "WIDGET-1", "name": "Blue Widget", "price": 29.99, "quantity": 2 }`},
		{"had_item_added", `{ "sku": "GADGET-5", "name": "Red Gadget", "price": 49.99, "quantity": 1 }`},
		{"was_checked_out", `{}`},
	}
	const items = `{"items":[{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2},{"sku":"GADGET-5","name":"Red Gadget","price":49.99,"quantity":1}],"status":`
	for n, want := range map[int]string{
		0: `null`, 1: `{"items":[],"status":"active"}`, 3: items + `"active"}`, 4: items + `"checked_out"}`,
	} {
		if got := fold(t, handlers, story[:n]); got.String() != want {
			t.Errorf("after %d events the cart is %s, want %s", n, got, want)
		}
	}
}

func TestTheBankAccountsComeTo500And30(t *testing.T) { // S1.10, S2.2
	handlers := map[string]string{
		"AccountCreated": `{"merge": {"target": "", "value": {"owner": "$.data.owner?", "balance": "$.data.initial_balance"}}}`,
		"MoneyDeposited": `{"increment": {"target": "balance", "by": "$.data.amount"}}`,
		"MoneyWithdrawn": `{"decrement": {"target": "balance", "by": "$.data.amount"}}`,
	}
	story := []fact{
		{"AccountCreated", `{"owner": "Alice", "initial_balance": 1000}`},
		{"MoneyWithdrawn", `{"amount": 200}`},
		{"MoneyDeposited", `{"amount": 300}`},
		{"MoneyWithdrawn", `{"amount": 600}`},
	}
	for n, want := range []string{`1000`, `800`, `1100`, `500`} {
		if got := fold(t, handlers, story[:n+1]); got.Field("balance").String() != want {
			t.Errorf("after %d events the balance is %s, want %s", n+1, got, want)
		}
	}
	got := fold(t, handlers, []fact{{"AccountCreated", `{"initial_balance": 0}`}, {"MoneyDeposited", `{"amount": 50}`}, {"MoneyWithdrawn", `{"amount": 20}`}})
	if got.String() != `{"balance":30}` {
		t.Errorf("the other account is %s", got)
	}
	overdraw, faults := tick.CompilePredicate(parse(t, `{"and": [{"exists": "@.balance"}, {"not": {"exists": "@.closed"}}, {"gte": ["@.balance", "$.data.amount"]}]}`), "require[0].that", tick.ScopeState)
	if faults != nil {
		t.Fatal(faults)
	}
	for amount, may := range map[string]bool{"29.99": true, "30": true, "30.00": true, "30.01": false} {
		scene := &tick.Scene{State: got, Event: input(parse(t, `{"amount": `+amount+`}`))}
		if yes, err := overdraw.Holds(scene, nil); err != nil || yes != may {
			t.Errorf("withdrawing %s of 30: %v %v", amount, yes, err)
		}
	}
}

func TestTheOrderIsShipped(t *testing.T) { // S3.1
	got := fold(t, map[string]string{
		"OrderCreated": `[{"set": {"target": "orderId", "value": "$.id"}}, {"merge": {"target": "", "value": "$.data"}}, {"set": {"target": "status", "value": "Created"}}]`,
		"OrderPaid":    `[{"merge": {"target": "", "value": "$.data"}}, {"set": {"target": "status", "value": "Paid"}}]`,
		"OrderShipped": `[{"merge": {"target": "", "value": "$.data"}}, {"set": {"target": "status", "value": "Shipped"}}]`,
	}, []fact{
		{"OrderCreated", `{"customer": "c-1", "amount": 12.50}`}, {"OrderPaid", `{"paid_with": "card"}`}, {"OrderShipped", `{"parcel": "p-9"}`},
	})
	if want := `{"orderId":"42","customer":"c-1","amount":12.50,"status":"Shipped","paid_with":"card","parcel":"p-9"}`; got.String() != want {
		t.Errorf("the order is %s", got)
	}
}

func TestOneEventChangesSeveralObjects(t *testing.T) { // S4.15: what implies is made of
	scene := &tick.Scene{Event: input(parse(t, `{"user_id": "auth0|1", "updated": [{"type": "MailingList", "_id": "aXd45", "email": "b@x"}, {"type": "User", "_id": "bgg7x", "email": "b@x"}]}`))}
	each, faults := tick.CompileTemplate(parse(t, `"$.data.updated"`), "for_each", 0)
	id, faults2 := tick.CompileTemplate(parse(t, `"%._id"`), "id", tick.ScopeItem)
	data, faults3 := tick.CompileTemplate(parse(t, `{"email": "%.email", "by": "$.data.user_id"}`), "data", tick.ScopeItem)
	when, faults4 := tick.CompilePredicate(parse(t, `{"equals": ["%.type", "User"]}`), "when", tick.ScopeItem)
	if faults != nil || faults2 != nil || faults3 != nil || faults4 != nil {
		t.Fatal(faults, faults2, faults3, faults4)
	}
	items, err := each.Make(scene, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range items.Items() {
		scene.Item = item
		i, err1 := id.Make(scene, nil)
		d, err2 := data.Make(scene, nil)
		yes, err3 := when.Holds(scene, nil)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		got = append(got, i.Text(), d.String(), value.Bool(yes).String())
	}
	if want := `aXd45 {"email":"b@x","by":"auth0|1"} false bgg7x {"email":"b@x","by":"auth0|1"} true`; strings.Join(got, " ") != want {
		t.Errorf("made %s", strings.Join(got, " "))
	}
}

func TestAnUpcastChainGivesThePresentForm(t *testing.T) { // S1.22
	data := parse(t, `{"name": "Bob Smith"}`)
	for _, step := range []string{
		`[{"set": {"target": "email", "value": {"$default": ["@.email", null]}}}]`,
		`[{"set": {"target": "names.full", "value": "@.name"}}, {"remove": {"target": "name"}}]`,
	} {
		var warnings []tick.Warning
		if data, warnings = compile(t, step).Run(data, input(data), nil); warnings != nil {
			t.Fatal(warnings)
		}
	}
	if want := `{"email":null,"names":{"full":"Bob Smith"}}`; data.String() != want {
		t.Errorf("the data is %s", data)
	}
}

func TestEveryFieldOfAnEventIsThereWhereItIsKnown(t *testing.T) {
	full := &tick.Input{
		Data: parse(t, `{"a":1}`), AggregateType: "user", ID: `auth0|"1"`, Type: "was_created", Version: 7,
		Metadata: tick.Metadata{
			RecordedAt: time.UnixMicro(-1), OccurredAt: time.UnixMilli(1705914060123), ActorType: "admin", ActorID: "a-1",
			EventID: "e-1", CorrelationID: "c-1", CausationID: "c-0", KeyID: "k", SchemaVersion: 2,
			Tags: []string{"x", "y"}, Extra: map[string]string{"trace": "t-1", "b": "2"},
		},
	}
	bare := &tick.Input{AggregateType: "user", ID: "1", Type: "t", Version: 1, Metadata: tick.Metadata{RecordedAt: time.Unix(5, 0)}}
	for _, c := range []struct{ path, full, bare string }{
		{"$.data", `{"a":1}`, ``},
		{"$.id", `"auth0|\"1\""`, `"1"`},
		{"$.key", `"user:auth0|\"1\""`, `"user:1"`},
		{"$.type", `"was_created"`, `"t"`},
		{"$.version", `7`, `1`},
		{"$.metadata.timestamp", `-1`, `5`},
		{"$.metadata.recorded_at", `-1`, `5000`},
		{"$.metadata.occurred_at", `1705914060123`, ``},
		{"$.metadata.actor", `{"type":"admin","id":"a-1"}`, ``},
		{"$.metadata.actor.type", `"admin"`, ``},
		{"$.metadata.actor.id", `"a-1"`, ``},
		{"$.metadata.event_id", `"e-1"`, ``},
		{"$.metadata.correlation_id", `"c-1"`, ``},
		{"$.metadata.causation_id", `"c-0"`, ``},
		{"$.metadata.key_id", `"k"`, ``},
		{"$.metadata.schema_version", `2`, ``},
		{"$.metadata.tags", `["x","y"]`, ``},
		{"$.metadata.tags.-1", `"y"`, ``},
		{"$.metadata.extra", `{"b":"2","trace":"t-1"}`, ``},
		{"$.metadata.extra.trace", `"t-1"`, ``},
		{"$.metadata", `{"timestamp":-1,"recorded_at":-1,"occurred_at":1705914060123,"actor":{"type":"admin","id":"a-1"},"event_id":"e-1","correlation_id":"c-1","causation_id":"c-0","key_id":"k","schema_version":2,"tags":["x","y"],"extra":{"b":"2","trace":"t-1"}}`, `{"timestamp":5,"recorded_at":5000}`},
	} {
		p, faults := tick.CompileTemplate(value.String(c.path), "t", 0)
		if faults != nil {
			t.Fatal(faults)
		}
		for in, want := range map[*tick.Input]string{full: c.full, bare: c.bare, nil: ``} {
			v, err := p.Make(&tick.Scene{Event: in}, nil)
			if want == "" {
				if err == nil || err.Error() != "there is no "+c.path {
					t.Errorf("%s gives %s: %v", c.path, v, err)
				}
			} else if err != nil || v.String() != want {
				t.Errorf("%s gives %s %v, want %s", c.path, v, err, want)
			}
		}
	}
}
