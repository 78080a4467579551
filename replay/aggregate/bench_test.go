package aggregate_test

import (
	"context"
	"testing"

	"github.com/stet-db/stet/replay/aggregate"
)

// BenchmarkLoadOf10000Events reads one state from disk, from its newest
// snapshot and without.
func BenchmarkLoadOf10000Events(b *testing.B) {
	for _, full := range []bool{false, true} {
		name := map[bool]string{false: "snapshot", true: "full"}[full]
		b.Run(name, func(b *testing.B) {
			k := newKit(b, onDisk(b), benchBank)
			k.do(command("account", "a", "Opened", "{}", nil))
			for range 20 {
				c := command("account", "a", "Deposited", `{"amount":1.25}`, nil)
				c.Batch = true
				for len(c.Events) < 500 {
					c.Events = append(c.Events, c.Events[0])
				}
				k.do(c)
			}
			k.settle()
			b.ReportAllocs()
			var replayed uint64
			for b.Loop() {
				out, err := k.State(context.Background(), aggregate.StateQuery{Type: "account", ID: "a", FullReplay: full})
				if err != nil {
					b.Fatal(err)
				}
				replayed = out.Replayed
			}
			b.ReportMetric(float64(replayed), "replayed/op")
		})
	}
}

// BenchmarkExecute writes to one aggregate after another on the model, so that
// what is measured is validation, judging and answering.
func BenchmarkExecute(b *testing.B) {
	k := newKit(b, newModel(b), benchBank)
	k.do(command("account", "a", "Opened", "{}", nil))
	for _, event := range []string{"Deposited", "Withdrawn"} {
		b.Run(event, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k.do(command("account", "a", event, `{"amount":0.01}`, nil))
			}
		})
	}
}

const benchBank = `{"aggregate_types":{"account":{"snapshot_every":100,"events":{
	"Opened":{"handler":{"set":{"target":"balance","value":1000000}}},
	"Deposited":{"schema":{"type":"object","properties":{"amount":{"type":"number"}},"required":["amount"]},"handler":{"increment":{"target":"balance","by":"$.data.amount"}}},
	"Withdrawn":{"require":[{"that":{"gte":["@.balance","$.data.amount"]},"code":"NO"}],"handler":{"decrement":{"target":"balance","by":"$.data.amount"}}}}}}}`
