package aggregate

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// judgement holds drafts against the conditions of their types, on the states
// that they follow, in the order in which they would lie in the log: first the
// events that were asked for, then those that they imply. What it has read it
// remembers with the version, which the append then checks (I4).
type judgement struct {
	s       *Service
	drafter drafter
	head    storage.Position
	at      storage.Instant
	views   map[string]*view
	staged  map[string][]*draft
	order   []string // the streams of staged, as they came
	// loose makes the append check no version of the streams written to.
	loose   bool
	implied int
}

// view is a stream as the judgement has read it.
type view struct {
	version storage.Version
	fold    *replay.Fold // nil: only the version was looked at
	folded  int          // how many of the staged drafts are in the fold
}

func (s *Service) newJudgement(d drafter, at storage.Instant) *judgement {
	return &judgement{s: s, drafter: d, head: s.store.Head(), at: at, views: map[string]*view{}, staged: map[string][]*draft{}}
}

// look reads a stream, once: its version, and its state where that is wanted.
func (j *judgement) look(ctx context.Context, t *ruledType, stream string, withState bool) (*view, error) {
	v := j.views[stream]
	if v != nil && (v.fold != nil || !withState) {
		return v, nil
	}
	switch {
	case j.s == nil: // a fixture: what is not given is not there
		v = &view{fold: replay.NewFold(t.rules)}
	case withState:
		state, err := j.s.load(ctx, place{typ: t, stream: stream, head: j.head})
		if err != nil {
			return nil, err
		}
		v = &view{version: state.Version, fold: replay.ResumeFold(t.rules, state.State)}
	default:
		info, err := j.s.store.Stream(ctx, stream, j.head)
		if err != nil && !isNotFound(err) {
			return nil, fmt.Errorf("look at stream %q: %w", stream, err)
		}
		v = &view{version: info.Version}
	}
	j.views[stream] = v
	return v, nil
}

// state is that of the stream after what is staged.
func (j *judgement) state(ctx context.Context, t *ruledType, stream string) (value.Value, error) {
	v, err := j.look(ctx, t, stream, true)
	if err != nil {
		return value.Value{}, err
	}
	for ; v.folded < len(j.staged[stream]); v.folded++ {
		e := j.staged[stream][v.folded].input
		v.fold.Apply(j.placed(&e, v.version+storage.Version(v.folded)+1))
	}
	return v.fold.State().Value, nil
}

// placed gives an event the place that it will have, and the time of the
// request, which is that of the recording unless the clock went back.
func (j *judgement) placed(e *replay.Event, v storage.Version) *replay.Event {
	e.Version, e.RecordedAt, e.Metadata.RecordedAt = uint64(v), j.at, j.at.Time()
	return e
}

// judge holds an event against its conditions and stages it.
func (j *judgement) judge(ctx context.Context, d *draft) error {
	if requires := d.event.Requires(); len(requires) > 0 {
		own, err := j.state(ctx, d.typ, d.stream)
		if err != nil {
			return err
		}
		scene := tick.Scene{State: own, Event: j.sight(d)}
		for i := range requires {
			if err := j.hold(ctx, d, &requires[i], scene); err != nil {
				return err
			}
		}
	}
	j.stage(d)
	return nil
}

// stage puts events behind what is staged.
func (j *judgement) stage(drafts ...*draft) {
	for _, d := range drafts {
		if _, ok := j.staged[d.stream]; !ok {
			j.order = append(j.order, d.stream)
		}
		j.staged[d.stream] = append(j.staged[d.stream], d)
	}
}

// sight is the event as conditions and implied events see it: with its data in
// the present form, and with its place where that is known.
func (j *judgement) sight(d *draft) *tick.Input {
	e := d.input
	e.Data = d.present
	version := storage.Version(0)
	if v := j.views[d.stream]; v != nil {
		version = v.version + 1
		for _, staged := range j.staged[d.stream] {
			if staged == d {
				break
			}
			version++
		}
	}
	return &j.placed(&e, version).Input
}

// hold judges one condition.
func (j *judgement) hold(ctx context.Context, d *draft, r *spec.Require, scene tick.Scene) error {
	if r.Of != nil {
		var err error
		if scene.State, err = j.other(ctx, d, r, scene); err != nil {
			return err
		}
	}
	yes, err := r.That.Holds(&scene, nil)
	if err != nil {
		return refuseAt(CodeUndecided, d.path, fmt.Sprintf("the condition %s cannot be judged: %v", r.Code, err))
	}
	if !yes {
		no := broken(r)
		no.Path = d.path
		return no
	}
	return nil
}

// other is the state of the aggregate that a condition names. An aggregate that
// cannot be, or is not there, has the state before the first event.
func (j *judgement) other(ctx context.Context, d *draft, r *spec.Require, scene tick.Scene) (value.Value, error) {
	typ, err := textOf(r.Of.Type, &scene)
	if err != nil {
		return value.Value{}, brokenBecause(r, d.path, fmt.Sprintf("its type is not known: %v", err))
	}
	id, err := textOf(r.Of.ID, &scene)
	if err != nil {
		return value.Value{}, brokenBecause(r, d.path, fmt.Sprintf("its id is not known: %v", err))
	}
	t, ok := j.drafter.book.types[typ]
	if !ok {
		return value.Value{}, brokenBecause(r, d.path, fmt.Sprintf("there is no aggregate type %q", typ))
	}
	stored, problem := t.CheckID(id)
	if problem != "" {
		return value.Object(), nil
	}
	return j.state(ctx, t, t.Stream(stored))
}

// textOf is what a template makes, which must be a text.
func textOf(t *tick.Template, scene *tick.Scene) (string, error) {
	v, err := t.Make(scene, nil)
	if err != nil {
		return "", err
	}
	if v.Kind() != value.KindString {
		return "", errors.New("it is not a string")
	}
	return v.Text(), nil
}

// entries are the parts of the append: the streams written to, in order, then
// checks of what else was read, and of the specification.
func (j *judgement) entries() []storage.Entry {
	var out []storage.Entry
	for _, stream := range j.order {
		e := storage.Entry{Stream: stream, Expectation: storage.ExpectAny()}
		if v := j.views[stream]; v != nil && !j.loose {
			e.Expectation = storage.ExpectVersion(v.version)
		}
		for _, d := range j.staged[stream] {
			e.Events = append(e.Events, d.stored)
		}
		out = append(out, e)
	}
	for stream, v := range j.views {
		if len(j.staged[stream]) == 0 {
			out = append(out, storage.Entry{Stream: stream, Expectation: storage.ExpectVersion(v.version)})
		}
	}
	return append(out, storage.Entry{Stream: SpecStream, Expectation: storage.ExpectVersion(j.drafter.book.version)})
}

// never is an expectation that no stream fulfils.
var never = storage.ExpectVersion(math.MaxUint64)
