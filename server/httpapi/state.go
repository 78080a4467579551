package httpapi

import (
	"net/http"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// state answers GET /{type}/{id}.
func (c *call) state() error {
	position, _ := c.q.uint("min_position") // 0 is reached always
	q := aggregate.StateQuery{
		Type: c.typ, ID: c.id,
		At: c.q.point("at_length", "at_time"), Effective: c.q.moment("effective_at"),
		MinPosition: storage.Position(position), Wait: c.q.wait("wait"),
		FullReplay: c.q.word("replay", "full"),
	}
	full := c.q.detailed()
	if c.q.err != nil {
		return c.q.err
	}
	s, err := c.api.o.Aggregates.State(c.ctx, q)
	if err != nil {
		return err
	}
	c.warn(s.Skipped, s.WarningCount())
	t := okay()
	t.key("data")
	t.value(s.Value)
	t.key("metadata")
	t.open('{')
	t.lived(&s.State)
	if full {
		t.memberUint("replayed", s.Replayed)
		t.memberUint("snapshot", uint64(s.Snapshot))
		t.judged(&s.State)
	}
	t.close('}')
	return c.reply(http.StatusOK, t)
}

// lived are the length of an aggregate and the times of its first and last
// event.
func (t *text) lived(s *replay.State) {
	t.memberUint("length", uint64(s.Version))
	t.memberInt("created_at", s.CreatedAt.Time().Unix())
	t.memberInt("updated_at", s.UpdatedAt.Time().Unix())
}

// judged is what there is to know beside of how a state came to be.
func (t *text) judged(s *replay.State) {
	t.memberUint("skipped", s.Skipped)
	t.key("warnings")
	t.open('[')
	for i := range s.Warnings {
		w := &s.Warnings[i]
		t.open('{')
		t.memberStr("event", w.Event)
		t.memberStr("operation", w.Path)
		t.memberStr("reason", w.Reason.String())
		t.memberStr("problem", w.Problem)
		t.memberInt("count", int64(w.Count))
		t.close('}')
	}
	t.close(']')
	if s.MoreWarnings > 0 {
		t.memberUint("more_warnings", s.MoreWarnings)
	}
	t.memberUint("position", uint64(s.Position))
}

// length answers GET /{type}/{id}/length.
func (c *call) length() error {
	n, err := c.api.o.Aggregates.Length(c.ctx, c.typ, c.id)
	if err != nil {
		return err
	}
	t := okay()
	t.memberUint("length", uint64(n))
	return c.reply(http.StatusOK, t)
}

// list answers GET /{type}.
func (c *call) list() error {
	q := aggregate.ListQuery{Type: c.typ, Limit: c.q.limit(aggregate.MaxList), Time: c.q.moment("at_time")}
	q.After, _ = c.q.text("after") // empty: from the first
	if where, there := c.q.text("where"); there {
		if q.Where = []byte(where); len(where) == 0 {
			c.q.fault("where", "is empty; want a predicate as JSON, or leave it out")
		}
	}
	full := c.q.detailed()
	if c.q.err != nil {
		return c.q.err
	}
	list, err := c.api.o.Aggregates.ListStates(c.ctx, q)
	if err != nil {
		return err
	}
	t := okay()
	t.key("aggregates")
	t.open('[')
	var skipped, warnings uint64
	for i := range list.Items {
		item := &list.Items[i]
		skipped, warnings = skipped+item.Skipped, warnings+item.WarningCount()
		t.item(item, full)
		if err := t.fits(); err != nil {
			return err
		}
	}
	t.close(']')
	t.memberIf("next", list.Next)
	c.warn(skipped, warnings)
	return c.reply(http.StatusOK, t)
}

func (t *text) item(item *aggregate.ListItem, full bool) {
	t.open('{')
	t.memberStr("id", item.ID)
	t.key("data")
	t.value(item.Value)
	t.key("metadata")
	t.open('{')
	t.lived(&item.State)
	if full {
		t.judged(&item.State)
	}
	t.close('}')
	t.close('}')
}
