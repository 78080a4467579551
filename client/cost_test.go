package client

import (
	"testing"

	"github.com/stet-db/stet/internal/alloctest"
)

func TestAllocationsOfRequestsStayBelowTheirCeilings(t *testing.T) {
	c := new(Client)
	c.options.RequestBytes = 1 << 20
	ten := Append{Stream: "order-17", Expect: AnyVersion()}
	for range 10 {
		ten.Events = append(ten.Events, Event{Type: "OrderPlaced", JSON: "{}", Metadata: map[string]string{"actor": "customer:42"}})
	}
	one := ten
	one.Events = ten.Events[:1]
	build := func(a *Append) func() {
		return func() {
			if _, err := c.appendRequest(callOf(a), a); err != nil {
				panic(err)
			}
		}
	}
	alloctest.Check(t,
		alloctest.Path{Name: "a request of one event", Ceiling: 5, Run: build(&one)},
		alloctest.Path{Name: "a request of ten events", Ceiling: 5, Run: build(&ten)},
	)
}
