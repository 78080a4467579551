package scale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// run is one measurement under way. It belongs to one goroutine.
type run struct {
	*settings
	teller  *teller
	payload *workload.Payload
	report  *Report
	data    string // the store's directory
	// length is what each stream has, acknowledged the events that the server has
	// said are durable, killed how often it was killed.
	length       int
	acknowledged uint64
	killed       int
}

// measure does all of it in a directory that is removed at the end.
func measure(ctx context.Context, s *settings, t *teller) (_ *Report, err error) {
	payload, err := workload.NewPayload(workload.StandardJSONBytes, workload.StandardMetadataBytes, 1)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.dir, "stet-scale-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer t.end()
	stored := stetload.StoredBytes(payload)
	if err := s.checkSpace(dir, stored); err != nil {
		return nil, err
	}
	r := &run{settings: s, teller: t, payload: payload, data: filepath.Join(dir, "data"), report: &Report{
		Date: time.Now(), Quick: s.quick, Machine: machine.Look(), StoredBytes: stored,
		JSONBytes: payload.JSONBytes, MetadataBytes: payload.MetadataBytes, Streams: s.streams,
		Seconds: s.duration.Seconds(), WarmupSeconds: s.warmup.Seconds(), CachesDropped: s.dropCaches && machine.DropFileCaches(),
	}}
	median, p99, err := machine.SyncLatency(dir)
	if err != nil {
		return nil, err
	}
	r.report.SyncMicros = [2]float64{micros(median), micros(p99)}
	for _, size := range s.sizes {
		if err := r.size(ctx, size); err != nil {
			return nil, fmt.Errorf("at %s events: %w", count(float64(size)), err)
		}
	}
	return r.report, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// dataset are the streams, equally long.
func (r *run) dataset(length int) workload.Dataset {
	return workload.Dataset{Name: "scale", Streams: r.streams, Length: length}
}

// size grows the log to a size and measures everything there.
func (r *run) size(ctx context.Context, events int) error {
	f := Figures{StreamLength: events / r.streams, Loads: map[string]report.Result{}}
	for _, part := range []func(context.Context, *Figures) error{r.filled, r.opened, r.recovered} {
		if err := part(ctx, &f); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	r.report.Sizes = append(r.report.Sizes, f)
	return nil
}

// serving starts the server, does something with it, and stops it, whatever
// happens. took is told how long the stop took.
func (r *run) serving(ctx context.Context, do func(*subject, Opening) error, took func(time.Duration)) error {
	s, o, err := r.start(ctx)
	if err != nil {
		return err
	}
	err = do(s, o)
	if err == nil {
		r.acknowledged, err = s.head(ctx)
	}
	err = errors.Join(err, s.hangUp())
	began := time.Now()
	err = errors.Join(err, s.stop())
	took(time.Since(began))
	return err
}

// filled is the part on the server that the log is filled through.
func (r *run) filled(ctx context.Context, f *Figures) error {
	return r.serving(ctx, func(s *subject, _ Opening) (err error) {
		if r.report.Version, err = version(ctx, s); err != nil {
			return err
		}
		if err := r.fill(ctx, s, f); err != nil {
			return err
		}
		if f.Events, err = s.head(ctx); err != nil {
			return err
		}
		f.Memory.AfterFill = machine.Used(s.PID()).MemoryBytes
		if err := r.loads(ctx, s, f, warmLoads(f.StreamLength)); err != nil {
			return err
		}
		used := machine.Used(s.PID())
		f.Memory.AfterLoad, f.Memory.Peak = used.MemoryBytes, used.PeakBytes
		return nil
	}, f.stopped)
}

// stopped notes how long a clean stop took.
func (f *Figures) stopped(d time.Duration) { f.StopSeconds = append(f.StopSeconds, d.Seconds()) }

// fill appends what is missing at the ends of all streams.
func (r *run) fill(ctx context.Context, s *subject, f *Figures) error {
	set := r.dataset(f.StreamLength - r.length)
	most := int64(set.Events())
	r.teller.step(most, "writing events, to %s", count(float64(r.streams*f.StreamLength)))
	_, before := s.observe()
	began, done := time.Now(), int64(0)
	err := s.driver.Fill(ctx, set, r.payload, func(events int) {
		done += int64(events)
		r.teller.at(done, most)
	})
	if err != nil {
		return err
	}
	r.length = f.StreamLength
	_, after := s.observe()
	f.Fill = Fill{
		Events: set.Events(), Seconds: time.Since(began).Seconds(), WrittenBytes: after.WrittenBytes - before.WrittenBytes,
		ServerCPUMicros: micros(after.CPU-before.CPU) / float64(set.Events()),
	}
	return r.settled(ctx, s, f)
}

// settled waits until the engine has compacted what the filling left, at most
// as long as the settings say: else that would be part of what is measured.
func (r *run) settled(ctx context.Context, s *subject, f *Figures) error {
	if metrics, err := stetload.Metrics(ctx, s.Ops); err == nil {
		f.Fill.DebtBytes, f.Fill.DebtKnown = debtOf(metrics)
	}
	r.teller.step(int64(r.settle.Seconds()), "waiting for background work")
	took, quiet, err := machine.AwaitQuiet(ctx, s.PID(), r.settle, func(passed time.Duration) {
		r.teller.at(int64(passed.Seconds()), int64(r.settle.Seconds()))
	})
	f.Fill.SettleSeconds, f.Fill.Settled = took.Seconds(), quiet
	return err
}

func version(ctx context.Context, s *subject) (string, error) {
	info, err := s.api.Info(ctx)
	return fmt.Sprintf("%s, durability %s", info.GetVersion(), info.GetDurability()), err
}

// debtOf is what the engine has still to compact, where the server tells.
func debtOf(metrics map[string]float64) (bytes float64, known bool) {
	bytes, known = metrics["stet_compaction_debt_bytes"]
	return bytes, known
}
