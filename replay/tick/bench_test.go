package tick_test

import (
	"testing"

	"github.com/stet-db/stet/replay/tick"
)

// BenchmarkFold folds decoded events, as a stream of this many is folded: from
// {} again after each thousand.
func BenchmarkFold(b *testing.B) {
	for _, c := range []struct{ name, handler, data string }{
		{"cart", `[{"append": {"target": "items", "value": "$.data"}}, {"set": {"target": "status", "value": "active"}}]`, `{"sku": "WIDGET-1", "name": "Blue Widget", "price": 29.99, "quantity": 2}`},
		{"bank", `{"increment": {"target": "balance", "by": "$.data.amount"}}`, `{"amount": 10.50}`},
		{"order", `[{"merge": {"target": "", "value": "$.data"}}, {"set": {"target": "status", "value": "paid"}}]`, `{"customer": "c-1", "amount": 12.50, "note": "none"}`},
		{"keyed", `{"increment_at": {"target": "stock", "key": "$.data.sku", "by": "$.data.quantity"}}`, `{"sku": "WIDGET-1", "quantity": 2}`},
		{"email", `[{"append": {"target": "history", "value": {"from": {"$default": ["@.email", null]}, "to": "$.data.email", "by": "$.metadata.actor.id"}}}, {"set": {"target": "email", "value": "$.data.email"}}]`, `{"email": "bob@example.com"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := compile(b, c.handler)
			in := &tick.Input{Data: parse(b, c.data), Metadata: tick.Metadata{ActorID: "550e8400-e29b-41d4-a716-446655440001"}}
			var state tick.Value
			b.ReportAllocs()
			for i := range b.N {
				if i%1000 == 0 {
					state = tick.Value{}
				}
				var warnings []tick.Warning
				if state, warnings = p.Run(state, in, nil); warnings != nil {
					b.Fatal(warnings)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkLongArray shows that an event costs the same however much is there.
func BenchmarkLongArray(b *testing.B) {
	p := compile(b, `{"append": {"target": "items", "value": "$.data.n"}}`)
	in := &tick.Input{Data: parse(b, `{"n": 1}`)}
	for _, c := range []struct {
		name   string
		length int
	}{{"10", 10}, {"1000", 1000}, {"100000", 100_000}} {
		b.Run(c.name, func(b *testing.B) {
			var state tick.Value
			for range c.length {
				state, _ = p.Run(state, in, nil)
			}
			b.ReportAllocs()
			grown := state
			for i := range b.N {
				if i%1000 == 0 {
					grown = state
				}
				grown, _ = p.Run(grown, in, nil)
			}
		})
	}
}
