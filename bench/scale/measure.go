package scale

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// load is a case that is measured at each size.
type load struct {
	name string
	c    workload.Case
	// first reads only the first event of each stream.
	first bool
	// cold is measured without warming up.
	cold bool
}

// warmLoads are measured on the server that the log was filled through.
func warmLoads(streamLength int) []load {
	loads := []load{
		{name: loadDecoded, c: workload.Case{Kind: workload.KindReadAll, Clients: 1}},
		{name: loadRaw, c: workload.Case{Kind: workload.KindReadAll, Clients: 1, Raw: true}},
		{name: loadHot, c: workload.Case{Kind: workload.KindReadStreams, Clients: 1, Hot: true}, first: true},
	}
	if streamLength > 1 {
		loads = append(loads, load{name: loadWhole, c: workload.Case{Kind: workload.KindReadStreams, Clients: 1}})
	}
	return append(loads, load{name: loadAppend, c: workload.Case{Kind: workload.KindAppend, Clients: 64, Batch: 1}})
}

// coldLoads are measured on a server that was just started.
var coldLoads = []load{
	{name: loadCold, c: workload.Case{Kind: workload.KindReadStreams, Clients: 1}, first: true, cold: true},
}

// loads measures each of them once.
func (r *run) loads(ctx context.Context, s *subject, f *Figures, loads []load) error {
	for _, l := range loads {
		r.teller.step(int64(r.duration+r.warmup), "at %s: %s", count(float64(f.Events)), strings.ReplaceAll(l.name, "-", " "))
		window := workload.Load{Warmup: r.warmup, Duration: r.duration, Observe: s.observe}
		window.Progress = func(passed, _ time.Duration) { r.teller.at(int64(passed), int64(r.duration+r.warmup)) }
		if l.cold {
			window.Warmup = 0
		}
		var driver workload.Driver = s.driver
		data := r.dataset(f.StreamLength)
		if l.first {
			driver, data.Length = &firstEvents{s.driver, s.api}, 1
		}
		round, err := l.c.Run(ctx, driver, r.payload, data, window)
		if err != nil {
			return err
		}
		summed := report.Report{StoredBytes: r.report.StoredBytes}
		summed.Add([]workload.Result{{System: "stet", Case: l.c, Rounds: []workload.Round{round}}})
		f.Loads[l.name] = summed.Results[0]
	}
	return nil
}

// opened starts the server again and again after clean stops; the last time it
// reads streams that nobody has read before.
func (r *run) opened(ctx context.Context, f *Figures) error {
	files := machine.Size(r.data, nil)
	f.DiskBytes, f.EventsOnDisk = files.Bytes, r.acknowledged
	f.Tables = machine.Size(r.data, func(name string) bool { return strings.HasSuffix(name, ".sst") }).Files
	for i := range r.opens {
		r.teller.step(int64(r.opens), "at %s: opening, %d of %d", count(float64(f.Events)), i+1, r.opens)
		r.forget()
		err := r.serving(ctx, func(s *subject, o Opening) error {
			f.Opens = append(f.Opens, o)
			if i+1 < r.opens {
				return nil
			}
			if err := r.loads(ctx, s, f, coldLoads); err != nil {
				return err
			}
			f.Memory.AfterReads = machine.Used(s.PID()).MemoryBytes
			return nil
		}, f.stopped)
		if err != nil {
			return err
		}
	}
	return nil
}

// recovered kills the server while its newest events are in the write-ahead log
// only, and measures the next opening, which must have them all.
func (r *run) recovered(ctx context.Context, f *Figures) error {
	for i := range r.kills() {
		r.teller.step(int64(r.kills()), "at %s: opening after a kill, %d of %d", count(float64(f.Events)), i+1, r.kills())
		if err := r.killedWhileFull(ctx); err != nil {
			return err
		}
		r.forget()
		if err := r.serving(ctx, func(_ *subject, o Opening) error {
			f.Kills = append(f.Kills, o)
			return nil
		}, f.stopped); err != nil {
			return err
		}
	}
	return nil
}

// killedWhileFull appends and kills.
func (r *run) killedWhileFull(ctx context.Context) error {
	s, _, err := r.start(ctx)
	if err != nil {
		return err
	}
	r.killed++
	set := workload.Dataset{Name: fmt.Sprintf("kill%d", r.killed), Streams: r.walEvents, Length: 1}
	before := r.acknowledged
	err = s.driver.Fill(ctx, set, r.payload, func(int) {})
	if killErr := s.kill(); err == nil {
		err = killErr
	}
	// All of them were answered, so all must be there.
	r.acknowledged = before + uint64(set.Events())
	return err
}

// forget makes the next opening a cold one, where that is wanted and allowed.
func (r *run) forget() {
	if r.report.CachesDropped {
		machine.DropFileCaches()
	}
}
