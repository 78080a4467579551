package machine

import "testing"

func TestTheLeastKnownLimitCounts(t *testing.T) {
	for _, c := range []struct {
		numbers []int64
		want    int64
	}{
		{nil, 0},
		{[]int64{0, 0}, 0},
		{[]int64{8, 0, 0}, 8},
		{[]int64{8, 4, 1 << 62}, 4},
		{[]int64{0, 1 << 62, 7}, 7},
	} {
		if got := leastKnown(c.numbers...); got != c.want {
			t.Errorf("leastKnown(%d) = %d, want %d", c.numbers, got, c.want)
		}
	}
}

func TestTheMemoryIsAtMostTheMachines(t *testing.T) {
	onLinux(t)
	if got := Memory(); got <= 0 || got > Look().MemoryBytes {
		t.Errorf("Memory() = %d of %d", got, Look().MemoryBytes)
	}
}
