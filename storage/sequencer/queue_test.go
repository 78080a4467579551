package sequencer

import (
	"errors"
	"testing"
)

func TestWhatIsTakenComesInOrderAndIsLetGo(t *testing.T) {
	q := newQueue(100, 100)
	var pushed, taken []*item
	for round := range 20 {
		for range 1 + round%4 {
			it := &item{bytes: 1}
			if err := q.push(it); err != nil {
				t.Fatal(err)
			}
			pushed = append(pushed, it)
		}
		taken = append(taken, q.take(2, 100)...)
		q.settled()
	}
	for q.length() > 0 {
		taken = append(taken, q.take(3, 100)...)
		q.settled()
	}
	q.close(errors.New("the test is over"))
	if rest := q.take(1, 1); rest != nil || len(taken) != len(pushed) {
		t.Fatalf("%d of %d were taken, then %d", len(taken), len(pushed), len(rest))
	}
	for i := range pushed {
		if taken[i] != pushed[i] {
			t.Fatalf("what was taken as number %d is another", i)
		}
	}
	for _, memory := range [][]*item{q.items[:cap(q.items)], q.taken[:cap(q.taken)]} {
		for i := range memory {
			if memory[i] != nil {
				t.Errorf("an item that was taken is still held")
			}
		}
	}
}
