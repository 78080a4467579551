package cursor_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errIdle is what a [hooked] store returns instead of waiting for ever.
var errIdle = errors.New("nothing more is going to be appended")

// hooked is a store that calls a hook before and after each call that a cursor
// makes, and at each step of an iterator: all the moments at which a writer may
// get in between.
type hooked struct {
	storage.Store
	hook func()
	// idle is asked when the head does not move: it appends something and
	// returns true, or there is nothing left to append.
	idle func() bool
	// hideTail makes the tail hold nothing.
	hideTail func() bool
}

func (h *hooked) Head() storage.Position {
	h.hook()
	defer h.hook()
	return h.Store.Head()
}

func (h *hooked) AwaitHead(ctx context.Context, above storage.Position) (storage.Position, error) {
	h.hook()
	defer h.hook()
	for h.Store.Head() <= above {
		if !h.idle() {
			return 0, errIdle
		}
	}
	return h.Store.AwaitHead(ctx, above)
}

func (h *hooked) Tail(after storage.Position) (storage.Group, bool) {
	h.hook()
	defer h.hook()
	if h.hideTail != nil && h.hideTail() {
		return storage.Group{}, false
	}
	return h.Store.Tail(after)
}

func (h *hooked) ReadAll(ctx context.Context, r storage.AllRange) iter.Seq2[storage.Recorded, error] {
	return h.each(h.Store.ReadAll(ctx, r))
}

func (h *hooked) ReadStream(ctx context.Context, r storage.StreamRange) iter.Seq2[storage.Recorded, error] {
	return h.each(h.Store.ReadStream(ctx, r))
}

func (h *hooked) each(events iter.Seq2[storage.Recorded, error]) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		h.hook()
		for e, err := range events {
			h.hook()
			if !yield(e, err) {
				break
			}
		}
		h.hook()
	}
}

func (h *hooked) Stream(ctx context.Context, name string, head storage.Position) (storage.StreamInfo, error) {
	h.hook()
	defer h.hook()
	return h.Store.Stream(ctx, name, head)
}

// watch checks all that steps promise while it collects what they deliver.
type watch struct {
	t         *testing.T
	store     storage.Store
	selection cursor.Selection

	delivered []storage.Position
	cursors   map[uint64]int // cursor handed out -> events delivered before
	last      cursor.Step
	behind    bool
	notices   []cursor.Kind
	biggest   int
	progress  int
}

func newWatch(t *testing.T, store storage.Store, selection cursor.Selection) *watch {
	return &watch{t: t, store: store, selection: selection, cursors: map[uint64]int{}, behind: true}
}

func (w *watch) see(s cursor.Step) {
	w.t.Helper()
	if head := w.store.Head(); s.ScannedTo > s.Head || s.Head > head { // I7
		w.t.Fatalf("%v: scanned to %d, says head %d, durable head %d", s.Kind, s.ScannedTo, s.Head, head)
	}
	if s.Cursor < w.last.Cursor || s.ScannedTo < w.last.ScannedTo {
		w.t.Fatalf("went back from %+v to %+v", w.last, s)
	}
	w.last = s
	switch s.Kind {
	case cursor.Events:
		w.seeEvents(s)
	case cursor.CaughtUp:
		if !w.behind || s.ScannedTo != s.Head {
			w.t.Fatalf("caught up, behind %v: %+v", w.behind, s)
		}
		w.behind = false
		w.notices = append(w.notices, s.Kind)
	case cursor.FellBehind:
		if w.behind {
			w.t.Fatal("fell behind twice")
		}
		w.behind = true
		w.notices = append(w.notices, s.Kind)
	case cursor.Progress:
		w.progress++
	default:
		w.t.Fatalf("a step without kind: %+v", s)
	}
	w.cursors[s.Cursor] = len(w.delivered)
}

func (w *watch) seeEvents(s cursor.Step) {
	w.t.Helper()
	n := 0
	for wire := range record.Frames(s.Frames) {
		_, version, position, _, err := record.Place(wire)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(w.delivered) > 0 && position <= w.delivered[len(w.delivered)-1] {
			w.t.Fatalf("position %d after %d (I6)", position, w.delivered[len(w.delivered)-1])
		}
		w.delivered = append(w.delivered, position)
		w.cursors[w.cursorOf(version, position)] = len(w.delivered)
		n++
	}
	if n != s.Count || n == 0 {
		w.t.Fatalf("%d events in a step that says %d", n, s.Count)
	}
	if len(s.Frames) > cursor.MaxFrames && n > 1 {
		w.t.Fatalf("%d bytes for %d events", len(s.Frames), n)
	}
	w.biggest = max(w.biggest, len(s.Frames))
}

func (w *watch) cursorOf(v storage.Version, p storage.Position) uint64 {
	if w.selection.Stream != "" {
		return uint64(v)
	}
	return uint64(p)
}

// passing lists, by a plain reading of the rules, the positions that a
// selection takes.
func passing(t *testing.T, store storage.Store, s cursor.Selection, from storage.Instant) []storage.Position {
	t.Helper()
	var out []storage.Position
	for e, err := range store.ReadAll(t.Context(), storage.AllRange{}) {
		if err != nil {
			t.Fatal(err)
		}
		event, err := record.Decode(e.Wire)
		if err != nil {
			t.Fatal(err)
		}
		if event.RecordedAt >= from && passes(s, &event) {
			out = append(out, e.Position)
		}
	}
	return out
}

func passes(s cursor.Selection, e *storage.Event) bool {
	category := storage.CategoryOf(e.Stream)
	if s.Stream != "" && e.Stream != s.Stream || s.Category != "" && category != s.Category {
		return false
	}
	if storage.IsServerStream(e.Stream) && !namesServerStreams(s) {
		return false
	}
	if len(s.Filter.AnyOf) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Filter.AnyOf, func(item storage.FilterItem) bool {
		hasPrefix := func(p string) bool { return strings.HasPrefix(e.Stream, p) }
		hasTag := func(tag string) bool { return slices.Contains(e.Tags, tag) }
		return (item.StreamPrefixes == nil || slices.ContainsFunc(item.StreamPrefixes, hasPrefix)) &&
			(item.Categories == nil || slices.Contains(item.Categories, category)) &&
			(item.Types == nil || slices.Contains(item.Types, e.Type)) &&
			(item.CorrelationIDs == nil || slices.Contains(item.CorrelationIDs, e.Metadata[storage.MetadataCorrelationID])) &&
			!slices.ContainsFunc(item.AllTags, func(tag string) bool { return !hasTag(tag) })
	})
}

func namesServerStreams(s cursor.Selection) bool {
	return strings.HasPrefix(s.Stream, "$") || strings.HasPrefix(s.Category, "$")
}

// filling appends numbered events to a store.
type filling struct {
	t     *testing.T
	store storage.Store
	n     uint64
	now   storage.Instant
}

// put appends one event to each of the streams, atomically.
func (f *filling) put(eventType string, bytes int, streams ...string) storage.Appended {
	f.t.Helper()
	entries := make([]storage.Entry, len(streams))
	for i, stream := range streams {
		f.n++
		json := fmt.Sprintf(`{"n":%d,"fill":%q}`, f.n, strings.Repeat("x", bytes))
		tag := fmt.Sprintf("third:%d", f.n%3)
		event := storagetest.Propose(f.n, eventType, json, tag)
		entries[i] = storagetest.Expect(stream, storage.ExpectAny(), event)
	}
	f.now++
	appended, err := f.store.Append(context.Background(), storagetest.One(f.now, entries...))
	if err != nil {
		f.t.Fatal(err)
	}
	return appended
}

// drain takes steps until nothing is to come any more.
func drain(t *testing.T, c *cursor.Cursor, w *watch) {
	t.Helper()
	for {
		step, err := c.Next(t.Context())
		if errors.Is(err, errIdle) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		w.see(step)
	}
}

// selections are one of each sort.
func selections() map[string]cursor.Selection {
	types := storage.Filter{AnyOf: []storage.FilterItem{{Types: []string{"Kept"}}}}
	tags := storage.Filter{AnyOf: []storage.FilterItem{{AllTags: []string{"third:1"}}}}
	correlated := storage.Filter{AnyOf: []storage.FilterItem{{CorrelationIDs: []string{"third:0", "third:2"}}}}
	none := storage.Filter{AnyOf: []storage.FilterItem{{Types: []string{"Never"}}}}
	return map[string]cursor.Selection{
		"all":                    {},
		"all of a type":          {Filter: types},
		"all with a tag":         {Filter: tags},
		"all of a case":          {Filter: correlated},
		"nothing passes":         {Filter: none},
		"category":               {Category: "a"},
		"category of a type":     {Category: "a", Filter: types},
		"stream":                 {Stream: "a-1"},
		"stream of a type":       {Stream: "a-1", Filter: types},
		"unknown stream":         {Stream: "z-1"},
		"stream nothing passes":  {Stream: "a-1", Filter: none},
		"stream of the server":   {Stream: "$s-1"},
		"category of the server": {Category: "$s"},
	}
}
