package storagetest

import "testing"

// rule is one rule of the port, as a sentence about the store and its test.
type rule struct {
	name string
	test func(*subject)
}

// Run holds the stores that open opens to every rule of [storage.Store] that
// the port can show. Each rule is a subtest on a store of its own.
func Run(t *testing.T, open Opener) {
	for _, rules := range [][]rule{
		appendRules, concurrencyRules, laneRules, requestIDRules, exactReplayRules,
		readRules, streamRules, timeRules, tailRules, lifeRules, snapshotRules,
	} {
		for _, r := range rules {
			t.Run(r.name, func(t *testing.T) { r.test(newSubject(t, open)) })
		}
	}
}
