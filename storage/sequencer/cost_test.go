package sequencer

import (
	"context"
	"testing"

	"github.com/stet-db/stet/internal/alloctest"
	"github.com/stet-db/stet/storage"
)

// freeLog is an engine that keeps nothing, so that what is measured is the
// sequencer's.
type freeLog struct{ *fakeLog }

func (freeLog) Begin() Batch { return freeBatch{} }

type freeBatch struct{}

func (freeBatch) Put(storage.Placed, bool)                    {}
func (freeBatch) Remember(string, storage.RequestRow, uint64) {}
func (freeBatch) Bytes() int                                  { return 0 }
func (freeBatch) Apply() error                                { return nil }
func (freeBatch) Sync() error                                 { return nil }

// submitted is how many appends are on their way at once through [Sequencer.Submit].
const submitted = 64

func hotPaths(tb testing.TB) []alloctest.Path {
	s, err := New(freeLog{newFakeLog()}, Options{Durable: func(Batch, storage.Position) {}, Fatal: func(err error) { tb.Error(err) }})
	if err != nil {
		tb.Fatal(err)
	}
	s.Start()
	tb.Cleanup(s.Close)
	a := one("a-1", storage.ExpectAny(), 1)
	conflicting := one("a-1", storage.ExpectNoStream(), 2)
	conflicting.Entries[0].Events[0].ServerMadeID = true
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	answers := make(chan error, submitted)
	return []alloctest.Path{
		{Name: "an append alone", Ceiling: 8, Run: func() {
			if _, err := s.Append(ctx, a); err != nil {
				tb.Error(err)
			}
		}},
		{Name: "a conflict alone", Ceiling: 8, Run: func() {
			if _, err := s.Append(ctx, conflicting); err == nil {
				tb.Error("no conflict")
			}
		}},
		{Name: "64 appends at once", Ceiling: 64 * 7, Run: func() {
			for range submitted {
				if err := s.Submit(ctx, a, func(_ storage.Appended, err error) { answers <- err }); err != nil {
					tb.Error(err)
				}
			}
			for range submitted {
				if err := <-answers; err != nil {
					tb.Error(err)
				}
			}
		}},
	}
}

func TestAllocationsOfTheSequencerStayBelowTheirCeilings(t *testing.T) {
	alloctest.Check(t, hotPaths(t)...)
}

func BenchmarkSequencer(b *testing.B) { alloctest.Benchmark(b, hotPaths(b)...) }
