package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/storage"
)

// maxAttempts bounds how often a command is judged anew because others wrote
// what it had read.
const maxAttempts = 16

// Execute validates a command and writes its events, and those that they imply,
// all or none. Errors are a [*Refusal], or those of [storage.Store.Append]: a
// [*storage.ConflictError] where the stream does not have the length demanded,
// or where others were faster time and again.
//
// A command with a request id that was accepted before gets the first answer,
// whatever would be said of it today.
func (s *Service) Execute(ctx context.Context, c *Command) (Result, error) {
	var content [16]byte
	if c.RequestID != "" {
		if problem := storage.TextProblem(c.RequestID, s.o.Limits.RequestIDBytes); problem != "" {
			return Result{}, refuseAt(CodeInvalidRequest, "request_id", problem)
		}
		content = c.content()
	}
	out, err := s.execute(ctx, c, content)
	if err != nil && c.RequestID != "" && isNo(err) {
		first, found, asked := s.remembered(ctx, c.Type+"-"+c.ID, c.requestKey(), content)
		switch {
		case asked != nil:
			return Result{}, asked
		case found:
			out, err = s.replayed(ctx, c, first)
		}
	}
	if err != nil {
		return Result{}, mismatch(err)
	}
	if c.WithState {
		err = s.withState(ctx, c, &out)
	}
	return out, err
}

// withState adds the state after the command's events.
func (s *Service) withState(ctx context.Context, c *Command, out *Result) error {
	t, err := s.current.Load().typeOf(c.Type)
	if err != nil && out.Replayed {
		return nil // the type has gone since; the first answer is due all the same
	}
	if err != nil {
		return err
	}
	id, problem := t.CheckID(c.ID)
	if problem != "" {
		id = c.ID
	}
	state, err := s.load(ctx, place{typ: t, stream: t.Stream(id), upTo: out.Length, head: s.store.Head()})
	out.State = state.Value
	return err
}

// execute judges and appends, again where others came between.
func (s *Service) execute(ctx context.Context, c *Command, content [16]byte) (Result, error) {
	var unlock func()
	defer func() {
		if unlock != nil {
			unlock()
		}
	}()
	for attempt := 1; ; attempt++ {
		book := s.current.Load()
		drafts, err := s.prepare(book, c)
		if err != nil {
			return Result{}, err
		}
		if unlock == nil && !c.SkipOCC && needsState(drafts) {
			// One judgement of an aggregate runs after another.
			if unlock, err = s.locks.lock(ctx, drafts[0].stream); err != nil {
				return Result{}, err
			}
		}
		out, err := s.attempt(ctx, c, book, drafts, content)
		if again, err := s.tryAgain(ctx, c, drafts, attempt, err); !again {
			return out, err
		}
	}
}

// tryAgain tells whether an attempt failed only because of what others wrote
// meanwhile.
func (s *Service) tryAgain(ctx context.Context, c *Command, drafts []*draft, attempt int, err error) (bool, error) {
	var conflict *storage.ConflictError
	if !errors.As(err, &conflict) || attempt == maxAttempts || ctx.Err() != nil {
		return false, err
	}
	if c.PreviousLength != nil {
		for _, failed := range conflict.Conflicts {
			if failed.Stream == drafts[0].stream {
				return false, err // who states a length decides what to do
			}
		}
	}
	if err := s.refresh(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// needsState tells whether what is written depends on what is there.
func needsState(drafts []*draft) bool {
	for _, d := range drafts {
		if len(d.event.Requires())+len(d.event.Implies()) > 0 {
			return true
		}
	}
	return false
}

// prepare validates everything that needs no state.
func (s *Service) prepare(book *rulebook, c *Command) ([]*draft, error) {
	t, err := book.typeOf(c.Type)
	if err != nil {
		return nil, err
	}
	for i := range c.Events {
		// Before anything else is said: what cannot be meant at all.
		if _, ok := t.Event(c.Events[i].Type); !ok {
			return nil, &Refusal{
				Kind: Missing, Code: CodeUnknownEvent, Path: c.path(i),
				Problem: fmt.Sprintf("aggregate type %q has no event %q", c.Type, c.Events[i].Type),
			}
		}
	}
	if err := c.check(&s.o.Limits); err != nil {
		return nil, err
	}
	id, problem := t.CheckID(c.ID)
	if problem != "" {
		return nil, refuseAt(CodeInvalidID, "id", problem)
	}
	d := drafter{book: book, limits: &s.o.Limits, keyName: c.KeyName}
	drafts := make([]*draft, len(c.Events))
	for i := range c.Events {
		e := &c.Events[i]
		drafts[i], err = d.draft(&proposal{typ: t, id: id, path: c.path(i), name: e.Type, data: e.Data, meta: e.Metadata.merged(&c.Metadata)})
		if err != nil {
			return nil, err
		}
		if c.SkipOCC && !drafts[i].event.MaySkipExpectation() {
			return nil, refuseAt(CodeInvalidRequest, "metadata.skip_occ", fmt.Sprintf("cannot be used with %q, which has conditions", e.Type))
		}
	}
	return drafts, nil
}

// path leads to an event of the command.
func (c *Command) path(i int) string {
	if c.Batch {
		return strictjson.Element("events", i)
	}
	return ""
}

// check finds what contradicts itself.
func (c *Command) check(limits *storage.Limits) error {
	switch n := len(c.Events); {
	case n == 0:
		return refuseAt(CodeInvalidRequest, "events", "is empty; give at least one event")
	case n > limits.RequestEvents:
		return refuseAt(CodeInvalidRequest, "events", fmt.Sprintf("has %d events; at most %d are allowed", n, limits.RequestEvents))
	case c.SkipOCC && c.PreviousLength != nil:
		return refuseAt(CodeInvalidRequest, "metadata.skip_occ", "cannot be used together with previous_length")
	case c.Metadata.EventID != "":
		return refuseAt(CodeInvalidMetadata, "metadata.event_id", "belongs to one event; give it there")
	case c.Metadata.SchemaVersion != 0:
		return refuseAt(CodeInvalidMetadata, "metadata.schema_version", "belongs to one event; give it there")
	}
	return nil
}

// attempt judges the drafts on the states that there are now, and appends.
func (s *Service) attempt(ctx context.Context, c *Command, book *rulebook, drafts []*draft, content [16]byte) (Result, error) {
	at, err := s.o.Clock.Stamp()
	if err != nil {
		return Result{}, err
	}
	j := s.newJudgement(drafter{book: book, limits: &s.o.Limits, keyName: c.KeyName}, at)
	j.loose = c.SkipOCC
	if err := s.write(ctx, j, c, drafts); err != nil {
		return Result{}, err
	}
	a := &storage.Append{Entries: j.entries(), Time: at}
	if c.RequestID != "" {
		if j.implied > 0 {
			// The store lays the first answer out like this request, but what is
			// implied may have been something else then.
			first, found, err := s.remembered(ctx, drafts[0].stream, c.requestKey(), content)
			if err != nil {
				return Result{}, err
			}
			if found {
				return s.replayed(ctx, c, first)
			}
		}
		a.RequestID, a.Content, a.Window = c.requestKey(), content, s.o.Limits.RequestWindow()
	}
	appended, err := s.store.Append(ctx, a)
	if err != nil {
		return Result{}, err
	}
	if appended.Replayed {
		return s.replayed(ctx, c, appended)
	}
	s.noteMilestones(j, &appended)
	return s.answer(ctx, drafts, j, &appended)
}

// write judges the drafts and what they imply, and stages all of it.
func (s *Service) write(ctx context.Context, j *judgement, c *Command, drafts []*draft) error {
	late, err := s.demandLength(ctx, j, c, drafts)
	if err != nil {
		return err
	}
	if late {
		// Judging on another state would be in vain. The store refuses this, or
		// finds that it was written before.
		j.stage(drafts...)
		return nil
	}
	for _, d := range drafts {
		if err := j.judge(ctx, d); err != nil {
			return err
		}
	}
	for _, d := range drafts {
		if err := j.imply(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// demandLength makes the append demand the length that the caller states. It
// is late when the stream is longer than that, where a state is needed.
func (s *Service) demandLength(ctx context.Context, j *judgement, c *Command, drafts []*draft) (late bool, err error) {
	if c.PreviousLength == nil {
		return false, nil
	}
	want, stream := *c.PreviousLength, drafts[0].stream
	if !needsState(drafts) {
		j.views[stream] = &view{version: want}
		return false, nil
	}
	v, err := j.look(ctx, drafts[0].typ, stream, false)
	switch {
	case err != nil || v.version == want:
		return false, err
	case v.version > want:
		j.views[stream] = &view{version: want}
		return true, nil
	}
	return false, &storage.ConflictError{
		Conflicts: []storage.Conflict{{Stream: stream, Expected: storage.ExpectVersion(want), Actual: v.version}},
		Head:      j.head,
	}
}

// answer tells where the events are. Those of the command are the first ones of
// the first entry.
func (s *Service) answer(ctx context.Context, drafts []*draft, j *judgement, appended *storage.Appended) (Result, error) {
	own := appended.Entries[0]
	ids, err := s.streamIDs(ctx, drafts[0].stream, own.First, len(drafts), appended.RecordedAt, appended.Last)
	if err != nil {
		return Result{}, err
	}
	return Result{
		StreamIDs:  ids,
		EventIDs:   appended.IDs[:len(drafts)],
		Length:     own.Last,
		Position:   appended.Last,
		RecordedAt: appended.RecordedAt,
		Implied:    j.implied,
	}, nil
}

// noteMilestones asks for the snapshots that are due after an append.
func (s *Service) noteMilestones(j *judgement, appended *storage.Appended) {
	for i, stream := range j.order {
		e := appended.Entries[i]
		s.snapshots.appended(j.staged[stream][0].typ, stream, e.First-1, e.Last)
	}
}
