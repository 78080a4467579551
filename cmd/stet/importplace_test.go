package main

import "testing"

// The line of an import that a server refuses is found by the path in its
// answer, whichever judge gives it.
func TestARefusedEventIsFoundByThePathInTheAnswer(t *testing.T) {
	for field, want := range map[string][2]int{
		"entries[3].events[7].data.Quantity": {3, 7},
		"entries[0].events[2]":               {0, 2},
		"events[5].data.Quantity":            {0, 5},
	} {
		at, ok := placeOf(field)
		if !ok || at.Entry != want[0] || at.Event != want[1] {
			t.Errorf("%s: %+v, %v; want %v", field, at, ok, want)
		}
	}
	for _, field := range []string{"", "stream", "entries[1].stream", "request_id"} {
		if at, ok := placeOf(field); ok {
			t.Errorf("%s names event %+v", field, at)
		}
	}
}
