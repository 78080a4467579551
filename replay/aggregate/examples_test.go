package aggregate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/record"
)

const cartID = "550e8400-e29b-41d4-a716-446655440000"

// S0.9, S0.12, S0.15: the seed's cart, with its times and stream ids, from a
// restored log.
func TestTheSeedsCartIsAnsweredToTheByte(t *testing.T) {
	dir := t.TempDir() + "/store"
	r, err := embedded.Restore(dir, embedded.Options{DiskFloorBytes: -1}, storage.NewHistoryID())
	if err != nil {
		t.Fatal(err)
	}
	add := func(stream string, v storage.Version, p storage.Position, at int64, event, data string, meta map[string]string) {
		e, violations := record.NewEventOf(&storage.Event{
			ID: storage.EventID{15: byte(p)}, Type: event, Kind: storage.PayloadJSON, Payload: []byte(data), Metadata: meta,
		}, storage.Limits{})
		if violations != nil {
			t.Fatal(violations)
		}
		if err := r.Add(stream, v, p, storage.Instant(at)*second, e); err != nil {
			t.Fatal(err)
		}
	}
	by := map[string]string{"actor_type": "user", "actor_id": user.ID}
	shirt := `{"sku":"shirt-001","name":"Blue T-Shirt","price":29.99,"quantity":2}`
	hat := `{"sku":"hat-001","name":"Red Hat","price":19.99,"quantity":1}`
	add(aggregate.SpecStream, 1, 1, 1705910000, "specification_was_put", example(t, "cart"), nil)
	add("cart-"+cartID, 1, 2, 1705914000, "was_created", "{}", by)
	add("cart-"+cartID, 2, 3, 1705914060, "had_item_added", shirt, by)
	add("cart-"+cartID, 3, 4, 1705914120, "had_item_added", hat, by)
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	k := newKit(t, openDisk(t, dir), "")
	out, err := k.State(context.Background(), aggregate.StateQuery{Type: "cart", ID: cartID})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"items":[` + shirt + `,` + hat + `],"status":"active"} 3 1705914000 1705914120`
	if got := fmt.Sprint(out.Value, out.Version, out.CreatedAt/second, out.UpdatedAt/second); got != strings.ReplaceAll(want, "} 3", "} 3") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	page, err := k.Events(context.Background(), aggregate.EventsQuery{Type: "cart", ID: cartID})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"1705914000000-0 cart:" + cartID + " was_created {} user",
		"1705914060000-0 cart:" + cartID + " had_item_added " + shirt + " user",
		"1705914120000-0 cart:" + cartID + " had_item_added " + hat + " user",
	} {
		e := page.Events[i]
		if got := fmt.Sprint(e.StreamID, " ", e.Key, " ", e.Type, " ", string(e.Data), " ", e.Meta.Actor.Type); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	// S0.20: at a time; a second includes the whole of it, and 1 before is before.
	if got := k.state("cart", cartID, atTime(t, "2024-01-22T09:00:00Z")); got != `{"items":[],"status":"active"}` {
		t.Errorf("at the first second: %s", got)
	}
	before := atTime(t, "1705913999")
	_, err = k.State(context.Background(), aggregate.StateQuery{Type: "cart", ID: cartID, At: before})
	if r := k.isRefusal(err, aggregate.CodeBeforeFirstEvent); r.Kind != aggregate.Missing {
		t.Errorf("kind %d", r.Kind)
	}
}

// S4.11: an ad is refused until the user's e-mail is verified, and the race is
// closed: the user's version is checked with the append.
func TestAnAdWaitsForAVerifiedEmail(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "users"))
		post := command("ad", "1", "was_posted", `{"user_id":"auth0|123456","type":"motorcycle","make":"Honda"}`, user)
		if r := k.refused(post, "EMAIL_NOT_VERIFIED"); r.Kind != aggregate.Forbidden || r.Problem != "verify your e-mail address first" {
			t.Errorf("%+v", &r)
		}
		const id = "auth0|123456" // S4.2
		k.do(command("user", id, "userCreated", `{"user_id":"auth0|123456","email":"ann@example.com"}`, user))
		k.refused(post, "EMAIL_NOT_VERIFIED")
		k.do(command("user", id, "had_email_verified", "", user))
		k.do(command("user", id, "UserLoggedIn", `{"from":"here"}`, user)) // S4.5
		k.do(post)
		k.do(command("user", id, "had_email_changed", `{"email":"ann@example.org"}`, user))
		post.ID = "2"
		k.refused(post, "EMAIL_NOT_VERIFIED")
		// S0.31: who changed it, when, from what.
		out, err := k.State(context.Background(), aggregate.StateQuery{Type: "user", ID: id})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`[{"from":"ann@example.com","to":"ann@example.org","by":"%s","at":%d}]`, user.ID, out.UpdatedAt/second)
		if got := out.Value.Field("email_history").String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// S4.15: one event that changes several objects.
func TestOneEventChangesSeveralObjects(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "several"))
		c := command("update", "1", "UserUpdated", `{"user_id":"7","updated":[{"type":"User","_id":"7","email":"a@b.ch"},{"type":"MailingList","_id":"news","email":"a@b.ch"}]}`, user)
		c.Events[0].Metadata.CorrelationID = "session"
		out := k.do(c)
		k.now("User", "7", `{"email":"a@b.ch"}`)
		k.now("MailingList", "news", `{"members":{"7":"a@b.ch"}}`)
		page, err := k.Events(context.Background(), aggregate.EventsQuery{Type: "User", ID: "7"})
		if err != nil {
			t.Fatal(err)
		}
		m := page.Events[0].Meta
		if m.CausationID != out.EventIDs[0].String() || m.CorrelationID != "session" || *m.Actor != *user {
			t.Errorf("the implied event says %+v", m)
		}
		c.Events[0].Data = []byte(`{"user_id":"7","updated":[{"type":"User","_id":"a/b","email":"a@b.ch"}]}`)
		k.refused(c, aggregate.CodeInvalidImplied)
	})
}

// S3.1, S3.4, S3.11: orders with UUIDv7 ids, and a correction that counts from
// an earlier time on.
func TestALateCorrectionCountsFromItsOwnTimeOn(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "orders"))
		const id = "0190163D-8694-739B-AEA5-966C26F8AD91"
		lower := strings.ToLower(id)
		at := func(c *aggregate.Command, day int) *aggregate.Command {
			c.Events[0].Metadata.OccurredAt = time.Date(2024, 6, day, 12, 0, 0, 0, time.UTC)
			return c
		}
		k.do(at(command("order", id, "OrderCreated", `{"customerId":"c","amount":99.90}`, nil), 1))
		k.do(at(command("order", id, "OrderPaid", `{"paymentId":"p"}`, nil), 3))
		k.do(at(command("order", id, "AmountCorrected", `{"amount":89.90,"reason":"typo"}`, nil), 2))
		k.now("order", lower, `{"orderId":"`+lower+`","customerId":"c","amount":89.90,"status":"PAID","paymentId":"p"}`)
		k.now("order", id, k.state("order", lower, aggregate.Point{})) // ids are read in either case
		for day, want := range map[int]string{
			1: `{"orderId":"` + lower + `","customerId":"c","amount":99.90,"status":"CREATED"} 1`,
			2: `{"orderId":"` + lower + `","customerId":"c","amount":89.90,"status":"CREATED"} 2`,
			3: `{"orderId":"` + lower + `","customerId":"c","amount":89.90,"status":"PAID","paymentId":"p"} 3`,
		} {
			moment, err := aggregate.ParseMoment(fmt.Sprintf("2024-06-%02dT12:00:00Z", day))
			if err != nil {
				t.Fatal(err)
			}
			out, err := k.State(context.Background(), aggregate.StateQuery{Type: "order", ID: lower, Effective: &moment})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(out.Value, out.Version); got != want {
				t.Errorf("effective on day %d: got %s, want %s", day, got, want)
			}
			// What was known before the correction came.
			out, err = k.State(context.Background(), aggregate.StateQuery{Type: "order", ID: lower, At: atLength(2), Effective: &moment})
			if err != nil || out.Value.Field("amount").Text() != "99.90" {
				t.Errorf("as known then, on day %d: %v, %v", day, out.Value, err)
			}
		}
		if r := k.refused(command("order", "o-1", "OrderCreated", `{"customerId":"c","amount":1}`, nil), aggregate.CodeInvalidID); r.Path != "id" {
			t.Errorf("path %q", r.Path)
		}
	})
}

// S4.12, S4.16: lists hide what was deleted softly, and tell the whole database
// as of a time.
func TestAListShowsWhatThereIsAndWhatThereWas(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "users"))
		var created [4]storage.Instant
		for i := range created {
			id := fmt.Sprint("u", i)
			created[i] = k.do(command("user", id, "userCreated", `{"user_id":"`+id+`","email":"`+id+`@b.ch"}`, user)).RecordedAt
		}
		k.do(command("user", "u1", "was_deleted", "", user))
		list := func(q aggregate.ListQuery) string {
			t.Helper()
			q.Type = "user"
			var ids []string
			for pages := 0; pages < 10; pages++ {
				page, err := k.ListStates(context.Background(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, item := range page.Items {
					ids = append(ids, item.ID+item.Value.Field("deleted").Text()+"/"+fmt.Sprint(item.Version))
				}
				if q.After = page.Next; q.After == "" {
					return strings.Join(ids, " ")
				}
				ids = append(ids, "|")
			}
			t.Fatal("the list does not end")
			return ""
		}
		if got := list(aggregate.ListQuery{}); got != "u0/1 u1/2 u2/1 u3/1" {
			t.Errorf("all: %s", got)
		}
		if got := list(aggregate.ListQuery{Limit: 2}); got != "u0/1 u1/2 | u2/1 u3/1" {
			t.Errorf("by two: %s", got)
		}
		if got := list(aggregate.ListQuery{Limit: 3, Where: []byte(`{"not_equals":["%.deleted",true]}`)}); got != "u0/1 u2/1 u3/1" {
			t.Errorf("not deleted: %s", got)
		}
		if got := list(aggregate.ListQuery{Where: []byte(`{"email":"u2@b.ch"}`)}); got != "u2/1" {
			t.Errorf("by e-mail: %s", got)
		}
		then := aggregate.MomentOf(created[2])
		if got := list(aggregate.ListQuery{Time: &then}); got != "u0/1 u1/1 u2/1" {
			t.Errorf("then: %s", got)
		}
		for _, bad := range []aggregate.ListQuery{{Limit: 1001}, {Limit: -1}, {Where: []byte(`{"not":[`)}, {Where: []byte(`[]`)}} {
			bad.Type = "user"
			_, err := k.ListStates(context.Background(), bad)
			k.isRefusal(err, aggregate.CodeInvalidRequest)
		}
	})
}
