package storagetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// stepKind is what one step of a history does.
type stepKind int

const (
	stepAppend stepKind = iota
	stepRetry
	stepRewrite
	stepReadAll
	stepReadStream
	stepTimes
	stepStreams
	stepFollow
	stepReopen
)

// step is one step of a history before it is known what the log holds. Its
// numbers are small, so that a history shrinks well.
type step struct {
	Kind stepKind
	// Entries of an append.
	Entries []entryStep
	// Request is 0 for no request id, else its number.
	Request int
	// ServerIDs leaves the ids to the server.
	ServerIDs bool
	// Lane is 0 for none; odd ones halt on error.
	Lane int
	// Refused makes the append be refused before it is judged.
	Refused bool
	// Seconds is by how much the request's clock moves, also backwards.
	Seconds int
	// Window is which window a request id has.
	Window int
	// Pick chooses what a retry repeats, a read begins at, or a stream.
	Pick int
	// Until is a second bound.
	Until int
	// Backwards is the direction of a read.
	Backwards bool
	// AtHead reads as of the head, not below.
	AtHead bool
}

// entryStep is one entry of an append.
type entryStep struct {
	Stream int
	// Expect is the kind of expectation, Off what is added to the stream's
	// version for an exact one.
	Expect int
	Off    int
	Events int
}

// streamNames are the streams of all histories: few, so that they collide.
var streamNames = []string{"a-1", "a-2", "b-1", "b", "$sys"}

// windows are the windows of request ids, the shortest within reach of the
// steps of the clock.
var windows = []time.Duration{5 * time.Second, time.Minute, Week}

// anyStep draws a step.
var anyStep = rapid.Custom(drawStep)

func drawStep(t *rapid.T) step {
	// Appends come first and often: a history shrinks towards them.
	kinds := []stepKind{
		stepAppend, stepAppend, stepAppend, stepAppend, stepAppend, stepAppend, stepAppend,
		stepRetry, stepRetry, stepRetry, stepRewrite, stepRewrite, stepReadAll, stepReadStream, stepTimes, stepStreams, stepFollow, stepReopen,
	}
	s := step{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	small := func(name string, below int) int { return rapid.IntRange(0, below-1).Draw(t, name) }
	switch s.Kind {
	case stepAppend:
		s.drawAppend(t)
	case stepRetry, stepRewrite:
		s.Pick, s.Until = small("pick", 8), 1+small("until", 4)
		s.ServerIDs = small("server ids", 6) == 5
		s.Seconds = rapid.SampledFrom([]int{0, 0, 1, 4, 5, 6, -3}).Draw(t, "seconds")
	default:
		s.Pick, s.Until = small("pick", 20), small("until", 20)
		s.Backwards = rapid.Bool().Draw(t, "backwards")
	}
	return s
}

func (s *step) drawAppend(t *rapid.T) {
	small := func(name string, below int) int { return rapid.IntRange(0, below-1).Draw(t, name) }
	n := rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "entries")
	first := small("stream", len(streamNames))
	for i := range n {
		s.Entries = append(s.Entries, entryStep{
			Stream: (first + i) % len(streamNames),
			Expect: small("expect", 6),
			Off:    rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1, -2}).Draw(t, "off"),
			Events: rapid.SampledFrom([]int{1, 1, 2, 3, 0}).Draw(t, "events"),
		})
	}
	if s.Entries[0].Events == 0 {
		s.Entries[0].Events = 1
	}
	s.Request = max(0, small("request", 8)-3)
	s.Window = small("window", len(windows))
	s.ServerIDs = small("server ids", 5) == 4
	s.Lane = max(0, small("lane", 8)-5)
	s.Refused = small("refused", 15) == 14
	s.Seconds = rapid.SampledFrom([]int{0, 1, 0, 0, -2, 5, 60}).Draw(t, "seconds")
}

// Reach says what random histories may ask for.
type Reach int

const (
	// Everything that the port offers.
	Everything Reach = iota
	// OverTheWire leaves out what a client cannot ask of a server: streams of
	// the server, windows of its own, reads as of an earlier head, lanes for
	// atomic appends. It also leaves out what a server makes up: event ids, and
	// appends known to be invalid before they are judged.
	OverTheWire
)

// within makes a step one that the reach allows.
func (s step) within(reach Reach) step {
	if reach == Everything {
		return s
	}
	for i, e := range s.Entries {
		s.Entries[i].Stream = e.Stream % (len(streamNames) - 1)
	}
	if len(s.Entries) > 1 {
		s.Lane = 0
	}
	if s.Kind == stepStreams {
		s.Backwards = false
	}
	s.Window, s.ServerIDs, s.Refused = len(windows)-1, false, false
	s.AtHead = true
	return s
}

// action is a step resolved: the same for every store. Appends are copied
// before use, because lanes belong to one store.
type action struct {
	step
	append *storage.Append
	at     storage.Instant
}

// String tells the action for a person who reads the history.
func (a action) String() string {
	switch a.Kind {
	case stepAppend, stepRetry, stepRewrite:
		if a.append == nil {
			return "append nothing"
		}
		return describeRequest(a.append, a.Lane)
	case stepReadAll:
		return fmt.Sprintf("read all %+v", a.allRange())
	case stepReadStream:
		return fmt.Sprintf("read stream %+v, %d below the head", a.streamRange(0), a.below())
	case stepTimes:
		return fmt.Sprintf("places at time %d of all and %s, %d below the head", a.at, a.stream(), a.below())
	case stepStreams:
		return fmt.Sprintf("list streams %+v, %d below the head", a.query(0), a.below())
	case stepFollow:
		return "follow"
	case stepReopen:
		return "reopen"
	}
	return "?"
}

func describeRequest(a *storage.Append, lane int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "append at %d", a.Time)
	for _, e := range a.Entries {
		fmt.Fprintf(&b, " [%s: %v, %d events]", e.Stream, e.Expectation, len(e.Events))
	}
	if a.RequestID != "" {
		fmt.Fprintf(&b, " id %s for %v", a.RequestID, a.Window)
	}
	if lane > 0 {
		fmt.Fprintf(&b, " lane %d", lane)
	}
	if a.Refused != nil {
		b.WriteString(" refused before")
	}
	return b.String()
}

func (a action) stream() string { return streamNames[a.Pick%len(streamNames)] }

func (a action) allRange() storage.AllRange {
	return storage.AllRange{From: storage.Position(a.Pick), Until: storage.Position(a.Until), Backwards: a.Backwards}
}

// below is how far below the head a question is asked.
func (a action) below() storage.Position {
	if a.AtHead {
		return 0
	}
	return storage.Position(a.Until % 4)
}

func (a action) streamRange(head storage.Position) storage.StreamRange {
	return storage.StreamRange{Stream: a.stream(), Head: head, From: storage.Version(a.Pick / 5), Until: storage.Version(a.Until / 2), Backwards: a.Backwards}
}

func (a action) query(head storage.Position) storage.StreamsQuery {
	return storage.StreamsQuery{
		Prefix: []string{"", "a", "a-1", "$", "b"}[a.Pick%5], After: []string{"", "a-1", "a", "b"}[a.Pick/5],
		Limit: 1 + a.Until%6, Head: head, WithServerStreams: a.Backwards,
	}
}

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
		entry := Expect(streamNames[e.Stream], storage.ExpectAny())
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
