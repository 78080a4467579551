package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// boxes keep what they are given, or a text that they double with each event.
const boxes = `{"aggregate_types": {"box": {"events": {
	"was_filled": {"handler": {"set": {"target": "content", "value": "$.data.content"}}},
	"had_note":   {"handler": []},
	"was_doubled": {"handler": {"set": {"target": "content", "value": {"$concat": ["@.content", "@.content"]}}}}}}}}`

// Pages of the tests have a bound that events of large content soon reach.
const pageBytes = 16_000

var large = `{"content":"` + strings.Repeat("x", 1_000) + `"}`

// A page ends with the item that reaches the bound on its memory, whatever its
// limit, and says where to go on.
func TestPagesEndWhereTheirItemsAreLarge(t *testing.T) {
	k := newKitWith(t, newModel(t), boxes, aggregate.Options{PageBytes: pageBytes})
	ctx := context.Background()
	const n, most = 20, 16
	for i := range n {
		k.do(command("box", "one", "was_filled", large, nil))
		k.do(command("box", fmt.Sprintf("many-%02d", i), "was_filled", large, nil))
	}
	events, err := k.Events(ctx, aggregate.EventsQuery{Type: "box", ID: "one"})
	if err != nil || len(events.Events) != most || events.Next != most {
		t.Errorf("events: %d and next %d, %v", len(events.Events), events.Next, err)
	}
	rest, err := k.Events(ctx, aggregate.EventsQuery{Type: "box", ID: "one", After: events.Next})
	if err != nil || len(rest.Events) != n-most || rest.Next != 0 || rest.Events[0].Version != most+1 {
		t.Errorf("the rest: %d and next %d, %v", len(rest.Events), rest.Next, err)
	}
	list, err := k.ListStates(ctx, aggregate.ListQuery{Type: "box"})
	if err != nil || len(list.Items) != most || list.Next != "many-15" {
		t.Errorf("list: %d and next %q, %v", len(list.Items), list.Next, err)
	}
	list, err = k.ListStates(ctx, aggregate.ListQuery{Type: "box", After: list.Next})
	if err != nil || len(list.Items) != n-most+1 || list.Next != "" {
		t.Errorf("the rest of the list: %d and next %q, %v", len(list.Items), list.Next, err)
	}
}

// Small events can make large changes, each of them another.
func TestATraceEndsWhereItsChangesAreLarge(t *testing.T) {
	k := newKitWith(t, newModel(t), boxes, aggregate.Options{PageBytes: pageBytes})
	k.do(command("box", "a", "was_filled", large, nil))
	for range 3 {
		k.do(command("box", "a", "was_doubled", "", nil))
	}
	for range 20 {
		k.do(command("box", "a", "was_filled", `{"content":"x"}`, nil))
		k.do(command("box", "a", "was_filled", large, nil))
	}
	steps, pages := 0, 0
	for after := storage.Version(0); ; {
		page, err := k.Trace(context.Background(), aggregate.TraceQuery{Type: "box", ID: "a", After: after})
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if steps += len(page.Steps); page.Next == 0 {
			break
		}
		after = page.Next
	}
	// The first four make 15 kB of changes, the rest 20 kB and as much of data.
	if steps != 44 || pages != 4 {
		t.Errorf("%d steps in %d pages", steps, pages)
	}
}

// What has to be in memory to be put in order is bounded by its size, too.
func TestEventsPutInOrderAreBoundedByTheirSize(t *testing.T) {
	k := newKitWith(t, newModel(t), boxes, aggregate.Options{PageBytes: pageBytes})
	for range 16 {
		k.do(command("box", "a", "had_note", large, nil))
	}
	m := aggregate.MomentOf(k.clock.instant())
	_, err := k.State(context.Background(), aggregate.StateQuery{Type: "box", ID: "a", Effective: &m})
	k.isRefusal(err, aggregate.CodeTooManyEvents)
}

// leaving is a store whose reader's context ends after the first event, which
// the store itself does not notice.
type leaving struct {
	caching
	leave context.CancelFunc
	given int
}

func (s *leaving) ReadStream(ctx context.Context, r storage.StreamRange) iter.Seq2[storage.Recorded, error] {
	if s.leave == nil || r.Stream == aggregate.SpecStream {
		return s.caching.ReadStream(ctx, r)
	}
	return func(yield func(storage.Recorded, error) bool) {
		for e, err := range s.caching.ReadStream(context.WithoutCancel(ctx), r) {
			s.given++
			more := yield(e, err)
			if s.leave(); !more {
				return
			}
		}
	}
}

// The store looks at the context once in many events, each of which may have a
// handler that takes its million steps.
func TestNothingIsFoldedForACallerWhoHasLeft(t *testing.T) {
	store := &leaving{caching: newModel(t)}
	k := newKit(t, store, boxes)
	for range 10 {
		k.do(command("box", "a", "had_note", `{}`, nil))
	}
	ctx, leave := context.WithCancel(context.Background())
	store.leave = leave
	_, err := k.State(ctx, aggregate.StateQuery{Type: "box", ID: "a"})
	if !errors.Is(err, context.Canceled) || store.given != 2 {
		t.Errorf("%d events were read: %v", store.given, err)
	}
}

// A test of a specification, which nothing is stored for, is bounded all the same.
func TestAFixtureHasBounds(t *testing.T) {
	k := newKit(t, newModel(t), boxes)
	f := &aggregate.Fixture{Type: "box", ID: "a", Events: make([]aggregate.FixtureEvent, 10_001)}
	_, err := k.TestSpec(context.Background(), f)
	if r := k.isRefusal(err, aggregate.CodeInvalidRequest); r.Path != "events" {
		t.Errorf("%+v", r)
	}
	ctx, leave := context.WithCancel(context.Background())
	leave()
	f.Events = []aggregate.FixtureEvent{{NewEvent: aggregate.NewEvent{Type: "had_note"}}}
	if _, err := k.TestSpec(ctx, f); !errors.Is(err, context.Canceled) {
		t.Errorf("after its caller has left: %v", err)
	}
	if out, err := k.TestSpec(context.Background(), f); err != nil || !out.Passed {
		t.Errorf("%+v, %v", out, err)
	}
}
