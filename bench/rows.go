package main

import (
	"time"

	"github.com/stet-db/stet/internal/workload"
)

// row is a line of the table: a case, and what of it is told.
type row struct {
	name string
	c    workload.Case
	// value takes the figure from the results of one system.
	value func(*measured, *workload.Result) workload.Spread
	unit  unit
	// lower tells that less is better.
	lower bool
	// target and stretch are what Stet is to reach; 0: none is set.
	target, stretch float64
	// there is what a limit reached on the machine that the target was set on.
	there limit
}

// limit is the figure of a limit there, and how to find the same one here;
// false: it is not known, or not the one that counts here.
type limit struct {
	value float64
	here  func(*bench, *row) (float64, bool)
}

func grpcThere(v float64) limit {
	return limit{v, func(b *bench, r *row) (float64, bool) {
		s, known := r.of(b.find("bare gRPC"))
		return s.Median, known && s.Median > 0
	}}
}

// syncedThere is a call and a synced write, one after the other.
func syncedThere(v float64) limit {
	return limit{v, func(b *bench, r *row) (float64, bool) {
		s, known := r.of(b.find("bare gRPC"))
		return s.Median + float64(b.syncs[0])/float64(time.Microsecond), known && b.syncs[0] > 0
	}}
}

// pebbleThere counts only where Pebble is the lower limit here, too.
func pebbleThere(v float64) limit {
	return limit{v, func(b *bench, r *row) (float64, bool) {
		engine, known := r.of(b.find("bare Pebble"))
		grpc, other := r.of(b.find("bare gRPC"))
		return engine.Median, known && other && engine.Median > 0 && engine.Median <= grpc.Median
	}}
}

// unit says how a figure is written.
type unit int

const (
	perSecond unit = iota
	microseconds
	plain
	mebibytes
	seconds
)

func rate(_ *measured, r *workload.Result) workload.Spread { return r.Rate() }
func ops(_ *measured, r *workload.Result) workload.Spread  { return r.Ops() }

func latency(percentile float64) func(*measured, *workload.Result) workload.Spread {
	return func(_ *measured, r *workload.Result) workload.Spread { return r.Latency(percentile) }
}

// written is bytes written to the disk for each byte of an event as Stet stores
// it, the same measure for all, in the rounds in which both are known.
func written(m *measured, r *workload.Result) workload.Spread {
	var known []float64
	for i := range r.Rounds {
		if n := &r.Rounds[i]; n.Server.WrittenBytes > 0 && n.Parts[0].Events > 0 {
			known = append(known, float64(n.Server.WrittenBytes)/float64(n.Parts[0].Events)/float64(m.storedBytes))
		}
	}
	return spreadOf(known)
}

func memory(m *measured, _ *workload.Result) workload.Spread { return one(m.memoryBytes / (1 << 20)) }

func memoryAfterReads(m *measured, _ *workload.Result) workload.Spread {
	var mib []float64
	for _, v := range m.readMemory {
		mib = append(mib, v/(1<<20))
	}
	return spreadOf(mib)
}

func coldOpen(m *measured, _ *workload.Result) workload.Spread {
	return spreadOf(m.openSeconds)
}

func one(v float64) workload.Spread { return workload.Spread{Median: v, Least: v, Most: v} }

func appending(clients, batch, inFlight int) workload.Case {
	return workload.Case{Kind: workload.KindAppend, Clients: clients, Batch: batch, InFlight: inFlight}
}

// rows are those of the table of targets, and what they leave open.
var rows = []row{
	{name: "append, 1 client, p50", c: appending(1, 1, 0), value: latency(50), unit: microseconds, lower: true, target: 230, stretch: 170, there: syncedThere(180)},
	{name: "append, 1 client, p99", c: appending(1, 1, 0), value: latency(99), unit: microseconds, lower: true},
	{name: "append, 1 client", c: appending(1, 1, 0), value: rate},
	{name: "append, 8 clients", c: appending(8, 1, 0), value: rate, target: 17e3, stretch: 20e3, there: grpcThere(41e3)},
	{name: "append, 64 clients", c: appending(64, 1, 0), value: rate, target: 42e3, stretch: 50e3, there: grpcThere(72e3)},
	{name: "append, 256 clients", c: appending(256, 1, 0), value: rate, target: 52e3, stretch: 60e3, there: grpcThere(74e3)},
	{name: "append, pipelined, 8 x 32 in flight", c: appending(8, 1, 32), value: rate, target: 180e3, stretch: 220e3, there: grpcThere(468e3)},
	{name: "append, 64 clients x 10 events", c: appending(64, 10, 0), value: rate, target: 240e3, stretch: 300e3, there: pebbleThere(374e3)},
	{name: "append, 8 clients x 100 events", c: appending(8, 100, 0), value: rate, target: 330e3, stretch: 380e3, there: pebbleThere(397e3)},
	{name: "append, pipelined, 8 x 32 in flight x 10 events", c: appending(8, 10, 32), value: rate, target: 390e3, there: pebbleThere(414e3)},
	{name: "append, 64 clients, request ids", c: workload.Case{Kind: workload.KindAppend, Clients: 64, Batch: 1, RequestIDs: true}, value: rate},
	{name: "append, 64 clients, 10 % conflicts", c: workload.Case{Kind: workload.KindAppend, Clients: 64, Batch: 1, ConflictPercent: 10}, value: ops},
	{name: "read all, decoded", c: workload.Case{Kind: workload.KindReadAll, Clients: 1}, value: rate, target: 1.4e6, stretch: 1.8e6},
	{name: "read all, not decoded", c: workload.Case{Kind: workload.KindReadAll, Clients: 1, Raw: true}, value: rate, target: 3e6, stretch: 4e6, there: grpcThere(5.7e6)},
	{name: "read a stream, 1 caller, p50", c: workload.Case{Kind: workload.KindReadStreams, Clients: 1}, value: latency(50), unit: microseconds, lower: true, target: 170, stretch: 120},
	{name: "read a hot stream, 1 caller, p50", c: workload.Case{Kind: workload.KindReadStreams, Clients: 1, Hot: true}, value: latency(50), unit: microseconds, lower: true},
	{name: "read streams, 16 callers, streams", c: workload.Case{Kind: workload.KindReadStreams, Clients: 16}, value: ops, target: 14e3, stretch: 20e3},
	{name: "live, 256 appenders, 100 subscribers, deliveries", c: workload.Case{Kind: workload.KindFanout, Clients: 256, Batch: 1, Subscribers: 100, Raw: true}, value: rate, target: 2.5e6, stretch: 3.5e6},
	{name: "append to delivery, idle, p50", c: workload.Case{Kind: workload.KindDelivery, Clients: 1, Subscribers: 1}, value: latency(50), unit: microseconds, lower: true, target: 280, stretch: 220},
	{name: "append to delivery, idle, p99", c: workload.Case{Kind: workload.KindDelivery, Clients: 1, Subscribers: 1}, value: latency(99), unit: microseconds, lower: true, target: 1000},
	{name: "written / raw, 64 clients", c: appending(64, 1, 0), value: written, unit: plain, lower: true, target: 3, stretch: 2.4},
	{name: "written / raw, pipelined", c: appending(8, 1, 32), value: written, unit: plain, lower: true, target: 3, stretch: 2.4},
	{name: "memory after filling, MiB", value: memory, unit: mebibytes, lower: true, target: 512},
	{name: "memory after the reads, MiB", value: memoryAfterReads, unit: mebibytes, lower: true},
	{name: "cold open of the filled store, s", value: coldOpen, unit: seconds, lower: true, target: 1},
}

// supports tells whether a system has what a case needs; drivers tell the rest.
func (s *system) supports(c workload.Case) bool {
	switch s.name {
	case "bare gRPC":
		return c.Kind != workload.KindDelivery && !c.RequestIDs && c.ConflictPercent == 0
	case "bare Pebble":
		return (c.Kind == workload.KindAppend || c.Kind == workload.KindReadAll) && !c.RequestIDs && c.ConflictPercent == 0
	case partsName:
		return c.Kind == workload.KindAppend && !c.RequestIDs && c.ConflictPercent == 0
	case "JetStream, default sync":
		return c.Kind == workload.KindAppend && c.Batch == 1 && !c.RequestIDs && c.ConflictPercent == 0 ||
			c.Kind == workload.KindFanout || c.Kind == workload.KindDelivery
	}
	return true
}
