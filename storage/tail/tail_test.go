package tail_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/tail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func group(first, last storage.Position, size int) storage.Group {
	return storage.Group{First: first, Last: last, Frames: make([]byte, size)}
}

func TestGetFindsTheGroupThatHoldsTheNextPosition(t *testing.T) {
	tl := tail.New(1 << 20)
	tl.Push(group(4, 6, 10), group(7, 7, 10), group(8, 12, 10))
	for _, c := range []struct {
		after, first storage.Position
		ok           bool
	}{
		{0, 0, false}, {2, 0, false}, {3, 4, true}, {5, 4, true}, {6, 7, true}, {7, 8, true}, {11, 8, true}, {12, 0, false}, {99, 0, false},
	} {
		g, ok := tl.Get(c.after)
		if ok != c.ok || g.First != c.first {
			t.Errorf("Get(%d) = group from %d, %v; want from %d, %v", c.after, g.First, ok, c.first, c.ok)
		}
	}
}

func TestOldestGroupsLeaveWhenTheLimitIsReached(t *testing.T) {
	const size, limit = 1000, 10_000
	tl := tail.New(limit)
	for p := storage.Position(1); p <= 1000; p++ {
		tl.Push(group(p, p, size))
		if tl.Bytes() > limit {
			t.Fatalf("%d bytes are kept, more than %d", tl.Bytes(), limit)
		}
		if g, ok := tl.Get(p - 1); !ok || g.Last != p {
			t.Fatalf("the newest group, at %d, is not there", p)
		}
	}
	if _, ok := tl.Get(0); ok {
		t.Fatal("the oldest group is still there")
	}
}

func TestTheNewestGroupStaysHoweverLargeItIs(t *testing.T) {
	tl := tail.New(10)
	tl.Push(group(1, 1, 5000))
	if _, ok := tl.Get(0); !ok {
		t.Fatal("the only group was dropped")
	}
	tl.Push(group(2, 2, 5000))
	if _, ok := tl.Get(0); ok {
		t.Fatal("the older group was kept beyond the limit")
	}
}

func TestAGapStartsTheTailAnew(t *testing.T) {
	tl := tail.New(1 << 20)
	tl.Push(group(1, 3, 10))
	tl.Push(group(5, 6, 10))
	if _, ok := tl.Get(2); ok {
		t.Fatal("a group from before the gap is given: a reader would skip position 4")
	}
	if g, ok := tl.Get(4); !ok || g.First != 5 {
		t.Fatal("the group after the gap is missing")
	}
}
