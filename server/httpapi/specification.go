package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/storage"
)

// specSlack is how much more than a specification is read, so that one which is
// too long is told so by its own rules.
const specSlack = 64 << 10

// spec answers GET /_/spec.
func (c *call) spec() error {
	want := c.q.version("version")
	if c.q.err != nil {
		return c.q.err
	}
	var v storage.Version
	if want != nil {
		v = *want
	}
	found, err := c.api.o.Aggregates.SpecAt(c.ctx, v)
	if err != nil {
		return err
	}
	t := okay()
	t.specVersion(&found)
	t.key("spec")
	t.raw(unwrapped(found.Text))
	return c.reply(http.StatusOK, t)
}

// unwrapped is what is inside of {"spec": ...}, or the text itself.
func unwrapped(text []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) == nil && len(members) == 1 && members["spec"] != nil {
		return members["spec"]
	}
	return text
}

func (t *text) specVersion(v *aggregate.SpecVersion) {
	t.memberUint("version", uint64(v.Version))
	t.memberInt("recorded_at", replay.Millis(v.RecordedAt))
	t.memberIf("key_id", v.KeyName)
	t.memberInt("bytes", int64(v.Bytes))
}

// putSpec answers POST /_/spec.
func (c *call) putSpec() error {
	p := aggregate.PutSpec{
		PreviousLength: c.q.version("previous_length"), DryRun: c.q.flag("dry_run"), Force: c.q.flag("force"), KeyName: c.key.Name,
	}
	if c.q.err != nil {
		return c.q.err
	}
	var err error
	if p.Text, err = c.body(spec.MaxBytes + specSlack); err != nil {
		return err
	}
	if !json.Valid(p.Text) {
		if err := checkBody(p.Text); err != nil {
			return err
		}
	}
	put, err := c.api.o.Aggregates.PutSpec(c.ctx, p)
	if err != nil {
		return err
	}
	t := okay()
	t.memberUint("version", uint64(put.Version))
	t.memberBool("written", put.Written)
	if put.Written {
		t.memberUint("position", uint64(put.Position))
	}
	t.specWarnings(put.Warnings)
	t.changes(put.Changes)
	return c.reply(http.StatusOK, t)
}

func (t *text) specWarnings(list []spec.Warning) {
	t.key("warnings")
	t.open('[')
	for _, w := range list {
		t.fault(w.Path, w.Problem)
	}
	t.close(']')
}

func (t *text) changes(list []spec.Change) {
	t.key("changes")
	t.open('[')
	for i := range list {
		t.open('{')
		t.memberStr("path", list[i].Path)
		t.memberStr("kind", string(list[i].Kind))
		t.memberIf("incompatible", list[i].Incompatible)
		t.close('}')
	}
	t.close(']')
}

// specVersions answers GET /_/spec/versions.
func (c *call) specVersions() error {
	after, limit := c.q.after(), c.q.limit(aggregate.MaxEvents)
	if c.q.err != nil {
		return c.q.err
	}
	page, next, err := c.api.o.Aggregates.SpecVersions(c.ctx, after, limit)
	if err != nil {
		return err
	}
	t := okay()
	t.key("versions")
	t.open('[')
	for i := range page {
		t.open('{')
		t.specVersion(&page[i])
		t.close('}')
	}
	t.close(']')
	t.next64(next)
	return c.reply(http.StatusOK, t)
}

// specDiff answers GET /_/spec/diff.
func (c *call) specDiff() error {
	from, to := c.q.version("from"), c.q.version("to")
	if from == nil {
		c.q.fault("from", "is missing; give the number of a version")
	}
	if c.q.err != nil {
		return c.q.err
	}
	var last storage.Version // 0: the one in force
	if to != nil {
		last = *to
	}
	changes, err := c.api.o.Aggregates.CompareSpecs(c.ctx, *from, last)
	if err != nil {
		return err
	}
	t := okay()
	t.changes(changes)
	return c.reply(http.StatusOK, t)
}
