package stetload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/report"
)

// Job is a whole measurement: which server, which load, for how long.
type Job struct {
	// Addr is a running server's address, HTTP and Ops those of its HTTP and its
	// operations listener, where they are known. Addr empty: a server is started with Program and ServeFlags, on a
	// directory made in Dir and removed at the end.
	Addr, HTTP, Ops string
	Program         string
	ServeFlags      []string
	Dir             string
	// Force allows appending to a log that is not empty.
	Force bool
	// Plan says which cases, Load and Rounds how long and how often.
	Plan   workload.Plan
	Load   workload.Load
	Rounds int
	// Events are written before cases that read, in streams of StreamLength.
	Events, StreamLength int
	// JSONBytes and MetadataBytes are the sizes of an event.
	JSONBytes, MetadataBytes int
	// Connections are shared by all clients.
	Connections int
	// ServerProfile and ClientProfile are files for processor profiles of the
	// first round; with several cases those after the first get longer names.
	ServerProfile, ClientProfile string
	// Doing is told what is going on, with the cases ended of all; nil: nobody.
	Doing func(what string, ended, cases int)
}

// The rates of an open loop: beyond them the times between operations cannot be
// told in nanoseconds, or nobody waits for them.
const (
	leastRate = 0.01
	mostRate  = 1e7
)

// session is what is to be run, without its driver. An error is the caller's.
func (j *Job) session() (*workload.Session, error) {
	cases, planFault := j.Plan.Cases()
	payload, sizeFault := workload.NewPayload(j.JSONBytes, j.MetadataBytes, 1)
	faults := []error{planFault, sizeFault}
	check := func(fine bool, format string, args ...any) {
		if !fine {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(j.Rounds >= 1 && j.Rounds <= 1000, "%d rounds; want 1 to 1000", j.Rounds)
	check(j.Load.Duration > 0 && j.Load.Warmup >= 0, "rounds of %v after %v; want more than 0, and not less", j.Load.Duration, j.Load.Warmup)
	check(j.Load.Rate == 0 || j.Load.Rate >= leastRate && j.Load.Rate <= mostRate,
		"a rate of %g; want 0, which is a closed loop, or %g to %.0f operations a second", j.Load.Rate, leastRate, mostRate)
	check(j.Connections >= 1 && j.Connections <= 10_000, "%d connections; want 1 to 10000", j.Connections)
	check(j.StreamLength >= 1 && j.Events >= j.StreamLength, "%d events in streams of %d; want at least one stream", j.Events, j.StreamLength)
	check(j.Addr != "" || j.Ops == "", "an operations listener without a server's address")
	check(j.Addr == "" || j.Ops != "" || j.ServerProfile == "", "a profile of a running server needs the address of its operations listener")
	check(j.Addr != "" || j.HTTP == "", "an HTTP listener without a server's address")
	return &workload.Session{
		System: "stet", Cases: cases, Rounds: j.Rounds, Payload: payload, Load: j.Load,
		Data: workload.Dataset{Name: fmt.Sprintf("bench%x", time.Now().Unix()), Streams: j.Events / max(j.StreamLength, 1), Length: j.StreamLength},
	}, errors.Join(faults...)
}

// Validate names all faults at once.
func (j *Job) Validate() error {
	_, err := j.session()
	return err
}

// Run does it. Once something was measured there is a report of that, also
// beside an error.
func (j *Job) Run(ctx context.Context) (r *report.Report, err error) {
	session, err := j.session()
	if err != nil {
		return nil, err
	}
	subject, err := j.subject(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, subject.close()) }()
	driver, err := Dial(subject.addr, Options{Connections: j.Connections, HTTP: subject.http})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, driver.Close()) }()
	session.Driver = driver
	if r, err = j.report(session, subject); err != nil {
		return nil, err
	}
	session.Load.Observe = subject.observe(ctx)
	session.Hook = j.profiles(ctx, subject)
	if err := j.follow(ctx, session); err != nil {
		return nil, err
	}
	// What does not change is asked for first: at the end the server may be what
	// has failed.
	if err := subject.describe(ctx, r); err != nil {
		return nil, err
	}
	results, err := session.Run(ctx)
	r.Add(slices.DeleteFunc(results, func(result workload.Result) bool {
		return len(result.Rounds) == 0 && result.Unsupported == ""
	}))
	if err != nil {
		r.Incomplete = err.Error()
		return r, err
	}
	return r, subject.describe(ctx, r)
}

// report is all that is known before the first measurement.
func (j *Job) report(session *workload.Session, s *subject) (*report.Report, error) {
	r := &report.Report{
		Date: time.Now(), Server: s.addr, Machine: machine.Look(), Connections: j.Connections,
		JSONBytes: j.JSONBytes, MetadataBytes: j.MetadataBytes, StoredBytes: StoredBytes(session.Payload),
		Rate: j.Load.Rate, Seconds: j.Load.Duration.Seconds(), WarmupSeconds: j.Load.Warmup.Seconds(),
	}
	if s.dir == "" {
		return r, nil // the disk of a running server may be another one than any here
	}
	r.InMemory = machine.InMemory(s.dir)
	median, p99, err := machine.SyncLatency(s.dir)
	r.SyncMicros = [2]float64{float64(median) / 1e3, float64(p99) / 1e3}
	return r, err
}

// follow writes the data set when a case reads it, and tells what goes on.
func (j *Job) follow(ctx context.Context, s *workload.Session) error {
	doing := j.Doing
	if doing == nil {
		doing = func(string, int, int) {}
	}
	all, ended := len(s.Cases)*s.Rounds, 0
	s.Before = func(c workload.Case, round int) {
		doing(fmt.Sprintf("round %d of %d: %v", round+1, s.Rounds, c), ended, all)
		ended++
	}
	for _, c := range s.Cases {
		if !c.NeedsData() {
			continue
		}
		written := 0
		return s.Driver.Fill(ctx, s.Data, s.Payload, func(events int) {
			written += events
			doing(fmt.Sprintf("writing events before reads: %d of %d", written, s.Data.Events()), 0, all)
		})
	}
	return nil
}
