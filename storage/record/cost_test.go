package record_test

import (
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record"
)

// hotPaths are what the server does with every event written or read.
func hotPaths(t testing.TB) map[string]func() {
	canonical := full()
	canonical.SchemaVersion = 0 // it moves, so the fields behind it are copied
	wire := deterministic(t, canonical)
	e := parse(t, wire)
	stored := place{"order-7", 5, 42, 1}.stored(&e)
	key := keys.AppendEvent(nil, 42)
	sealed := record.AppendSealed(nil, key, stored)
	frames := record.AppendFrame(record.AppendFrame(nil, stored), stored)
	dst := make([]byte, 0, 4096)
	all := record.NewMatcher(storage.Filter{}, record.Source{})
	narrow := record.NewMatcher(itemFilter(storage.FilterItem{
		StreamPrefixes: []string{"invoice-", "order-"}, Types: []string{"OrderShipped", "OrderPlaced"}, AllTags: []string{"customer:42", "order:7"},
	}), record.Source{Category: "order"})
	return map[string]func(){
		"ParseNewEvent": func() {
			if _, violations := record.ParseNewEvent(wire, standard); violations != nil {
				t.Error(violations)
			}
		},
		"AppendRecorded": func() { record.AppendRecorded(dst, "order-7", 5, 42, 1, &e) },
		"RecordedSize":   func() { record.RecordedSize("order-7", 5, 42, 1, &e) },
		"SizeBound":      func() { record.SizeBound("order-7", &e) },
		"Place": func() {
			if _, _, _, _, err := record.Place(stored); err != nil {
				t.Error(err)
			}
		},
		"SameContent": func() {
			if !record.SameContent(stored, &e) {
				t.Error("another content")
			}
		},
		"Split": func() {
			if _, err := record.Split(stored); err != nil {
				t.Error(err)
			}
		},
		"Match all": func() {
			if !all.Match(stored) {
				t.Error("no match")
			}
		},
		"Match narrow": func() {
			if !narrow.Match(stored) {
				t.Error("no match")
			}
		},
		"AppendSealed": func() { record.AppendSealed(dst, key, stored) },
		"Unseal": func() {
			if _, err := record.Unseal(key, sealed); err != nil {
				t.Error(err)
			}
		},
		"AppendFrame": func() { record.AppendFrame(dst, stored) },
		"Frames": func() {
			for range record.Frames(frames) {
				continue
			}
		},
	}
}

func TestHotPathsAllocateNothing(t *testing.T) {
	for name, run := range hotPaths(t) {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func TestAnotherFormCostsOneAllocation(t *testing.T) {
	for name, wire := range map[string][]byte{
		"a schema version":    deterministic(t, full()),
		"fields out of order": join(jsonField("{}"), bytesField(13, string(entry("b", ""))), bytesField(13, string(entry("a", ""))), bytesField(11, "T")),
	} {
		if n := testing.AllocsPerRun(100, func() { parse(t, wire) }); n != 1 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func BenchmarkHotPaths(b *testing.B) {
	for name, run := range hotPaths(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
