package cursor_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/storagetest"
)

// open opens a cursor at the beginning.
func open(t *testing.T, store storage.Store, selection cursor.Selection) *cursor.Cursor {
	t.Helper()
	c, err := cursor.Open(t.Context(), store, selection, cursor.Beginning())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func next(t *testing.T, c *cursor.Cursor) cursor.Step {
	t.Helper()
	step, err := c.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// TestASlowReaderFallsBackToTheLogAndGetsEverythingOnce shows I6 and I10: the
// tail holds one group only, so a reader who pauses falls behind.
func TestASlowReaderFallsBackToTheLogAndGetsEverythingOnce(t *testing.T) {
	model := storagetest.NewModelWith(storagetest.ModelOptions{TailGroups: 1})
	f := &filling{t: t, store: model}
	pauses := 5
	store := &hooked{Store: model, hook: func() {}}
	store.idle = func() bool {
		if pauses == 0 {
			return false
		}
		pauses--
		for range 200 {
			f.put("Kept", 300, "a-1", "b-1")
		}
		return true
	}
	c := open(t, store, cursor.Selection{})
	w := newWatch(t, model, cursor.Selection{})
	drain(t, c, w)
	check(t, w, passing(t, model, cursor.Selection{}, 0), "slow reader")
	fell := 0
	for _, n := range w.notices {
		if n == cursor.FellBehind {
			fell++
		}
	}
	if fell != 5 || len(w.notices) != 11 {
		t.Fatalf("notices %v, want caught up and 5 times fell behind, caught up", w.notices)
	}
	if w.biggest < cursor.MaxFrames*3/4 {
		t.Fatalf("the biggest batch from the log has %d bytes", w.biggest)
	}
}

func TestALiveReaderWithoutFilterGetsTheSharedBytes(t *testing.T) {
	model := storagetest.NewModel()
	f := &filling{t: t, store: model}
	c := open(t, model, cursor.Selection{})
	if s := next(t, c); s.Kind != cursor.CaughtUp {
		t.Fatalf("an empty store: %+v", s)
	}
	f.put("Kept", 10, "a-1", "b-1", "a-2")
	s := next(t, c)
	group, ok := model.Tail(0)
	if !ok || &s.Frames[0] != &group.Frames[0] || len(s.Frames) != len(group.Frames) {
		t.Fatal("the group was copied")
	}
	// A run inside a group is passed on without copying as well.
	f.put("Kept", 10, "a-1", "b-1", "$s-1")
	s = next(t, c)
	group, ok = model.Tail(3)
	if !ok || &s.Frames[0] != &group.Frames[0] || s.Count != 2 || cap(s.Frames) != len(s.Frames) {
		t.Fatalf("a run of the group was copied, or not closed off: %d events", s.Count)
	}
}

// early is a store whose head lags behind its tail, which is one big group: the
// worst that the port allows.
type early struct {
	*storagetest.Model
	head storage.Position
}

func (s *early) Head() storage.Position { return s.head }

func (s *early) AwaitHead(_ context.Context, above storage.Position) (storage.Position, error) {
	if s.head <= above {
		return 0, errIdle
	}
	return s.head, nil
}

func (s *early) Tail(after storage.Position) (storage.Group, bool) {
	if after >= s.head {
		return storage.Group{}, false
	}
	group := storage.Group{First: 1}
	for e, err := range s.ReadAll(context.Background(), storage.AllRange{}) {
		if err != nil {
			panic(err)
		}
		group.Frames = record.AppendFrame(group.Frames, e.Wire)
		group.Last = e.Position
	}
	return group, true
}

// TestNothingAboveTheDurableHeadIsTakenFromAGroup shows I7.
func TestNothingAboveTheDurableHeadIsTakenFromAGroup(t *testing.T) {
	for name, selection := range map[string]cursor.Selection{"all": {}, "stream": {Stream: "b-1"}} {
		model, _ := tenEvents(t)
		store := &early{Model: model, head: 3}
		c := open(t, store, selection)
		w := newWatch(t, store, selection) // checks each step against the head
		for _, head := range []storage.Position{3, 3, 4, 6, 9, 10} {
			store.head = head
			drain(t, c, w)
			if w.last.ScannedTo != head {
				t.Fatalf("%s: at head %d: %+v", name, head, w.last)
			}
		}
		if want := passing(t, model, selection, 0); !slices.Equal(w.delivered, want) {
			t.Fatalf("%s: delivered %v, want %v", name, w.delivered, want)
		}
		if len(w.notices) != 1 {
			t.Fatalf("%s: notices %v", name, w.notices)
		}
	}
}

// TestAHeadThatMovesDuringAGroupIsFollowed: what has become durable since the
// head was pinned is taken with the rest of its group.
func TestAHeadThatMovesDuringAGroupIsFollowed(t *testing.T) {
	model, _ := tenEvents(t)
	store := &early{Model: model, head: 3}
	c := open(t, store, cursor.Selection{})
	store.head = 7
	if s := next(t, c); s.Kind != cursor.Events || s.Count != 7 || s.Head != 7 {
		t.Fatalf("%d events to %d, head %d", s.Count, s.ScannedTo, s.Head)
	}
	if s := next(t, c); s.Kind != cursor.CaughtUp || s.Head != 7 {
		t.Fatalf("%+v", s)
	}
}

// TestFramesHandedOutNeverChange keeps all of them; the model spoils the bytes
// that it lends.
func TestFramesHandedOutNeverChange(t *testing.T) {
	model := storagetest.NewModelWith(storagetest.ModelOptions{TailGroups: 3})
	f := &filling{t: t, store: model}
	for range 300 {
		f.put("Kept", 500, "a-1", "b-1")
	}
	c := open(t, still(model), cursor.Selection{Category: "b"})
	var kept [][]byte
	for {
		s, err := c.Next(t.Context())
		if errors.Is(err, errIdle) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, s.Frames)
	}
	version := storage.Version(0)
	for _, frames := range kept {
		for wire := range record.Frames(frames) {
			e, err := record.Decode(wire)
			version++
			if err != nil || e.Version != version || e.Stream != "b-1" {
				t.Fatalf("at version %d: %+v, %v", version, e, err)
			}
		}
	}
	if version != 300 {
		t.Fatalf("%d events", version)
	}
}

// TestBatchesHold32KiBUnlessOneEventIsLarger goes around the bound.
func TestBatchesHold32KiBUnlessOneEventIsLarger(t *testing.T) {
	for _, hide := range []bool{false, true} {
		model := storagetest.NewModel()
		f := &filling{t: t, store: model}
		f.put("Kept", 10, "a-1", "a-2")
		f.put("Kept", 40_000, "a-1")
		f.put("Kept", 20_000, "a-1", "a-2", "a-3") // one group larger than a batch
		f.put("Kept", 10, "a-1")
		store := still(model)
		store.hideTail = func() bool { return hide }
		c := open(t, store, cursor.Selection{})
		w := newWatch(t, model, cursor.Selection{})
		drain(t, c, w) // checks each batch
		if want := passing(t, model, cursor.Selection{}, 0); !slices.Equal(w.delivered, want) {
			t.Fatalf("delivered %v, want %v", w.delivered, want)
		}
		if w.biggest < 40_000 {
			t.Fatalf("the biggest batch has %d bytes", w.biggest)
		}
	}
}

// TestAFilterThatRejectsEverythingStillAdvances shows progress after each long
// stretch, and that nothing is scanned twice.
func TestAFilterThatRejectsEverythingStillAdvances(t *testing.T) {
	never := storage.Filter{AnyOf: []storage.FilterItem{{Types: []string{"Never"}}}}
	for name, selection := range map[string]cursor.Selection{
		"all":    {Filter: never},
		"stream": {Stream: "a-1", Filter: never},
	} {
		for _, hide := range []bool{false, true} {
			model := storagetest.NewModel()
			fillQuietly(t, model, 12_000)
			chunks := 3
			scanned := 0
			store := &hooked{Store: model, hideTail: func() bool { return hide }}
			store.hook = func() { scanned++ }
			store.idle = func() bool {
				chunks--
				if chunks < 0 {
					return false
				}
				fillQuietly(t, model, 12_000)
				return true
			}
			c := open(t, store, selection)
			w := newWatch(t, model, selection)
			drain(t, c, w)
			if len(w.delivered) != 0 || w.last.ScannedTo != 48_000 && w.last.Kind != cursor.Progress {
				t.Fatalf("%s: %+v", name, w.last)
			}
			if w.progress < 3 {
				t.Fatalf("%s: %d progress steps in 48,000 events", name, w.progress)
			}
			if s := c.Place(); s.ScannedTo != 48_000 || selection.Stream != "" && s.Cursor != 48_000 {
				t.Fatalf("%s: at the end: %+v", name, s)
			}
			if hide && scanned > 48_000+200 {
				t.Fatalf("%s: %d steps of iterators for 48,000 events: scanned again", name, scanned)
			}
		}
	}
}

// fillQuietly appends n small events to a-1, a thousand at a time.
func fillQuietly(t *testing.T, model *storagetest.Model, n int) {
	t.Helper()
	event := storagetest.Propose(1, "Kept", "{}")
	for range n / 1000 {
		entry := storagetest.Expect("a-1", storage.ExpectAny(), slices.Repeat([]storage.NewEvent{event}, 1000)...)
		if _, err := model.Append(t.Context(), storagetest.One(1, entry)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNextWaitsWithoutTurningUntilItsContextEnds shows the ticks by which a
// caller sends notices: time stands still unless everybody waits.
func TestNextWaitsWithoutTurningUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storagetest.NewModel()
		f := &filling{t: t, store: model}
		f.put("Kept", 1, "a-1")
		waits := 0
		store := &counting{Store: model, awaits: &waits}
		c := open(t, store, cursor.Selection{Stream: "a-1"})
		if a, b := next(t, c), next(t, c); a.Kind != cursor.Events || b.Kind != cursor.CaughtUp {
			t.Fatalf("%+v, %+v", a, b)
		}
		for round := range 3 {
			begin := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := c.Next(ctx)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
			if s := c.Place(); s.Kind != cursor.Progress || s.Cursor != 1 || s.ScannedTo != 1 || s.Head != 1 {
				t.Fatalf("place %+v", s)
			}
			if waits != round+1 {
				t.Fatalf("waited %d times in round %d", waits, round)
			}
		}
		// What comes later is not lost by the waits that ended.
		f.put("Kept", 1, "a-1")
		if s := next(t, c); s.Kind != cursor.Events || s.Cursor != 2 {
			t.Fatalf("%+v", s)
		}
		if err := model.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(t.Context()); !errors.Is(err, storage.ErrShuttingDown) {
			t.Fatalf("after closing: %v", err)
		}
	})
}

// counting counts how often a cursor waits.
type counting struct {
	storage.Store
	awaits *int
}

func (s *counting) AwaitHead(ctx context.Context, above storage.Position) (storage.Position, error) {
	*s.awaits++
	return s.Store.AwaitHead(ctx, above)
}

// TestManyReadersFollowWritersAtOnce runs real goroutines, for the race
// detector.
func TestManyReadersFollowWritersAtOnce(t *testing.T) {
	const writers, each = 4, 150
	model := storagetest.NewModelWith(storagetest.ModelOptions{TailGroups: 4})
	var group sync.WaitGroup
	defer group.Wait()
	for name, selection := range selections() {
		w := newWatch(t, model, selection)
		c := open(t, model, selection)
		group.Go(func() { follow(t, name, c, w, 2*writers*each) })
	}
	for writer := range writers {
		group.Go(func() {
			f := &filling{t: t, store: model, n: uint64(writer) * 1e6}
			for i := range each {
				f.put([]string{"Kept", "Other"}[i%2], 20, "a-1", []string{"a-2", "b-1", "$s-1"}[i%3])
			}
		})
	}
}

// follow takes steps until the cursor has looked at everything.
func follow(t *testing.T, name string, c *cursor.Cursor, w *watch, total storage.Position) {
	for w.last.ScannedTo < total {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		step, err := c.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			step, err = c.Place(), nil
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		w.see(step)
	}
	want := passing(t, w.store, w.selection, 0)
	if !slices.Equal(w.delivered, want) {
		t.Errorf("%s: delivered %d events, want %d", name, len(w.delivered), len(want))
	}
}
