package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// repeat executes a command again and wants the first answer.
func (k *kit) repeat(c *aggregate.Command, first aggregate.Result) {
	k.Helper()
	head := k.store.Head()
	again := k.do(c)
	first.Replayed = true
	if fmt.Sprint(again) != fmt.Sprint(first) {
		k.Fatalf("again: %+v, want the first answer %+v", again, first)
	}
	if k.store.Head() != head {
		k.Fatalf("the repetition moved the head to %d", k.store.Head())
	}
}

// I5: a repeated request gets the first answer, whatever would be said of it
// today: that the balance is too low, the account closed, the data not of the
// schema, the event or even the type not known.
func TestARepeatedRequestGetsTheFirstAnswerWhateverHasHappenedSince(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		k.do(open("a", 100))
		c := withdraw("a", "60")
		c.RequestID = "r-1"
		first := k.do(c)
		k.repeat(c, first)
		k.do(withdraw("a", "40"))
		k.do(command("account", "a", "AccountClosed", "", customer))
		k.repeat(c, first)
		if _, err := k.PutSpec(context.Background(), aggregate.PutSpec{Text: []byte(example(t, "cart")), Force: true}); err != nil {
			t.Fatal(err)
		}
		k.repeat(c, first)

		other := withdraw("a", "61")
		other.RequestID = "r-1"
		if r := k.refused(other, aggregate.CodeMismatch); r.Kind != aggregate.Conflicting {
			t.Errorf("kind %d", r.Kind)
		}
		for _, another := range []func(*aggregate.Command){
			func(c *aggregate.Command) { c.KeyName = "somebody" },
			func(c *aggregate.Command) { c.ID = "b" },
			func(c *aggregate.Command) { c.RequestID = "r-2" },
		} {
			other := *c
			another(&other)
			k.refused(&other, aggregate.CodeUnknownType) // nobody has asked this before
		}
	})
}

// I5: also with a stated length, with implied events, and after a restart.
func TestARepeatedRequestIsKnownAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	c := command("update", "u", "UserUpdated", `{"user_id":"7","updated":[{"type":"User","_id":"7","email":"a@b.ch"},{"type":"MailingList","_id":"news","email":"a@b.ch"}]}`, nil)
	c.RequestID, c.PreviousLength = "r", length(0)
	var first aggregate.Result
	t.Run("first", func(t *testing.T) {
		k := newKit(t, openDisk(t, dir), example(t, "several"))
		first = k.do(c)
		if first.Implied != 2 || first.Position != 4 || first.Length != 1 || len(first.StreamIDs) != 1 {
			t.Errorf("%+v", first)
		}
		k.repeat(c, first)
	})
	t.Run("again", func(t *testing.T) {
		k := newKit(t, openDisk(t, dir), "")
		k.repeat(c, first)
		// The rules may make other events of it now: the answer stays.
		k.put(`{"aggregate_types":{"update":{"events":{"UserUpdated":{"handler":[]}}},"User":{"events":{"had_email_changed":{"handler":[]}}},"MailingList":{"events":{"had_email_changed":{"handler":[]}}}}}`)
		k.repeat(c, first)
	})
}

// I5: without a request id, a stated length and the client's own event ids make
// a repetition known too.
func TestARepetitionWithTheClientsOwnIDsIsKnown(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := bank(t, store)
		k.do(open("a", 100))
		c := withdraw("a", "60")
		c.PreviousLength, c.Events[0].Metadata.EventID = length(1), "0190163d-8694-739b-aea5-966c26f8ad91"
		first := k.do(c)
		k.repeat(c, first)
		k.do(withdraw("a", "40"))
		k.repeat(c, first)
	})
}

// S0.27, S1.5: a stated length is the caller's to keep, and both are told.
func TestAStatedLengthThatIsNotTheStreamsIsAConflict(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, example(t, "cart"))
		for _, event := range []string{"was_created", "was_checked_out"} {
			for _, stated := range []storage.Version{1, 3} {
				c := command("cart", "a", event, "", user)
				c.PreviousLength = length(stated)
				if event == "was_created" {
					c.PreviousLength = length(stated + 10)
				}
				_, err := k.Execute(context.Background(), c)
				var conflict *storage.ConflictError
				if !errors.As(err, &conflict) || conflict.Conflicts[0].Stream != "cart-a" {
					t.Fatalf("%s: %v", event, err)
				}
				if want, _ := conflict.Conflicts[0].Expected.Exact(); want != *c.PreviousLength {
					t.Errorf("the conflict names %v", conflict.Conflicts[0].Expected)
				}
			}
			c := command("cart", "a", "was_created", "", user)
			k.do(c)
			k.do(c)
		}
		c := command("cart", "a", "was_checked_out", "", user)
		c.PreviousLength = length(4)
		if out := k.do(c); out.Length != 5 {
			t.Errorf("%+v", out)
		}
	})
}

func TestCommandsThatContradictThemselvesAreRefused(t *testing.T) {
	k := bank(t, newModel(t))
	k.do(open("a", 1))
	for _, c := range []struct {
		code, path string
		change     func(*aggregate.Command)
	}{
		{aggregate.CodeInvalidRequest, "events", func(c *aggregate.Command) { c.Events = nil }},
		{aggregate.CodeInvalidRequest, "metadata.skip_occ", func(c *aggregate.Command) { c.SkipOCC, c.PreviousLength = true, length(1) }},
		{aggregate.CodeInvalidRequest, "metadata.skip_occ", func(c *aggregate.Command) { c.SkipOCC = true }},
		{aggregate.CodeInvalidRequest, "request_id", func(c *aggregate.Command) { c.RequestID = "\x01" }},
		{aggregate.CodeInvalidMetadata, "metadata.event_id", func(c *aggregate.Command) { c.Metadata.EventID = "x" }},
		{aggregate.CodeInvalidMetadata, "metadata.schema_version", func(c *aggregate.Command) { c.Metadata.SchemaVersion = 1 }},
		{aggregate.CodeInvalidMetadata, "metadata.event_id", func(c *aggregate.Command) { c.Events[0].Metadata.EventID = "x" }},
		{aggregate.CodeInvalidMetadata, "metadata.extra.key_id", func(c *aggregate.Command) { c.Events[0].Metadata.Extra = map[string]string{"key_id": "x"} }},
		{aggregate.CodeInvalidMetadata, "metadata.tags[1]", func(c *aggregate.Command) { c.Events[0].Metadata.Tags = []string{"a", ""} }},
		{aggregate.CodeInvalidActor, "metadata.actor", func(c *aggregate.Command) { c.Events[0].Metadata.Actor = nil }},
		{aggregate.CodeInvalidActor, "metadata.actor.type", func(c *aggregate.Command) { c.Events[0].Metadata.Actor = user }},
		{aggregate.CodeInvalidActor, "metadata.actor.id", func(c *aggregate.Command) { c.Events[0].Metadata.Actor = &aggregate.Actor{Type: "teller"} }},
		{aggregate.CodeInvalidID, "id", func(c *aggregate.Command) { c.ID = "a/b" }},
		{aggregate.CodeInvalidID, "id", func(c *aggregate.Command) { c.ID = "" }},
		{aggregate.CodeUnknownType, "", func(c *aggregate.Command) { c.Type = "acount" }},
		{aggregate.CodeUnknownEvent, "", func(c *aggregate.Command) { c.Events[0].Type = "MoneyLost" }},
		{aggregate.CodeInvalidData, "data.amount", func(c *aggregate.Command) { c.Events[0].Data = []byte(`{"amount":0}`) }},
		{aggregate.CodeInvalidData, "data.amount", func(c *aggregate.Command) { c.Events[0].Data = []byte(`{}`) }},
		{aggregate.CodeInvalidData, "data.amount", func(c *aggregate.Command) { c.Events[0].Data = []byte(`{"amount":1e-10000000}`) }},
		{aggregate.CodeInvalidData, "data", func(c *aggregate.Command) { c.Events[0].Data = []byte(`[]`) }},
		{aggregate.CodeInvalidData, "data", func(c *aggregate.Command) { c.Events[0].Data = []byte(`{"amount":1,"amount":2}`) }},
	} {
		cmd := withdraw("a", "1")
		c.change(cmd)
		if r := k.refused(cmd, c.code); r.Path != c.path {
			t.Errorf("%s: path %q, want %q (%v)", c.code, r.Path, c.path, &r)
		}
	}
}

// I5: the rules may make more events of a request than there were at first.
func TestARepeatedRequestThatWouldNowImplyMoreGetsTheFirstAnswer(t *testing.T) {
	onEachStore(t, func(t *testing.T, store caching) {
		k := newKit(t, store, `{"aggregate_types":{"a":{"events":{"x":{"handler":[]}}}}}`)
		c := command("a", "1", "x", "{}", nil)
		k.put(`{"aggregate_types":{"a":{"events":{"x":{}}}}}`)
		c.RequestID = "r"
		first := k.do(c)
		k.put(`{"aggregate_types":{"a":{"events":{"x":{"implies":[{"type":"b","id":"1","event":"y","data":{}},{"type":"a","id":"1","event":"x","data":{}}]}}},"b":{"events":{"y":{}}}}}`)
		again := k.do(c)
		if !again.Replayed || again.Implied != 0 || again.Position != first.Position || again.Length != 1 {
			t.Errorf("again: %+v, want %+v", again, first)
		}
		c.RequestID = "s"
		if out := k.do(c); out.Implied != 2 || out.Length != 3 || len(out.StreamIDs) != 1 {
			t.Errorf("%+v", out)
		}
	})
}
