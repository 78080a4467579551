package aggregate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// ListQuery asks for the states of the aggregates of one type, in the byte
// order of their ids.
type ListQuery struct {
	Type string
	// After is the id after which the page begins; empty: from the first.
	After string
	// Limit is the most aggregates to give: 1 to [MaxList]; 0: [DefaultList].
	// Fewer are given where their states are large.
	Limit int
	// Time makes it the states as of then, of those that had an event; nil: now.
	Time *Moment
	// Where is a predicate over the state, as JSON, where % is the state and a
	// plain object means fields with these values; empty: all.
	Where []byte
}

// Bounds of a page of a list. A page with a condition ends also after so many
// aggregates looked at, found or not.
const (
	DefaultList = 100
	MaxList     = 1000
	maxLooked   = 10_000
)

// List is a page.
type List struct {
	Items []ListItem
	// Next is the id to go on after; empty: there are no more.
	Next string
	// Head is the position as of which the page holds.
	Head storage.Position
}

// ListItem is one aggregate.
type ListItem struct {
	ID string
	replay.State
}

// ListStates gives a page of aggregates with their states.
func (s *Service) ListStates(ctx context.Context, q ListQuery) (List, error) {
	t, err := s.current.Load().typeOf(q.Type)
	if err != nil {
		return List{}, err
	}
	switch {
	case q.Limit < 0 || q.Limit > MaxList:
		return List{}, refuse(Malformed, CodeInvalidRequest, fmt.Sprintf("limit is %d; want 1 to %d", q.Limit, MaxList))
	case q.Limit == 0:
		q.Limit = DefaultList
	}
	where, err := compileWhere(q.Where)
	if err != nil {
		return List{}, err
	}
	l := lister{s: s, q: q, typ: t, where: where, out: List{Head: s.store.Head()}}
	prefix := t.Stream("")
	after := ""
	if q.After != "" {
		after = prefix + q.After
	}
	return l.run(ctx, prefix, after)
}

func compileWhere(text []byte) (*tick.Predicate, error) {
	if len(text) == 0 {
		return nil, nil
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, malformed("where", err)
	}
	p, faults := tick.CompileWhere(v, "where", tick.ScopeState)
	if len(faults) > 0 {
		return nil, &Refusal{Kind: Malformed, Code: CodeInvalidRequest, Path: faults[0].Path, Problem: faults[0].Problem}
	}
	return p, nil
}

// malformed refuses a text that cannot be read.
func malformed(path string, err error) *Refusal {
	r := refuseParse(CodeInvalidRequest, path, err)
	r.Kind = Malformed
	return r
}

// refuseParse tells where a text is no value.
func refuseParse(code, path string, err error) *Refusal {
	var fault *value.ParseError
	if errors.As(err, &fault) {
		return refuseAt(code, under(path, fault.Path), fmt.Sprintf("%s at byte %d", fault.Problem, fault.Offset))
	}
	return refuseAt(code, path, err.Error())
}

// lister gathers one page.
type lister struct {
	s      *Service
	q      ListQuery
	typ    *ruledType
	where  *tick.Predicate
	out    List
	looked int
	bytes  int // of the states of the page
}

func (l *lister) run(ctx context.Context, prefix, after string) (List, error) {
	for {
		// One more than wanted tells whether there are more.
		limit := l.q.Limit - len(l.out.Items) + 1
		streams, err := l.s.store.Streams(ctx, storage.StreamsQuery{Prefix: prefix, After: after, Limit: limit, Head: l.out.Head})
		if err != nil {
			return List{}, fmt.Errorf("list aggregates of %q: %w", l.q.Type, err)
		}
		for i := range streams {
			if len(l.out.Items) == l.q.Limit || l.looked == maxLooked || l.bytes >= l.s.o.PageBytes {
				l.out.Next = strings.TrimPrefix(after, prefix)
				return l.out, nil
			}
			l.looked++
			after = streams[i].Name
			if err := l.take(ctx, &streams[i], strings.TrimPrefix(after, prefix)); err != nil {
				return List{}, err
			}
		}
		if len(streams) < limit {
			return l.out, nil
		}
	}
}

// take adds one aggregate if it had an event by then and the condition holds.
func (l *lister) take(ctx context.Context, info *storage.StreamInfo, id string) error {
	p := place{typ: l.typ, stream: info.Name, head: l.out.Head}
	var err error
	if p.upTo, err = l.s.versionAt(ctx, p, info.Version, Point{Time: l.q.Time}); err != nil || p.upTo == 0 {
		return err
	}
	state, err := l.s.load(ctx, p)
	if err != nil {
		return err
	}
	if l.where != nil {
		scene := tick.Scene{State: state.Value, Item: state.Value, Event: &tick.Input{AggregateType: l.typ.Name(), ID: id}}
		yes, err := l.where.Holds(&scene, nil)
		if err != nil {
			return refuse(Unprocessable, CodeUndecided, fmt.Sprintf("the condition cannot be judged for %q: %v", id, err))
		}
		if !yes {
			return nil
		}
	}
	l.out.Items = append(l.out.Items, ListItem{ID: id, State: state.State})
	l.bytes += state.Value.Size()
	return nil
}
