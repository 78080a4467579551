package scale

import (
	"slices"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// Report is a run.
type Report struct {
	// Date is when it began, Quick that its figures mean little.
	Date  time.Time `json:"date"`
	Quick bool      `json:"quick"`
	// Version is what was measured, with its durability.
	Version string        `json:"version"`
	Machine machine.Facts `json:"machine"`
	// SyncMicros are median and 99th percentile of a small synced write.
	SyncMicros [2]float64 `json:"sync_us"`
	// StoredBytes is what an event takes as stored, of JSONBytes and
	// MetadataBytes.
	StoredBytes   int `json:"stored_bytes"`
	JSONBytes     int `json:"json_bytes"`
	MetadataBytes int `json:"metadata_bytes"`
	// Streams share the events equally.
	Streams int `json:"streams"`
	// Seconds are measured, after WarmupSeconds.
	Seconds       float64 `json:"seconds"`
	WarmupSeconds float64 `json:"warmup_seconds"`
	// CachesDropped tells that openings and cold reads found nothing of the
	// files in memory.
	CachesDropped bool `json:"caches_dropped"`
	// Sizes are the figures of each.
	Sizes []Figures `json:"sizes"`
}

// Figures are what was measured at one size.
type Figures struct {
	// Events are in the log when the measurements begin. StreamLength of them
	// are in each of the streams.
	Events       uint64 `json:"events"`
	StreamLength int    `json:"stream_length"`
	Fill         Fill   `json:"fill"`
	Memory       Memory `json:"memory"`
	// Loads are append, read-all, hot and cold reads; see the names in [Figures.load].
	Loads map[string]report.Result `json:"loads"`
	// Opens are after a clean stop, Kills after a kill.
	Opens []Opening `json:"opens"`
	Kills []Opening `json:"kills"`
	// StopSeconds is how long clean stops took.
	StopSeconds []float64 `json:"stop_seconds"`
	// DiskBytes is the size of the store's files after a clean stop, Tables how
	// many of them are the engine's tables. EventsOnDisk are in them.
	DiskBytes    int64  `json:"disk_bytes"`
	Tables       int    `json:"tables"`
	EventsOnDisk uint64 `json:"events_on_disk"`
}

// Fill is how the log grew to the size.
type Fill struct {
	Events          int     `json:"events"`
	Seconds         float64 `json:"seconds"`
	ServerCPUMicros float64 `json:"server_cpu_us"`
	WrittenBytes    int64   `json:"written_bytes"`
	// SettleSeconds is how long the server went on working after it; Settled that
	// it ended within the bound.
	SettleSeconds float64 `json:"settle_seconds"`
	Settled       bool    `json:"settled"`
	// DebtBytes are what the engine has still to compact then, DebtKnown that the
	// server tells.
	DebtBytes float64 `json:"debt_bytes"`
	DebtKnown bool    `json:"debt_known"`
}

// Memory is what is resident of the server, in bytes.
type Memory struct {
	AfterFill int64 `json:"after_fill"`
	AfterLoad int64 `json:"after_load"`
	// Peak is the most until then.
	Peak int64 `json:"peak"`
	// AfterReads is that of a server that was started on the whole log and has
	// only read.
	AfterReads int64 `json:"after_reads"`
}

// Opening is one start of the server on the store, the time counted from the
// start of the process.
type Opening struct {
	// ReadySeconds is until it says that it is ready, AnswerSeconds until it has
	// given the newest event.
	ReadySeconds  float64 `json:"ready_seconds"`
	AnswerSeconds float64 `json:"answer_seconds"`
	// ReadBytes are what the process has read until ready, CPUSeconds its
	// processor time until then.
	ReadBytes  int64   `json:"read_bytes"`
	CPUSeconds float64 `json:"cpu_seconds"`
	// MemoryBytes are resident after the first answer.
	MemoryBytes int64 `json:"memory_bytes"`
	// LogBytes is the size of the write-ahead logs that it found.
	LogBytes int64 `json:"log_bytes"`
}

// The loads of each size.
const (
	loadAppend  = "append"
	loadDecoded = "read-all"
	loadRaw     = "read-all-raw"
	loadHot     = "first-event-hot"
	loadCold    = "first-event-cold"
	loadWhole   = "whole-stream"
)

// summary is that of a load; zero when it was not measured.
func (f *Figures) summary(load string) report.Summary { return f.Loads[load].Summary }

// over is the spread of a value over openings.
func over(opens []Opening, value func(*Opening) float64) workload.Spread {
	values := make([]float64, len(opens))
	for i := range opens {
		values[i] = value(&opens[i])
	}
	return spreadOf(values)
}

func spreadOf(values []float64) workload.Spread {
	if len(values) == 0 {
		return workload.Spread{}
	}
	values = slices.Sorted(slices.Values(values))
	return workload.Spread{Median: values[(len(values)-1)/2], Least: values[0], Most: values[len(values)-1]}
}
