package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// CheckAppend holds a raw append against the specification as far as that needs
// no state, for pipelines, whose requests are not judged before they are in
// their lane. Events that have conditions or imply others are refused: they
// need [Service.Append] or [Service.Execute]. Streams of categories without a
// specification pass.
//
// It stamps schema version and key name into the events of a, which must not
// have been handed to the store yet. keyName is the name of the key that the
// caller has shown.
func (s *Service) CheckAppend(a *storage.Append, keyName string) error {
	book := s.current.Load()
	checked, err := s.checkRaw(book, a, keyName)
	if err != nil || checked == nil {
		return err
	}
	for i, drafts := range checked {
		for k, d := range drafts {
			if needsState([]*draft{d}) {
				return refuseAt(CodeRawNeedsExecution, d.path, fmt.Sprintf("the event %q has conditions or implies others, which a pipeline cannot do; append it by itself", d.event.Name()))
			}
			a.Entries[i].Events[k] = d.stored
		}
	}
	return nil
}

// Append is [storage.Store.Append] under the rules of the specification: every
// entry whose category is an aggregate type is validated like a command, and
// what its events imply is written with it. The answer is about the entries of
// a only. Errors are those of the store, or a [*Refusal]. a is complete, with
// times and ids, and is not changed.
func (s *Service) Append(ctx context.Context, a *storage.Append, keyName string) (storage.Appended, error) {
	if !s.current.Load().guards(a) {
		return s.store.Append(ctx, a)
	}
	out, err := s.appendRaw(ctx, a, keyName)
	if err != nil && a.RequestID != "" && isNo(err) {
		first, found, asked := s.probe(ctx, a)
		switch {
		case asked != nil:
			return storage.Appended{}, asked
		case found:
			return first, nil
		}
	}
	return out, err
}

// probe asks the store for the first answer to a request, as
// [Service.remembered] does, with the request's own layout.
func (s *Service) probe(ctx context.Context, a *storage.Append) (storage.Appended, bool, error) {
	question := *a
	question.Entries = make([]storage.Entry, len(a.Entries))
	for i, e := range a.Entries {
		e.Expectation = never
		question.Entries[i] = e
	}
	first, err := s.store.Append(ctx, &question)
	var conflict *storage.ConflictError
	if errors.As(err, &conflict) {
		return storage.Appended{}, false, nil
	}
	return own(a, first), err == nil, err
}

// own is the part of an answer that is about the events of a, which were
// written before those they imply.
func own(a *storage.Append, got storage.Appended) storage.Appended {
	n := a.EventCount()
	if n > len(got.IDs) || len(a.Entries) > len(got.Entries) {
		return got
	}
	got.IDs, got.Entries = got.IDs[:n], got.Entries[:len(a.Entries)]
	got.Last = got.First + storage.Position(n) - 1
	return got
}

// guarded is the type that a stream belongs to, and its aggregate; nil when the
// specification has nothing to say about it.
func (r *rulebook) guarded(stream string) (*ruledType, string) {
	return r.types[storage.CategoryOf(stream)], replay.AggregateID(stream)
}

// guards tells whether the specification has something to say about any event
// of a.
func (r *rulebook) guards(a *storage.Append) bool {
	for i := range a.Entries {
		if t, _ := r.guarded(a.Entries[i].Stream); t != nil && len(a.Entries[i].Events) > 0 {
			return true
		}
	}
	return false
}

// checkRaw makes drafts of the events of guarded entries, by entry; nil when no
// entry is guarded.
func (s *Service) checkRaw(book *rulebook, a *storage.Append, keyName string) ([][]*draft, error) {
	var out [][]*draft
	d := drafter{book: book, limits: &s.o.Limits, keyName: keyName}
	for i := range a.Entries {
		e := &a.Entries[i]
		t, id := book.guarded(e.Stream)
		if t == nil || len(e.Events) == 0 {
			continue
		}
		if out == nil {
			out = make([][]*draft, len(a.Entries))
		}
		entry := ""
		if len(a.Entries) > 1 {
			entry = strictjson.Element("entries", i)
		}
		stored, problem := t.CheckID(id)
		if problem != "" || stored != id {
			if problem == "" {
				problem = fmt.Sprintf("must be %q", stored)
			}
			return nil, refuseAt(CodeInvalidID, under(entry, "stream"), fmt.Sprintf("belongs to the aggregate type %q: the id behind the dash %s", t.Name(), problem))
		}
		for k := range e.Events {
			made, err := d.raw(t, id, under(entry, strictjson.Element("events", k)), &e.Events[k])
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], made)
		}
	}
	return out, nil
}

// raw makes a draft of an event that was validated as a raw one already.
func (d *drafter) raw(t *ruledType, id, path string, e *storage.NewEvent) (*draft, error) {
	withID := *e
	if withID.ID.IsZero() {
		withID.ID = storage.EventID{15: 1} // any: it is put back below
	}
	taken, err := record.Decode(record.AppendRecorded(nil, t.Stream(id), 1, 1, 0, &withID))
	if err != nil {
		return nil, fmt.Errorf("look into a proposed event: %w", err)
	}
	if taken.Kind != storage.PayloadJSON {
		return nil, refuseAt(CodeInvalidData, path, fmt.Sprintf("events of the aggregate type %q are JSON", t.Name()))
	}
	if _, claimed := taken.Metadata[replay.KeyKeyID]; claimed {
		return nil, refuseAt(CodeInvalidMetadata, member(under(path, "metadata"), replay.KeyKeyID), "is stamped by the server; leave it out")
	}
	seen := ViewOf(&taken)
	seen.Meta.EventID = taken.ID.String()
	made, err := d.draft(&proposal{typ: t, id: id, path: path, name: taken.Type, data: taken.Payload, meta: seen.Meta})
	if err != nil {
		return nil, err
	}
	made.stored.ID, made.stored.ServerMadeID = e.ID, e.ServerMadeID
	return made, nil
}

// appendRaw judges a raw append and writes it, again where others came between.
func (s *Service) appendRaw(ctx context.Context, a *storage.Append, keyName string) (storage.Appended, error) {
	for attempt := 1; ; attempt++ {
		book := s.current.Load()
		checked, err := s.checkRaw(book, a, keyName)
		if err != nil {
			return storage.Appended{}, err
		}
		out, err := s.attemptRaw(ctx, a, book, keyName, checked)
		var conflict *storage.ConflictError
		if err == nil || !errors.As(err, &conflict) {
			return out, err
		}
		if theirs := ofCaller(a, conflict); theirs != nil || attempt == maxAttempts || ctx.Err() != nil {
			if theirs != nil {
				err = theirs
			}
			return out, err
		}
		if err := s.refresh(ctx); err != nil {
			return storage.Appended{}, err
		}
	}
}

// ofCaller is the part of a conflict that the caller's own expectations make;
// nil: there is none.
func ofCaller(a *storage.Append, c *storage.ConflictError) error {
	out := storage.ConflictError{Head: c.Head}
	for _, failed := range c.Conflicts {
		for i := range a.Entries {
			if e := &a.Entries[i]; e.Stream == failed.Stream && !e.Expectation.Holds(failed.Actual) {
				out.Conflicts = append(out.Conflicts, storage.Conflict{Stream: e.Stream, Expected: e.Expectation, Actual: failed.Actual})
			}
		}
	}
	if len(out.Conflicts) == 0 {
		return nil
	}
	return &out
}

// attemptRaw judges the drafts on the states that there are now, and appends.
func (s *Service) attemptRaw(ctx context.Context, a *storage.Append, book *rulebook, keyName string, checked [][]*draft) (storage.Appended, error) {
	j := s.newJudgement(drafter{book: book, limits: &s.o.Limits, keyName: keyName}, a.Time)
	late, err := j.judgeRaw(ctx, a, checked)
	if err != nil {
		return storage.Appended{}, err
	}
	if j.implied > 0 && a.RequestID != "" {
		if first, found, err := s.probe(ctx, a); err != nil || found {
			return first, err
		}
	}
	request := *a
	request.Entries = j.rawEntries(a, checked, late)
	got, err := s.store.Append(ctx, &request)
	if err != nil {
		return storage.Appended{}, err
	}
	if !got.Replayed {
		s.noteRaw(&request, &got, book)
	}
	return own(a, got), nil
}

// judgeRaw judges and stages the drafts, then what they imply. It is late when
// an expectation of the caller has become one that cannot hold any more: judging
// would be in vain.
func (j *judgement) judgeRaw(ctx context.Context, a *storage.Append, checked [][]*draft) (late bool, err error) {
	for i := range a.Entries {
		if len(checked) == 0 || !needsState(checked[i]) {
			continue
		}
		e := &a.Entries[i]
		v, err := j.look(ctx, checked[i][0].typ, e.Stream, false)
		if err != nil {
			return false, err
		}
		if want, exact := e.Expectation.Exact(); exact && want < v.version {
			return true, nil
		}
		if !e.Expectation.Holds(v.version) {
			return false, &storage.ConflictError{
				Conflicts: []storage.Conflict{{Stream: e.Stream, Expected: e.Expectation, Actual: v.version}}, Head: j.head,
			}
		}
	}
	for _, drafts := range checked {
		for _, d := range drafts {
			if err := j.judge(ctx, d); err != nil {
				return false, err
			}
		}
	}
	asked := map[string]int{} // how many events the caller has for each stream
	for i := range a.Entries {
		asked[a.Entries[i].Stream] = len(j.staged[a.Entries[i].Stream])
	}
	for _, drafts := range checked {
		for _, d := range drafts {
			before := j.implied
			if err := j.imply(ctx, d); err != nil {
				return false, err
			}
			if j.implied == before {
				continue
			}
			// The answer to a raw append has no place for more events of its streams.
			for stream, n := range asked {
				if len(j.staged[stream]) > n {
					return false, refuseAt(CodeRawNeedsExecution, d.path, fmt.Sprintf("implies an event of stream %q, which this append names itself; use Execute", stream))
				}
			}
		}
	}
	return false, nil
}

// rawEntries are the caller's entries, in its order and with what was read as
// their expectations, then those that were added.
func (j *judgement) rawEntries(a *storage.Append, checked [][]*draft, late bool) []storage.Entry {
	var out []storage.Entry
	theirs := map[string]bool{}
	for i, e := range a.Entries {
		theirs[e.Stream] = true
		if len(checked) > 0 && len(checked[i]) > 0 {
			e.Events = make([]storage.NewEvent, len(checked[i]))
			for k, d := range checked[i] {
				e.Events[k] = d.stored
			}
		}
		if v := j.views[e.Stream]; v != nil && !late {
			e.Expectation = storage.ExpectVersion(v.version)
		}
		out = append(out, e)
	}
	for _, e := range j.entries() {
		if !theirs[e.Stream] {
			out = append(out, e)
		}
	}
	return out
}

// noteRaw asks for the snapshots that are due.
func (s *Service) noteRaw(a *storage.Append, got *storage.Appended, book *rulebook) {
	for i := range a.Entries {
		e := got.Entries[i]
		if t, _ := book.guarded(a.Entries[i].Stream); t != nil && e.Last > 0 {
			s.snapshots.appended(t, a.Entries[i].Stream, e.First-1, e.Last)
		}
	}
}
