package report

import (
	"errors"
	"fmt"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
)

// Report is a run with what a reader needs to judge it.
type Report struct {
	// Date is when it began, Version what was measured.
	Date    time.Time `json:"date"`
	Version string    `json:"version"`
	// Server is its address, Durability what its answers promise.
	Server     string `json:"server"`
	Durability string `json:"durability"`
	// Machine is where the client ran.
	Machine machine.Facts `json:"machine"`
	// InMemory tells that the server's data are on a tmpfs, where nothing is
	// durable and a sync costs nothing.
	InMemory bool `json:"in_memory,omitempty"`
	// SyncMicros are median and 99th percentile of a small synced write beside the
	// data of a server started here; 0: the disk of another server is not known.
	// ServerSyncMicros is the server's own median of its commits.
	SyncMicros       [2]float64 `json:"sync_us,omitzero"`
	ServerSyncMicros float64    `json:"server_commit_us,omitempty"`
	// JSONBytes and MetadataBytes are the sizes of an event, StoredBytes what it
	// takes as stored.
	JSONBytes     int `json:"json_bytes"`
	MetadataBytes int `json:"metadata_bytes"`
	StoredBytes   int `json:"stored_bytes"`
	// Connections are shared by the clients.
	Connections int `json:"connections"`
	// Rate is operations a second in an open loop; 0: closed.
	Rate float64 `json:"rate,omitempty"`
	// WarmupSeconds and Seconds are the lengths of a round.
	WarmupSeconds float64 `json:"warmup_seconds"`
	Seconds       float64 `json:"seconds"`
	// Incomplete says what ended the run before all rounds were measured; empty:
	// nothing did.
	Incomplete string `json:"incomplete,omitempty"`
	// Results are the cases, of a run that was ended those with a round at least.
	Results []Result `json:"results"`
}

// Result is a case with the figures of its rounds.
type Result struct {
	workload.Result
	// Name is the case in words.
	Name    string  `json:"name"`
	Summary Summary `json:"summary"`
}

// Summary are the middle and the spread of the rounds.
type Summary struct {
	EventsPerSecond workload.Spread `json:"events_per_second"`
	OpsPerSecond    workload.Spread `json:"ops_per_second"`
	P50Micros       workload.Spread `json:"p50_us"`
	P99Micros       workload.Spread `json:"p99_us"`
	P999Micros      workload.Spread `json:"p999_us"`
	// ClientCPUMicros and ServerCPUMicros are processor time of an operation of
	// the first part; for reads of the log and deliveries, of an event.
	ClientCPUMicros workload.Spread `json:"client_cpu_us"`
	ServerCPUMicros workload.Spread `json:"server_cpu_us"`
	// ServerSwitches are context switches of the server, each counted as the CPU
	// time is.
	ServerSwitches workload.Spread `json:"server_switches"`
	// WrittenPerRaw is bytes written to disk for each stored byte of an event.
	WrittenPerRaw workload.Spread `json:"written_per_raw"`
	// EventsPerCommit are those that shared a sync.
	EventsPerCommit workload.Spread `json:"events_per_commit"`
	MemoryBytes     workload.Spread `json:"server_memory_bytes"`
	BehindSeconds   workload.Spread `json:"behind_seconds"`
}

// Add puts results into the report.
func (r *Report) Add(results []workload.Result) {
	for i := range results {
		r.Results = append(r.Results, Result{results[i], results[i].Case.String(), r.summary(&results[i])})
	}
}

// Misdelivered is an error that names the cases whose subscribers missed an
// event or got one again; nil: there is none.
func (r *Report) Misdelivered() error {
	var faults []error
	for i := range r.Results {
		if sum := r.Results[i].Sum(); sum.Gaps != 0 || sum.Repeats != 0 {
			faults = append(faults, fmt.Errorf("%s: subscribers missed %d events and got %d again", r.Results[i].Name, sum.Gaps, sum.Repeats))
		}
	}
	return errors.Join(faults...)
}

// perEvent tells whether CPU time is told for each event instead of each
// operation.
func perEvent(k workload.Kind) bool {
	return k == workload.KindReadAll || k == workload.KindFanout
}

func (r *Report) summary(result *workload.Result) Summary {
	if len(result.Rounds) == 0 {
		return Summary{}
	}
	each := func(value func(*workload.Round) float64) workload.Spread {
		return result.Over(func(n *workload.Round) float64 {
			count := n.Parts[0].Ops
			if perEvent(result.Case.Kind) {
				count = n.Parts[0].Events
			}
			return ratio(value(n), float64(count))
		})
	}
	const micro = float64(time.Microsecond)
	return Summary{
		EventsPerSecond: result.Rate(),
		OpsPerSecond:    result.Ops(),
		P50Micros:       result.Latency(50),
		P99Micros:       result.Latency(99),
		P999Micros:      result.Latency(99.9),
		ClientCPUMicros: each(func(n *workload.Round) float64 { return float64(n.Client.CPU) / micro }),
		ServerCPUMicros: each(func(n *workload.Round) float64 { return float64(n.Server.CPU) / micro }),
		ServerSwitches:  each(func(n *workload.Round) float64 { return float64(n.Server.Switches) }),
		WrittenPerRaw: result.Over(func(n *workload.Round) float64 {
			return ratio(float64(n.Server.WrittenBytes), appended(n)*float64(r.StoredBytes))
		}),
		EventsPerCommit: result.Over(func(n *workload.Round) float64 { return ratio(appended(n), float64(n.Server.Commits)) }),
		MemoryBytes:     result.Over(func(n *workload.Round) float64 { return float64(n.Server.MemoryBytes) }),
		BehindSeconds:   result.Over(func(n *workload.Round) float64 { return n.BehindSeconds }),
	}
}

// appended are the events appended in a round by any part.
func appended(n *workload.Round) float64 {
	for _, p := range n.Parts {
		if p.Name == "append" {
			return float64(p.Events)
		}
	}
	return 0
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
