package aggregate

import (
	"context"
	"fmt"
	"slices"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
)

// EventsQuery asks for events of one aggregate.
type EventsQuery struct {
	// Type and ID name it.
	Type, ID string
	// After is the version after which the page begins, or, backwards, the one
	// before which it does; 0: from the beginning, or from the end.
	After storage.Version
	// Limit is the most events to give: 1 to [MaxEvents]; 0: [DefaultEvents].
	// Fewer are given where they are large.
	Limit int
	// EventTypes are those wanted; empty: all.
	EventTypes []string
	// From and Until bound the time of recording: From's unit is included from
	// its beginning, Until's is not. Nil: no bound.
	From, Until *Moment
	// Reverse gives the newest first.
	Reverse bool
	// Upcast gives the data as the present specification has it, else as it is
	// stored.
	Upcast bool
}

// Bounds of a page of events. A page of some types ends also after so many
// events looked at, wanted or not.
const (
	DefaultEvents = 1000
	MaxEvents     = 10_000
	maxScanned    = 100_000
)

// Events is a page of events.
type Events struct {
	Events []View
	// Next is what After is for the next page; 0: there are no more.
	Next storage.Version
}

// View is one event for a reader.
type View struct {
	storage.Event
	// StreamID names it among those of its stream.
	StreamID replay.StreamID
	// Key is type:id.
	Key string
	// Data is the payload as stored, or upcast where that was asked for.
	Data []byte
	// Meta is what the metadata says by names.
	Meta Metadata
	// KeyName is the name of the key that was shown when it was written.
	KeyName string
}

// ViewOf is one event for a reader. Its place among those of its millisecond is
// [Service.StreamID]'s to find.
func ViewOf(e *storage.Event) View {
	m := replay.NewMetadata(e)
	v := View{Event: *e, Key: storage.CategoryOf(e.Stream) + ":" + replay.AggregateID(e.Stream), Data: e.Payload, KeyName: m.KeyID}
	v.StreamID.Millis = replay.Millis(e.RecordedAt)
	v.Meta = Metadata{
		OccurredAt: m.OccurredAt, CorrelationID: m.CorrelationID, CausationID: m.CausationID,
		EventID: m.EventID, SchemaVersion: e.SchemaVersion, Tags: m.Tags, Extra: m.Extra,
	}
	if m.ActorType != "" || m.ActorID != "" {
		v.Meta.Actor = &Actor{m.ActorType, m.ActorID}
	}
	return v
}

// Events gives a page of the events of an aggregate.
func (s *Service) Events(ctx context.Context, q EventsQuery) (Events, error) {
	t, err := s.current.Load().typeOf(q.Type)
	if err != nil {
		return Events{}, err
	}
	if q.Limit, err = pageLimit(q.Limit); err != nil {
		return Events{}, err
	}
	p, err := s.placeAt(ctx, t, q.ID, Point{})
	if err != nil {
		return Events{}, err
	}
	r, err := s.eventRange(ctx, &q, p)
	if err != nil || r.From >= r.Until {
		return Events{}, err
	}
	g := gatherer{q: &q, typ: t, most: s.o.PageBytes}
	if err := s.read(ctx, r, g.take); err != nil {
		return Events{}, err
	}
	return g.finish(ctx, s, r)
}

func pageLimit(limit int) (int, error) {
	switch {
	case limit < 0 || limit > MaxEvents:
		return 0, refuse(Malformed, CodeInvalidRequest, fmt.Sprintf("limit is %d; want 1 to %d", limit, MaxEvents))
	case limit == 0:
		return DefaultEvents, nil
	}
	return limit, nil
}

// eventRange is the part of the stream in which the page lies.
func (s *Service) eventRange(ctx context.Context, q *EventsQuery, p place) (storage.StreamRange, error) {
	r := storage.StreamRange{Stream: p.stream, From: 1, Until: p.upTo + 1, Head: p.head, Backwards: q.Reverse}
	if q.From != nil {
		v, err := s.store.VersionAt(ctx, p.stream, q.From.First, p.head)
		if err != nil {
			return r, err
		}
		r.From = max(r.From, v)
	}
	if q.Until != nil {
		v, err := s.store.VersionAt(ctx, p.stream, q.Until.First, p.head)
		if err != nil {
			return r, err
		}
		r.Until = min(r.Until, v)
	}
	switch {
	case q.After == 0:
	case q.Reverse:
		r.Until = min(r.Until, q.After)
	case q.After >= r.Until: // also keeps the sum below in range
		r.From = r.Until
	default:
		r.From = max(r.From, q.After+1)
	}
	return r, nil
}

// gatherer makes a page of the events that pass by. Those of one millisecond
// lie together: a run.
type gatherer struct {
	q       *EventsQuery
	typ     *ruledType
	out     Events
	scanned int
	most    int // bytes of data, which end the page when they are reached
	bytes   int
	seen    storage.Version // the last version looked at

	runs  []run
	runOf []int // of each event of the page
}

// run is a stretch of events of one millisecond.
type run struct {
	millis int64
	lowest storage.Version // seen so far
	at     storage.Instant
}

func (g *gatherer) take(e *storage.Event) (bool, error) {
	if len(g.out.Events) == g.q.Limit || g.scanned == maxScanned || g.bytes >= g.most {
		g.out.Next = g.seen
		return false, nil
	}
	g.scanned++
	g.seen = e.Version
	millis := replay.Millis(e.RecordedAt)
	if n := len(g.runs); n == 0 || g.runs[n-1].millis != millis {
		g.runs = append(g.runs, run{millis, e.Version, e.RecordedAt})
	}
	last := &g.runs[len(g.runs)-1]
	last.lowest = min(last.lowest, e.Version)
	if len(g.q.EventTypes) > 0 && !slices.Contains(g.q.EventTypes, e.Type) {
		return true, nil
	}
	v := ViewOf(e)
	if g.q.Upcast {
		v.upcast(g.typ)
	}
	g.out.Events = append(g.out.Events, v)
	g.bytes += len(e.Payload)
	g.runOf = append(g.runOf, len(g.runs)-1)
	return true, nil
}

// finish gives the events their places. Only the run at the lower end may have
// begun before what was looked at.
func (g *gatherer) finish(ctx context.Context, s *Service, r storage.StreamRange) (Events, error) {
	if len(g.runs) == 0 {
		return g.out, nil
	}
	end := &g.runs[0]
	if r.Backwards {
		end = &g.runs[len(g.runs)-1]
	}
	var err error
	if end.lowest, err = s.firstOfMillis(ctx, r.Stream, end.lowest, end.at, r.Head); err != nil {
		return Events{}, err
	}
	for i := range g.out.Events {
		e := &g.out.Events[i]
		e.StreamID.Place = uint64(e.Version - g.runs[g.runOf[i]].lowest)
	}
	return g.out, nil
}

// upcast brings the data into its present form, where there is one.
func (v *View) upcast(t *ruledType) {
	h, ok := t.rules.Handlers[v.Type]
	if !ok || h.Upcast == nil || max(v.SchemaVersion, 1) >= h.Version {
		return
	}
	event := replay.NewEvent(&v.Event)
	if event.Problem != "" {
		return
	}
	present, _ := h.Upcast(event.Data, max(v.SchemaVersion, 1))
	v.Data = present.AppendJSON(nil)
	v.SchemaVersion, v.Meta.SchemaVersion = h.Version, h.Version
}
