package httpapi

import (
	"net/http"

	"github.com/stet-db/stet/replay/aggregate"
)

// test answers POST /_/test.
func (c *call) test() error {
	body, err := c.body(c.api.o.Limits.RequestBytes)
	if err != nil {
		return err
	}
	fixture, err := ParseFixture(body)
	if err != nil {
		return err
	}
	out, err := c.api.o.Aggregates.TestSpec(c.ctx, fixture)
	if err != nil {
		return err
	}
	t := okay()
	if err := t.fixtureResult(&out); err != nil {
		return err
	}
	return c.reply(http.StatusOK, t)
}

// ParseFixture reads a test of a specification:
//
//	{"spec"?, "type", "id"?, "given"?: [{"type", "id", "state"}],
//	 "events": [{"type", "data"?, "metadata"?, "recorded_at"?, "refused"?}], "expect"?}
func ParseFixture(body []byte) (*aggregate.Fixture, error) {
	o, err := readBody(body, "spec", "type", "id", "given", "events", "expect")
	if err != nil {
		return nil, err
	}
	f := &aggregate.Fixture{Spec: o.members["spec"], Type: o.text("type"), ID: o.text("id"), Expect: o.members["expect"]}
	if f.Type == "" {
		o.fault("type", "is missing; give an aggregate type")
	}
	for _, g := range o.list("given", "type", "id", "state") {
		f.Given = append(f.Given, aggregate.GivenState{Type: g.text("type"), ID: g.text("id"), State: g.members["state"]})
	}
	for _, e := range o.list("events", "type", "data", "metadata", "recorded_at", "refused") {
		event := aggregate.FixtureEvent{NewEvent: e.newEvent(), Refused: e.nonEmpty("refused")}
		if e.has("recorded_at") {
			m, _ := e.moment("recorded_at")
			event.RecordedAt = &m.First
		}
		f.Events = append(f.Events, event)
	}
	return f, *o.err
}

func (t *text) fixtureResult(out *aggregate.FixtureResult) error {
	t.memberBool("passed", out.Passed)
	t.key("problems")
	t.open('[')
	for _, p := range out.Problems {
		t.fault(p.Path, p.Problem)
	}
	t.close(']')
	t.key("data")
	t.value(out.State.Value)
	if err := t.patch(out.Patch); err != nil {
		return err
	}
	t.key("steps")
	t.open('[')
	for i := range out.Steps {
		if err := t.fixtureStep(&out.Steps[i]); err != nil {
			return err
		}
	}
	t.close(']')
	t.specWarnings(out.Warnings)
	return nil
}

func (t *text) fixtureStep(s *aggregate.FixtureStep) error {
	t.open('{')
	t.memberInt("index", int64(s.Index))
	t.memberStr("type", s.Type)
	if err := t.patch(s.Patch); err != nil {
		return err
	}
	t.stepNotes(s.Known, s.Warnings)
	t.close('}')
	return t.fits()
}
