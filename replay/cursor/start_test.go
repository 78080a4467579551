package cursor_test

import (
	"errors"
	"testing"

	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// still is a store to which nothing more is appended.
func still(store storage.Store) *hooked {
	return &hooked{Store: store, hook: func() {}, idle: func() bool { return false }}
}

// tenEvents holds a-1 and b-1 in turn, five of each, recorded at 1 to 10.
func tenEvents(t *testing.T) (*storagetest.Model, *filling) {
	model := storagetest.NewModel()
	f := &filling{t: t, store: model}
	for range 5 {
		f.put("Kept", 1, "a-1")
		f.put("Kept", 1, "b-1")
	}
	return model, f
}

func TestStartsWhereAsked(t *testing.T) {
	streamB := cursor.Selection{Stream: "b-1"}
	unknown := cursor.Selection{Stream: "z-1"}
	for name, c := range map[string]struct {
		selection      cursor.Selection
		start          cursor.Start
		cursor         uint64
		position       storage.Position
		first, deliver int
	}{
		"at the beginning":                   {cursor.Selection{}, cursor.Beginning(), 0, 0, 1, 10},
		"after 0":                            {cursor.Selection{}, cursor.After(0), 0, 0, 1, 10},
		"after a position":                   {cursor.Selection{}, cursor.After(7), 7, 7, 8, 3},
		"after the head":                     {cursor.Selection{}, cursor.After(10), 10, 10, 0, 0},
		"from now":                           {cursor.Selection{}, cursor.Now(), 10, 10, 0, 0},
		"from a time":                        {cursor.Selection{}, cursor.At(4), 3, 3, 4, 7},
		"from a time before all":             {cursor.Selection{}, cursor.At(-5), 0, 0, 1, 10},
		"from a time after all":              {cursor.Selection{}, cursor.At(11), 10, 10, 0, 0},
		"a stream at the beginning":          {streamB, cursor.Beginning(), 0, 0, 2, 5},
		"a stream after a version":           {streamB, cursor.After(3), 3, 6, 8, 2},
		"a stream after its version":         {streamB, cursor.After(5), 5, 10, 0, 0},
		"a stream from now":                  {streamB, cursor.Now(), 5, 10, 0, 0},
		"a stream from a time":               {streamB, cursor.At(5), 2, 4, 6, 3},
		"a stream from a time after all":     {streamB, cursor.At(11), 5, 10, 0, 0},
		"an unknown stream at the beginning": {unknown, cursor.Beginning(), 0, 10, 0, 0},
		"an unknown stream from a time":      {unknown, cursor.At(3), 0, 10, 0, 0},
		"an unknown stream from now":         {unknown, cursor.Now(), 0, 10, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			model, _ := tenEvents(t)
			opened, err := cursor.Open(t.Context(), still(model), c.selection, c.start)
			if err != nil {
				t.Fatal(err)
			}
			place := opened.Place()
			if place.Cursor != c.cursor || place.ScannedTo != c.position || place.Head != 10 {
				t.Fatalf("place %+v, want cursor %d, position %d", place, c.cursor, c.position)
			}
			w := newWatch(t, model, c.selection)
			drain(t, opened, w)
			if len(w.delivered) != c.deliver || c.deliver > 0 && int(w.delivered[0]) != c.first {
				t.Fatalf("delivered %v, want %d from %d", w.delivered, c.deliver, c.first)
			}
		})
	}
}

func TestRefusesACursorBeyondTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		selection  cursor.Selection
		after, end uint64
	}{
		"of the log":           {cursor.Selection{}, 11, 10},
		"of a category":        {cursor.Selection{Category: "b"}, 11, 10},
		"of a stream":          {cursor.Selection{Stream: "b-1"}, 6, 5},
		"of an unknown stream": {cursor.Selection{Stream: "z-1"}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			model, _ := tenEvents(t)
			_, err := cursor.Open(t.Context(), still(model), c.selection, cursor.After(c.after))
			var beyond *storage.BeyondHeadError
			if !errors.As(err, &beyond) || beyond.Cursor != c.after || beyond.End != c.end {
				t.Fatalf("got %v, want %d beyond %d", err, c.after, c.end)
			}
		})
	}
}

// TestATimeStillToComeIsWaitedFor shows that a start by time holds for events
// that were not there yet when the cursor was opened.
func TestATimeStillToComeIsWaitedFor(t *testing.T) {
	for name, selection := range map[string]cursor.Selection{
		"all":            {},
		"stream":         {Stream: "a-1"},
		"unknown stream": {Stream: "c-1"},
	} {
		for _, hide := range []bool{false, true} {
			model, f := tenEvents(t)
			left := 6 // recorded at 11 to 16
			store := &hooked{Store: model, hook: func() {}, hideTail: func() bool { return hide }}
			store.idle = func() bool {
				if left == 0 {
					return false
				}
				left--
				f.put("Kept", 1, "a-1", "c-1")
				return true
			}
			c, err := cursor.Open(t.Context(), store, selection, cursor.At(14))
			if err != nil {
				t.Fatal(err)
			}
			w := newWatch(t, model, selection)
			drain(t, c, w)
			if want := passing(t, model, selection, 14); len(want) == 0 || len(w.delivered) != len(want) || w.delivered[0] != want[0] {
				t.Fatalf("%s: delivered %v, want %v", name, w.delivered, want)
			}
		}
	}
}
