package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/internal/heap"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	job     stetload.Job
	reading string
	asJSON  bool
	svg     string
}

func (a *app) benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench [LOAD...]",
		Short: "Measure the speed of this machine, or of a running server",
		Long: `Put a server under load and print rates, latencies and what they cost. Without
--addr it starts a server of its own on a new directory, which it removes.

LOAD is one or more of append, read-all, read-streams, fanout, delivery, mixed,
validated and state; all of them by default. Without further flags each runs with its standard
numbers. docs/benchmarks.md explains every column and how to compare.

With --addr the events that it appends stay in that server's log for ever; a log
that is not empty needs --force.`,
		Example: `  stet bench append --clients 1,64 --batch 1,10
  stet bench append --clients 8 --pipeline 32 --cpuprofile cpu.pprof
  stet bench append --clients 64 --rate 5000
  stet bench fanout --subscribers 10 --clients 64
  stet bench state --stream-length 1000 --snapshot-every 100`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			heap.Tune(0) // the clients are in this process
			return a.bench(cmd.Context(), args, cmd.Flags(), &o)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *benchOptions) flags(f *pflag.FlagSet) {
	j, p := &o.job, &o.job.Plan
	f.StringVar(&j.Addr, "addr", "", "`HOST:PORT` of a running server on this machine (default: start one)")
	f.StringVar(&j.HTTP, "http-addr", "", "`HOST:PORT` of its HTTP listener, for state")
	f.StringVar(&j.Ops, "ops-addr", "", "`HOST:PORT` of its operations listener, to tell what it uses")
	f.BoolVar(&j.Force, "force", false, "append to a log that is not empty")
	f.StringVar(&j.Dir, "dir", "", "`DIR`ectory in which to make the one of a server started here (default: that for temporary files)")
	f.StringArrayVar(&j.ServeFlags, "serve-flag", nil, "a `FLAG` for the server started here, --cache=512 for example; may be repeated")
	f.IntSliceVar(&p.Clients, "clients", nil, "`N[,N...]` clients at a time, a row for each (default: append 1,8,64,256; read-streams 1,16; fanout 256; mixed, validated and state 64)")
	f.IntSliceVar(&p.Batches, "batch", []int{1}, "`N[,N...]` events of an append, a row for each")
	f.IntVar(&p.InFlight, "pipeline", 0, "`N` appends of a client unanswered at a time in a pipeline; 0: each is awaited")
	f.IntVar(&p.ConflictPercent, "conflicts", 0, "`PERCENT` of the appends that conflict")
	f.BoolVar(&p.RequestIDs, "request-ids", false, "give each append a request id")
	f.IntVar(&p.Subscribers, "subscribers", 0, "`N` subscribers of fanout (0: 100) and mixed (0: 4)")
	f.IntVar(&p.Readers, "readers", 0, "`N` readers of streams in mixed (0: 8)")
	f.StringVar(&o.reading, "reading", string(workload.ReadingAuto), "`HOW` read-all, fanout, mixed and delivery read: decoded, raw (positions only), or auto: read-all both, fanout and mixed raw")
	f.IntVar(&p.SnapshotEvery, "snapshot-every", 0, "keep the states of state after each `N` events of a stream; 0: never")
	f.IntVar(&j.Events, "events", 200_000, "`N` events to write before reads")
	f.IntVar(&j.StreamLength, "stream-length", 20, "`N` events of each of their streams")
	f.IntVar(&j.JSONBytes, "json-bytes", workload.StandardJSONBytes, "`BYTES` of JSON of an event")
	f.IntVar(&j.MetadataBytes, "metadata-bytes", workload.StandardMetadataBytes, "`BYTES` of metadata of an event")
	f.IntVar(&j.Connections, "connections", 4, "`N` connections that the clients share")
	f.DurationVar(&j.Load.Warmup, "warmup", time.Second, "`TIME` before each measurement")
	f.DurationVar(&j.Load.Duration, "duration", 5*time.Second, "`TIME` of each measurement")
	f.IntVar(&j.Rounds, "rounds", 3, "`N` measurements of each row, all rows in turn")
	f.Float64Var(&j.Load.Rate, "rate", 0, "open loop: begin `N` operations a second, 0.01 to 1e7, latency counting from when they should; 0: closed loop")
	f.BoolVar(&o.asJSON, "json", false, "print JSON, with every round and percentile")
	f.StringVar(&o.svg, "svg", "", "`FILE` to draw rates and latencies into")
	f.StringVar(&j.ServerProfile, "cpuprofile", "", "`FILE` for a processor profile of the server in the first round; with several rows, one each")
	f.StringVar(&j.ClientProfile, "client-cpuprofile", "", "`FILE` for one of this client, likewise")
}

func (a *app) bench(ctx context.Context, kinds []string, flags *pflag.FlagSet, o *benchOptions) error {
	j := &o.job
	for _, kind := range kinds {
		j.Plan.Kinds = append(j.Plan.Kinds, workload.Kind(kind))
	}
	if len(kinds) == 0 {
		j.Plan.Kinds = workload.Kinds
	}
	j.Plan.Reading = workload.Reading(o.reading)
	err := errors.Join(j.Validate(), o.checkUse(flags), o.checkStates(kinds))
	if err != nil {
		return &console.UsageError{Err: err}
	}
	if err := o.checkFiles(); err != nil {
		return &console.UsageError{Err: err}
	}
	if j.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find the program to start: %w", err)
	}
	done := a.showBench(j)
	r, err := j.Run(ctx)
	done()
	if is[*stetload.NotEmptyError](err) {
		return &console.UsageError{Err: fmt.Errorf("%w; give --force if that is meant", err)}
	}
	if r != nil && len(r.Results) > 0 {
		err = errors.Join(err, a.printBench(r, o), r.Misdelivered())
	}
	return err
}

// showBench draws a bar on a terminal.
func (a *app) showBench(j *stetload.Job) (done func()) {
	if !isTerminal(a.stderr) {
		return func() {}
	}
	const parts = 100 // of a case
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20))
	at := 0
	j.Doing = func(what string, ended, cases int) {
		if bar.GetMax() != cases*parts {
			bar.ChangeMax(cases * parts)
		}
		at = ended * parts
		bar.Describe(what)
	}
	j.Load.Progress = func(passed, total time.Duration) {
		_ = bar.Set(at + int(parts*passed/total)) // a bar that cannot be drawn hurts nobody
	}
	return func() { _ = bar.Finish() } // likewise
}

// printBench prints the figures before it draws them: they took minutes, and
// must not go because a file cannot be written.
func (a *app) printBench(r *report.Report, o *benchOptions) error {
	err := a.printFigures(r, o.asJSON)
	if o.svg == "" {
		return err
	}
	if fault := os.WriteFile(o.svg, r.SVG(), 0o600); fault != nil {
		err = errors.Join(err, fmt.Errorf("draw: %w", fault))
	}
	return err
}

func (a *app) printFigures(r *report.Report, asJSON bool) error {
	if asJSON {
		return console.PrintJSON(a.stdout, r)
	}
	if err := r.WriteTable(a.stdout); err != nil || !isTerminal(a.stdout) {
		return err
	}
	return r.WriteBars(a.stdout)
}
