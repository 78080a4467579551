package workload

import (
	"testing"
	"time"
)

func TestAWindowIsFromItsBeginningToItsObservation(t *testing.T) {
	w := &window{load: Load{
		Duration: time.Millisecond,
		Begin:    func() (client, server Usage) { return Usage{CPU: 2}, Usage{CPU: 3, Switches: 1} },
		Observe: func() (client, server Usage) {
			return Usage{CPU: 7, MemoryBytes: 9}, Usage{CPU: 13, Switches: 2}
		},
	}}
	round, err := w.measure(t.Context())
	if want := (Usage{CPU: 5, MemoryBytes: 9}); err != nil || round.Client != want {
		t.Errorf("the client used %+v, %v; want %+v", round.Client, err, want)
	}
	if want := (Usage{CPU: 10, Switches: 1}); round.Server != want {
		t.Errorf("the server used %+v; want %+v", round.Server, want)
	}
	w.load.Begin = nil
	if round, err = w.measure(t.Context()); err != nil || round.Server != (Usage{}) {
		t.Errorf("without Begin the server used %+v, %v; want nothing between two equal readings", round.Server, err)
	}
}
