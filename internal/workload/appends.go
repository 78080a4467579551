package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"
)

// appendStreams is how many streams appends are spread over.
const appendStreams = 100_000

// Stream is the name of stream i of a data set.
func (d Dataset) Stream(i int) string { return d.Name + "-" + strconv.Itoa(i) }

func (r *runner) appends(ctx context.Context) (Round, error) {
	return r.window.run(ctx, r.appenders("append"))
}

// appenders are the clients that append.
func (r *runner) appenders(name string) role {
	return role{name: name, callers: r.Clients, open: r.appender}
}

func (r *runner) appender(ctx context.Context, i int, rec *recorder) (caller, error) {
	w, err := r.driver.Writer(ctx, WriterOptions{Client: i, InFlight: r.InFlight, RequestIDs: r.RequestIDs})
	if err != nil {
		return caller{}, err
	}
	next := r.requests(i)
	op := func(ctx context.Context, began time.Time) error {
		a := next()
		_, err := w.Append(ctx, a)
		return rec.done(began, len(a.Events), r.intended(a, err))
	}
	if r.InFlight > 0 {
		op = r.pipelined(w, rec, next)
	}
	return caller{op: op, close: w.Close}, nil
}

// pipelined hands appends over and notes each when it is answered.
func (r *runner) pipelined(w Writer, rec *recorder, next func() *Append) func(context.Context, time.Time) error {
	var failed atomic.Pointer[error]
	return func(ctx context.Context, began time.Time) error {
		if err := failed.Load(); err != nil {
			return *err
		}
		a := next()
		return w.Send(ctx, a, func(err error) {
			if err := rec.done(began, len(a.Events), r.intended(a, err)); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
}

// intended makes the acceptance of what had to conflict an error.
func (r *runner) intended(a *Append, err error) error {
	if a.Unmet && err == nil {
		return fmt.Errorf("append to %s: accepted against its expectation", a.Stream)
	}
	return err
}

// requests makes the appends of one client: events in rotation, streams at
// random.
func (r *runner) requests(client int) func() *Append {
	random := rand.New(rand.NewPCG(uint64(client), 2)) //nolint:gosec // load, not secrets
	n := client * 37
	name := Dataset{Name: r.data.Name + "load"}
	if r.Kind == KindValidated {
		name = r.ruled()
	}
	return func() *Append {
		n += r.Batch
		return &Append{
			Stream: name.Stream(random.IntN(appendStreams)),
			Events: r.payload.Events(n, r.Batch),
			Unmet:  r.ConflictPercent > 0 && random.IntN(100) < r.ConflictPercent,
		}
	}
}
