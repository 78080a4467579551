package scale

import (
	"fmt"

	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// row is a line of the table: a figure of each size, and what it became.
type row struct {
	name  string
	value func(*Figures) workload.Spread
	write func(float64) string
	// flat tells that it must not grow with the log.
	flat bool
}

func of(value func(*Figures) float64) func(*Figures) workload.Spread {
	return func(f *Figures) workload.Spread { return spreadOf([]float64{value(f)}) }
}

func in(load string, value func(report.Summary) workload.Spread) func(*Figures) workload.Spread {
	return func(f *Figures) workload.Spread { return value(f.summary(load)) }
}

func rate(s report.Summary) workload.Spread   { return s.EventsPerSecond }
func p50(s report.Summary) workload.Spread    { return s.P50Micros }
func p99(s report.Summary) workload.Spread    { return s.P99Micros }
func server(s report.Summary) workload.Spread { return s.ServerCPUMicros }

// The kinds of openings.
const (
	openLoaded = "open after load and a stop, "
	openIdle   = "open after a stop that followed no writes, "
	openKilled = "open after a kill, "
)

// The first opening comes after the loads, the others after one that has
// written nothing.
func afterLoad(f *Figures) []Opening    { return f.Opens[:min(1, len(f.Opens))] }
func afterNothing(f *Figures) []Opening { return f.Opens[min(1, len(f.Opens)):] }
func afterKill(f *Figures) []Opening    { return f.Kills }

func ready(o *Opening) float64     { return o.ReadySeconds }
func answered(o *Opening) float64  { return o.AnswerSeconds }
func logs(o *Opening) float64      { return float64(o.LogBytes) }
func reads(o *Opening) float64     { return float64(o.ReadBytes) }
func processor(o *Opening) float64 { return o.CPUSeconds }
func resident(o *Opening) float64  { return float64(o.MemoryBytes) }

func opening(which func(*Figures) []Opening, value func(*Opening) float64) func(*Figures) workload.Spread {
	return func(f *Figures) workload.Spread { return over(which(f), value) }
}

// rows are all of them.
func (r *Report) rows() []row {
	return []row{
		{name: "filling, pipelined, events/s", value: of(func(f *Figures) float64 { return perSecond(f.Fill.Events, f.Fill.Seconds) }), write: thousands},
		{name: "filling, server CPU us/event", value: of(func(f *Figures) float64 { return f.Fill.ServerCPUMicros }), write: decimals},
		{name: "filling, bytes written / raw", value: of(func(f *Figures) float64 {
			return ratio(float64(f.Fill.WrittenBytes), float64(f.Fill.Events*r.StoredBytes))
		}), write: decimals},
		{name: "compaction debt after filling, MiB", value: of(func(f *Figures) float64 { return f.Fill.DebtBytes }), write: mib},
		{name: "background work after filling, s", value: of(func(f *Figures) float64 { return f.Fill.SettleSeconds }), write: decimals},
		{name: "append, 64 clients x 1, events/s", value: in(loadAppend, rate), write: thousands},
		{name: "append, p50 us", value: in(loadAppend, p50), write: whole},
		{name: "append, p99 us", value: in(loadAppend, p99), write: whole},
		{name: "append, server CPU us/event", value: in(loadAppend, server), write: decimals},
		{name: "read all, standard client, events/s", value: in(loadDecoded, rate), write: thousands},
		{name: "read all, not decoded, events/s", value: in(loadRaw, rate), write: thousands},
		{name: "read all, not decoded, server CPU us/event", value: in(loadRaw, server), write: decimals},
		{name: "first event of a hot stream, p50 us", value: in(loadHot, p50), write: whole},
		{name: "first event of a hot stream, p99 us", value: in(loadHot, p99), write: whole},
		{name: "first event of a cold stream, p50 us", value: in(loadCold, p50), write: whole},
		{name: "first event of a cold stream, p99 us", value: in(loadCold, p99), write: whole},
		{name: "a random stream, whole, p50 us", value: in(loadWhole, p50), write: whole},
		{name: "a random stream, whole, us for each event", value: func(f *Figures) workload.Spread {
			return spreadOf([]float64{f.summary(loadWhole).P50Micros.Median / float64(max(f.StreamLength, 1))})
		}, write: decimals},
		{name: "memory after filling, MiB", value: of(func(f *Figures) float64 { return float64(f.Memory.AfterFill) }), write: mib, flat: true},
		{name: "memory after the loads, MiB", value: of(func(f *Figures) float64 { return float64(f.Memory.AfterLoad) }), write: mib, flat: true},
		{name: "memory, most until then, MiB", value: of(func(f *Figures) float64 { return float64(f.Memory.Peak) }), write: mib, flat: true},
		{name: "memory after cold reads, MiB", value: of(func(f *Figures) float64 { return float64(f.Memory.AfterReads) }), write: mib, flat: true},
		{name: "memory after opening, MiB", value: opening(afterNothing, resident), write: mib, flat: true},
		{name: openLoaded + "ready, s", value: opening(afterLoad, ready), write: fine, flat: true},
		{name: openLoaded + "first answer, s", value: opening(afterLoad, answered), write: fine, flat: true},
		{name: openLoaded + "MiB of write-ahead logs", value: opening(afterLoad, logs), write: mib},
		{name: openLoaded + "MiB read until ready", value: opening(afterLoad, reads), write: mib, flat: true},
		{name: openLoaded + "CPU s until ready", value: opening(afterLoad, processor), write: fine, flat: true},
		{name: openIdle + "ready, s", value: opening(afterNothing, ready), write: fine, flat: true},
		{name: openIdle + "first answer, s", value: opening(afterNothing, answered), write: fine, flat: true},
		{name: openIdle + "MiB read until ready", value: opening(afterNothing, reads), write: mib, flat: true},
		{name: openKilled + "ready, s", value: opening(afterKill, ready), write: fine, flat: true},
		{name: openKilled + "first answer, s", value: opening(afterKill, answered), write: fine, flat: true},
		{name: openKilled + "MiB of write-ahead logs", value: opening(afterKill, logs), write: mib},
		{name: openKilled + "MiB read until ready", value: opening(afterKill, reads), write: mib, flat: true},
		{name: openKilled + "CPU s until ready", value: opening(afterKill, processor), write: fine, flat: true},
		{name: "clean stop, s", value: func(f *Figures) workload.Spread { return spreadOf(f.StopSeconds) }, write: fine},
		{name: "bytes on disk for each event", value: of(func(f *Figures) float64 { return ratio(float64(f.DiskBytes), float64(f.EventsOnDisk)) }), write: whole, flat: true},
		{name: "tables", value: of(func(f *Figures) float64 { return float64(f.Tables) }), write: whole},
	}
}

func perSecond(n int, seconds float64) float64 { return ratio(float64(n), seconds) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func whole(v float64) string    { return fmt.Sprintf("%.0f", v) }
func decimals(v float64) string { return fmt.Sprintf("%.2f", v) }
func fine(v float64) string     { return fmt.Sprintf("%.3f", v) }
func mib(v float64) string {
	v /= 1 << 20
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func thousands(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.1f k", v/1e3)
	default:
		return whole(v)
	}
}

// cell is a row's figure at a size; empty when there is none.
func (w *row) cell(f *Figures) string {
	s := w.value(f)
	switch {
	case s.Median == 0:
		return "-"
	case s.Least == s.Most:
		return w.write(s.Median)
	}
	return fmt.Sprintf("%s (%s-%s)", w.write(s.Median), w.write(s.Least), w.write(s.Most))
}

// growth is a row's largest size by its smallest; 0: it is not known.
func (w *row) growth(sizes []Figures) float64 {
	if len(sizes) < 2 {
		return 0
	}
	return ratio(w.value(&sizes[len(sizes)-1]).Median, w.value(&sizes[0]).Median)
}
