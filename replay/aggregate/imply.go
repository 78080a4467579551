package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// imply drafts, judges and stages what a staged event implies. Those events
// imply nothing in turn.
func (j *judgement) imply(ctx context.Context, cause *draft) error {
	implies := cause.event.Implies()
	if len(implies) == 0 {
		return nil
	}
	// $.version must be the one that the event will have.
	if _, err := j.look(ctx, cause.typ, cause.stream, false); err != nil {
		return err
	}
	scene := tick.Scene{Event: j.sight(cause)}
	n := 0
	for i := range implies {
		items, err := itemsOf(&implies[i], &scene)
		if err != nil {
			return impliedProblem(cause, err)
		}
		for _, item := range items {
			scene.Item = item
			p, err := j.consequence(cause, &implies[i], &scene)
			if err != nil {
				return impliedProblem(cause, err)
			}
			if p == nil {
				continue
			}
			if n++; n > spec.MaxImplied {
				return impliedProblem(cause, fmt.Errorf("implies more than %d events", spec.MaxImplied))
			}
			if err := j.write(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *judgement) write(ctx context.Context, p *proposal) error {
	d, err := j.drafter.draft(p)
	if err != nil {
		return err
	}
	j.implied++
	return j.judge(ctx, d)
}

// impliedProblem refuses an event because of what it would imply.
func impliedProblem(cause *draft, err error) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return refuseAt(CodeInvalidImplied, cause.path, err.Error())
}

// itemsOf is what the rest is done for: one time for no item, or each item.
func itemsOf(rule *spec.Imply, scene *tick.Scene) ([]value.Value, error) {
	if rule.ForEach == nil {
		return []value.Value{{}}, nil
	}
	list, err := rule.ForEach.Make(scene, nil)
	if err != nil {
		return nil, fmt.Errorf("for_each: %w", err)
	}
	if list.IsNone() {
		return nil, nil
	}
	if !list.IsArray() {
		return nil, errors.New("for_each: not an array")
	}
	out := make([]value.Value, 0, list.Len())
	for _, item := range list.Items() {
		out = append(out, item)
	}
	return out, nil
}

// consequence is the event that a rule makes of one item; nil: none.
func (j *judgement) consequence(cause *draft, rule *spec.Imply, scene *tick.Scene) (*proposal, error) {
	if rule.When != nil {
		yes, err := rule.When.Holds(scene, nil)
		if err != nil || !yes {
			return nil, err
		}
	}
	typ, err := textOf(rule.Type, scene)
	if err != nil {
		return nil, fmt.Errorf("the type of an implied event: %w", err)
	}
	id, err := textOf(rule.ID, scene)
	if err != nil {
		return nil, fmt.Errorf("the id of an implied event: %w", err)
	}
	name, err := textOf(rule.Event, scene)
	if err != nil {
		return nil, fmt.Errorf("the name of an implied event: %w", err)
	}
	data, err := rule.Data.Make(scene, nil)
	if err != nil {
		return nil, fmt.Errorf("the data of the implied event %q: %w", name, err)
	}
	t, ok := j.drafter.book.types[typ]
	if !ok {
		return nil, fmt.Errorf("implies an event of the aggregate type %q, which there is not", typ)
	}
	stored, problem := t.CheckID(id)
	if problem != "" {
		return nil, fmt.Errorf("implies an event of %s %q: the id %s", typ, id, problem)
	}
	p := &proposal{typ: t, id: stored, path: cause.path, name: name, code: CodeInvalidImplied}
	if !data.IsNone() {
		p.data = data.AppendJSON(nil)
	}
	p.meta = Metadata{
		Actor: cause.meta.Actor, OccurredAt: cause.meta.OccurredAt,
		CorrelationID: cause.meta.CorrelationID, CausationID: cause.stored.ID.String(),
	}
	return p, nil
}
