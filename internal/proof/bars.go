package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bar is what a layer of a proof must have done at least, by counter.
type Bar struct {
	// Layer is its name in a [Record]. One that ends with "*" is the sum of all
	// layers that begin so.
	Layer string
	// What says it in the words of the page.
	What  string
	Least Counters
	// Loses: a negative control, whose losses are its bar.
	Loses bool
	// Privileged: it needs root and loop devices. Without them it is skipped,
	// which is no miss if the record says why for this very layer.
	Privileged bool
}

// Bars are those of a full proof, in the order of the page.
var Bars = []Bar{
	{Layer: "model-*", What: "steps of random histories beside the reference model, with power cuts and other options at each reopening", Least: Counters{"histories": 3000, "steps": 50_000}},
	{Layer: "crash-schedules", What: "power cuts on a file system in memory, at random instants", Least: Counters{"crash_schedules": 10_000, "retries_replayed": 1000}},
	{Layer: "power-cuts-are-no-damage", What: "power cuts that nobody takes for damage", Least: Counters{"images": 5000}},
	{Layer: "disk-fault-sweep", What: "operations of the disk that fail, each in turn", Least: Counters{"trials": 1500, "trials_of_all_percent": 100}},
	{Layer: "kills", What: "kill -9 of the real server under load", Least: Counters{"kills": 500}},
	{Layer: "drains", What: "SIGTERM of the real server under load", Least: Counters{"drains": 200}},
	{Layer: "power-cuts", What: "power cuts of real file systems, ext4 and xfs", Least: Counters{"cuts": 300, "ext4_cuts": 100, "xfs_cuts": 100}, Privileged: true},
	{Layer: "power-cuts-without-sync", What: "the same without syncs, which must lose", Least: Counters{"cuts": 20, "lost": 1}, Loses: true, Privileged: true},
	{Layer: "full-disk", What: "disks of ext4 and tmpfs that others fill to the last block, under the real server and its load", Least: Counters{"disks_filled": 40, "refused": 1000, "ended_with_70": 1}, Privileged: true},
	{Layer: "virtual-*", What: "hours and days of silence, of slow clients, and of clocks that jump, in virtual time", Least: Counters{"targets": 4, "virtual_minutes": 12_000}},
	{Layer: "hostile-clients", What: "appends that were answered while clients of each sort misbehaved", Least: Counters{"appends_answered": 13_000, "hostilities": 14}},
	{Layer: "dead-subscribers", What: "appends beside nobody, beside 900 subscribers that read, and beside the same and 100 that never do", Least: Counters{"appends": 3000}},
	{Layer: "snapshots", What: "states asked for with snapshots and without, under changing rules, over restarts", Least: Counters{"states_compared": 50_000, "from_snapshots": 5000, "examples": 8}},
	{Layer: "bitflips", What: "flipped, cut, zeroed, missing and stale files", Least: Counters{"images": 5000, "combinations": 30}},
	{Layer: "bitflips-without-checksums", What: "the same without checksums, which must lose", Least: Counters{"images": 500, "silent": 1}, Loses: true},
	{Layer: "linearizability", What: "operations checked for linearizability, through a network that breaks", Least: Counters{"operations_checked": 200_000, "replies_dropped": 100, "servers_restarted": 10, "subscriptions_resumed": 1000}},
	{Layer: "deliveries", What: "deliveries validated, with forced edges and reconnections", Least: Counters{"deliveries_validated": 5_000_000, "edges_forced": 1000, "reconnects": 1000}},
	{Layer: "fuzz-*", What: "executions of fuzz targets", Least: Counters{"targets": 20, "executions": 1_000_000}},
	{Layer: "mutants-all", What: "built-in faults that tests noticed", Least: Counters{"faults_noticed": 20}},
}

// PointHits is how often a proof must have passed each fault point, and Points
// how many points there must be.
const (
	PointHits = 10
	Points    = 30
)

// none are what must not have happened.
var none = []string{"lost", "violations", "silent", "untyped", "touched", "deleted", "false_alarms", "panics", "torn", "phantoms"}

// Layer is what the bar is about. Not all of a record's layers have one.
func (r Record) layer(b Bar) (Layer, bool) {
	prefix, sum := strings.CutSuffix(b.Layer, "*")
	if !sum {
		l, there := r.Layers[b.Layer]
		return l, there
	}
	all := New()
	targets := uint64(0)
	for name, l := range r.Layers {
		if strings.HasPrefix(name, prefix) {
			targets++
			all.Add(Record{Layers: map[string]Layer{"": l}})
		}
	}
	l := all.Layers[""]
	if targets > 0 {
		l.Counters["targets"] = targets
	}
	return l, targets > 0
}

// Missed are the bars that a full proof does not reach, one line each.
func (r Record) Missed() []string {
	var out []string
	for _, b := range Bars {
		l, there := r.layer(b)
		if !there && b.Privileged && slices.ContainsFunc(r.About.Skipped, func(line string) bool { return isSkip(line, b.Layer) }) {
			continue // told on the page
		}
		for _, counter := range slices.Sorted(maps.Keys(b.Least)) {
			if got, least := l.Counters[counter], b.Least[counter]; got < least {
				out = append(out, fmt.Sprintf("%s: %s is %d, want at least %d", b.Layer, counter, got, least))
			}
		}
	}
	passed := 0
	for _, point := range slices.Sorted(maps.Keys(r.Points)) {
		if n := r.Points[point]; n < PointHits {
			out = append(out, fmt.Sprintf("fault point %s was passed %d times, want at least %d", point, n, PointHits))
			continue
		}
		passed++
	}
	if passed < Points {
		out = append(out, fmt.Sprintf("%d fault points were passed, want at least %d", passed, Points))
	}
	return append(out, r.Violated()...)
}

// Violated is what must not have happened, one line each.
func (r Record) Violated() []string {
	loses := map[string]bool{}
	for _, b := range Bars {
		loses[b.Layer] = b.Loses
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Layers)) {
		for _, counter := range none {
			if n := r.Layers[name].Counters[counter]; n > 0 && !loses[name] {
				out = append(out, fmt.Sprintf("%s: %s is %d, want none", name, counter, n))
			}
		}
	}
	for _, failure := range r.About.Failures {
		out = append(out, "failed: "+failure)
	}
	return out
}
