package httpapi

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/storage"
)

// events answers GET /{type}/{id}/events.
func (c *call) events() error {
	q := aggregate.EventsQuery{
		Type: c.typ, ID: c.id,
		After: c.q.after(), Limit: c.q.limit(aggregate.MaxEvents), EventTypes: c.q.values["type"],
		From: c.q.moment("from_time"), Until: c.q.moment("until_time"),
		Reverse: c.q.flag("reverse"), Upcast: c.q.flag("upcast"),
	}
	full := c.q.detailed()
	if c.q.err != nil {
		return c.q.err
	}
	page, err := c.api.o.Aggregates.Events(c.ctx, q)
	if err != nil {
		return err
	}
	t := okay()
	if err := t.views(page.Events, full); err != nil {
		return err
	}
	t.next64(page.Next)
	return c.reply(http.StatusOK, t)
}

// next64 says where the next page begins, if there is one.
func (t *text) next64(v storage.Version) {
	if v > 0 {
		t.memberUint("next", uint64(v))
	}
}

func (t *text) views(list []aggregate.View, full bool) error {
	t.key("events")
	t.open('[')
	for i := range list {
		t.view(&list[i], full)
		if err := t.fits(); err != nil {
			return err
		}
	}
	t.close(']')
	return nil
}

// view is one event.
func (t *text) view(v *aggregate.View, full bool) {
	t.open('{')
	t.viewMembers(v, full)
	t.close('}')
}

func (t *text) viewMembers(v *aggregate.View, full bool) {
	t.memberStr("stream_id", v.StreamID.String())
	t.memberStr("key", v.Key)
	t.memberStr("type", v.Type)
	t.key("data")
	if v.Kind == storage.PayloadJSON {
		t.raw(v.Data)
	} else { // written before its category had a specification
		t.raw([]byte("null"))
		t.memberStr("data_base64", base64.StdEncoding.EncodeToString(v.Data))
	}
	t.key("metadata")
	t.metadata(v, full)
	if full {
		t.memberStr("id", v.ID.String())
		t.memberUint("version", uint64(v.Version))
		t.memberUint("position", uint64(v.Position))
	}
}

// metadata has what the client gave, and the server's time. Times with a name of
// their own are in milliseconds, as handlers see them.
func (t *text) metadata(v *aggregate.View, full bool) {
	t.open('{')
	t.memberInt("timestamp", v.RecordedAt.Time().Unix())
	if a := v.Meta.Actor; a != nil {
		t.key("actor")
		t.open('{')
		t.memberStr("type", a.Type)
		t.memberStr("id", a.ID)
		t.close('}')
	}
	t.memberIf("correlation_id", v.Meta.CorrelationID)
	t.memberIf("causation_id", v.Meta.CausationID)
	if extra := v.Meta.Extra; len(extra) > 0 {
		t.key("extra")
		t.open('{')
		for _, key := range slices.Sorted(maps.Keys(extra)) {
			t.memberStr(key, extra[key])
		}
		t.close('}')
	}
	if full {
		t.metadataDetail(v)
	}
	t.close('}')
}

func (t *text) metadataDetail(v *aggregate.View) {
	t.memberInt("recorded_at", replay.Millis(v.RecordedAt))
	if !v.OccurredAt.IsZero() {
		t.memberInt("occurred_at", v.OccurredAt.UnixMilli())
	}
	if len(v.Tags) > 0 {
		t.key("tags")
		t.strs(v.Tags)
	}
	if v.SchemaVersion > 0 {
		t.memberUint("schema_version", uint64(v.SchemaVersion))
	}
	t.memberIf("key_id", v.KeyName)
}

// diff answers GET /{type}/{id}/diff.
func (c *call) diff() error {
	q := aggregate.DiffQuery{
		Type: c.typ, ID: c.id, Limit: c.q.limit(aggregate.MaxEvents),
		From: c.q.point("from_length", "from_time"), To: c.q.point("to_length", "to_time"),
	}
	full := c.q.detailed()
	if q.From == (aggregate.Point{}) {
		c.q.fault("from_length", "is missing; give it, or from_time")
	}
	if c.q.err != nil {
		return c.q.err
	}
	d, err := c.api.o.Aggregates.Diff(c.ctx, q)
	if err != nil {
		return err
	}
	t := okay()
	t.memberUint("from_length", uint64(d.From))
	t.memberUint("to_length", uint64(d.To))
	if err := t.patch(d.Patch); err != nil {
		return err
	}
	if err := t.views(d.Events, full); err != nil {
		return err
	}
	t.next64(d.Next)
	return c.reply(http.StatusOK, t)
}

func (t *text) patch(p replay.Patch) error {
	t.key("patch")
	t.open('[')
	for i := range p {
		t.open('{')
		t.memberStr("op", p[i].Op)
		t.memberStr("path", p[i].Path)
		if !p[i].Value.IsNone() {
			t.key("value")
			t.value(p[i].Value)
		}
		t.close('}')
		if err := t.fits(); err != nil {
			return err
		}
	}
	t.close(']')
	return nil
}

// trace answers GET /{type}/{id}/trace.
func (c *call) trace() error {
	q := aggregate.TraceQuery{
		Type: c.typ, ID: c.id, At: c.q.point("at_length", "at_time"),
		After: c.q.after(), Limit: c.q.limit(aggregate.MaxEvents),
	}
	full := c.q.detailed()
	if c.q.err != nil {
		return c.q.err
	}
	trace, err := c.api.o.Aggregates.Trace(c.ctx, q)
	if err != nil {
		return err
	}
	c.warn(trace.State.Skipped, trace.State.WarningCount())
	t := okay()
	t.key("steps")
	t.open('[')
	for i := range trace.Steps {
		if err := t.step(&trace.Steps[i], full); err != nil {
			return err
		}
	}
	t.close(']')
	t.key("data")
	t.value(trace.State.Value)
	t.next64(trace.Next)
	return c.reply(http.StatusOK, t)
}

// step is one event and what it changed; with all detail also the state after it.
func (t *text) step(s *aggregate.TraceStep, full bool) error {
	t.open('{')
	t.viewMembers(&s.View, full)
	if err := t.patch(s.Patch); err != nil {
		return err
	}
	t.stepNotes(s.Known, s.Warnings)
	if full {
		t.key("state")
		t.value(s.State)
	}
	t.close('}')
	return t.fits()
}

// stepNotes are there only where something is to be noted.
func (t *text) stepNotes(known bool, warnings []tick.Warning) {
	if !known {
		t.memberBool("skipped", true)
	}
	if len(warnings) == 0 {
		return
	}
	t.key("warnings")
	t.open('[')
	for i := range warnings {
		t.open('{')
		t.memberStr("operation", warnings[i].Path)
		t.memberStr("reason", warnings[i].Reason.String())
		t.memberStr("problem", warnings[i].Problem)
		t.close('}')
	}
	t.close(']')
}
