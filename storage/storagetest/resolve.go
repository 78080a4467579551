package storagetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// resolver makes actions of steps. Exact expectations aim at what the model
// holds at that point, so that most of them are near the truth.
type resolver struct {
	reach   Reach
	now     storage.Instant
	ids     uint64
	appends []action
}

func newResolver(reach Reach) *resolver { return &resolver{reach: reach, now: 1_000_000_000} }

func (r *resolver) resolve(s step, model *Model) action {
	s = s.within(r.reach)
	r.now += storage.Instant(s.Seconds) * 1e6
	a := action{step: s, at: r.now - storage.Instant(s.Until)*1e6}
	switch {
	case s.Kind == stepAppend:
		a.append = r.newAppend(s, model)
		r.appends = append(r.appends, a)
	case s.Kind == stepRetry && len(r.appends) > 0:
		first := r.appends[max(0, len(r.appends)-1-s.Pick)]
		a.append = r.again(first.append)
	case s.Kind == stepRewrite && model.Head() > 0:
		a.append = r.rewrite(s, model)
	}
	return a
}

func (r *resolver) newAppend(s step, model *Model) *storage.Append {
	out := &storage.Append{Time: r.now, Window: windows[s.Window]}
	for _, e := range s.Entries {
		entry := Expect(s.streamNamed(e.Stream), storage.ExpectAny())
		actual := int(model.version(entry.Stream))
		switch e.Expect {
		case 1:
			entry.Expectation = storage.ExpectExists()
		case 2:
			entry.Expectation = storage.ExpectNoStream()
		case 3, 4, 5:
			entry.Expectation = storage.ExpectVersion(storage.Version(max(0, actual+e.Off)))
		}
		for range e.Events {
			r.ids++
			event := Propose(r.ids, "Drawn", fmt.Sprintf(`{"n":%d}`, r.ids), "t")
			event.ServerMadeID = s.ServerIDs
			entry.Events = append(entry.Events, event)
		}
		out.Entries = append(out.Entries, entry)
	}
	if s.Request > 0 {
		WithRequestID(out, fmt.Sprintf("r%d", s.Request))
	}
	if s.Refused {
		out.Refused = errRefusedBefore
	}
	return out
}

// rewrite asks for what lies in the log already, as if one append had written
// it, which may or may not be so.
func (r *resolver) rewrite(s step, model *Model) *storage.Append {
	out := &storage.Append{Time: r.now, Window: Week}
	from := model.Head() - min(model.Head()-1, storage.Position(s.Pick))
	entries := map[string]int{}
	for wire, err := range model.ReadAll(context.Background(), storage.AllRange{From: from, Until: from + storage.Position(s.Until)}) {
		if err != nil {
			panic(fmt.Sprintf("storagetest: the model cannot be read: %v", err))
		}
		placed, err := record.Decode(wire.Wire)
		if err != nil {
			panic(fmt.Sprintf("storagetest: the model holds a damaged event: %v", err))
		}
		i, ok := entries[placed.Stream]
		if !ok {
			i = len(out.Entries)
			entries[placed.Stream] = i
			out.Entries = append(out.Entries, Expect(placed.Stream, storage.ExpectVersion(placed.Version-1)))
		}
		event := ProposeEvent(&storage.Event{ID: placed.ID, Type: placed.Type, Tags: placed.Tags, Kind: placed.Kind, Payload: placed.Payload})
		event.ServerMadeID = s.ServerIDs
		out.Entries[i].Events = append(out.Entries[i].Events, event)
	}
	return out
}

// again is a request sent once more, as a server makes it: the ids that the
// client left out are made anew.
func (r *resolver) again(first *storage.Append) *storage.Append {
	out := *first
	out.Time, out.Refused = r.now, nil
	out.Entries = slices.Clone(first.Entries)
	for i := range out.Entries {
		out.Entries[i].Events = slices.Clone(out.Entries[i].Events)
		for j := range out.Entries[i].Events {
			if e := &out.Entries[i].Events[j]; e.ServerMadeID {
				r.ids++
				e.ID = EventIDOf(r.ids)
			}
		}
	}
	return &out
}
