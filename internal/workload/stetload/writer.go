package stetload

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/workload"
)

// writer is one client. Its fields belong to the goroutine that uses it;
// answers is read by answerLoop.
type writer struct {
	api        *client.Client
	requestIDs bool

	pipeline *client.Pipeline // nil: appends are awaited
	answers  chan pending
	task     sync.WaitGroup
}

// pending is an append that was sent.
type pending struct {
	result *client.Result
	done   func(error)
}

// unmet is an expectation that no stream of a run meets.
const unmet = 1 << 40

func (w *writer) request(a *workload.Append) client.Append {
	out := client.Append{Stream: a.Stream, Expect: client.AnyVersion(), Events: make([]client.Event, len(a.Events))}
	for i := range a.Events {
		e := &a.Events[i]
		out.Events[i] = client.Event{Type: e.Type, JSON: e.JSON, Metadata: e.Metadata}
	}
	if a.Unmet {
		out.Expect = client.ExactVersion(unmet)
	}
	if w.requestIDs {
		out.RequestID = uuid.NewString()
	}
	return out
}

// Append returns when the events are on the server's disk.
func (w *writer) Append(ctx context.Context, a *workload.Append) (uint64, error) {
	answer, err := w.api.Append(ctx, w.request(a))
	return answer.LastPosition, judged(err)
}

// Send hands the append to the pipeline.
func (w *writer) Send(ctx context.Context, a *workload.Append, done func(error)) error {
	if w.pipeline == nil {
		return fmt.Errorf("send: the client has no pipeline")
	}
	result, err := w.pipeline.Append(ctx, w.request(a))
	if err != nil {
		return err
	}
	w.answers <- pending{result, done}
	return nil
}

// answerLoop hands out the outcomes in the order of the appends.
func (w *writer) answerLoop() {
	for p := range w.answers {
		<-p.result.Done()
		_, err := p.result.Wait(context.Background())
		p.done(judged(err))
	}
}

// Close has everything answered.
func (w *writer) Close() error {
	if w.pipeline == nil {
		return nil
	}
	err := w.pipeline.Close()
	close(w.answers)
	w.task.Wait()
	return err
}

// judged makes a conflict what workload takes for one.
func judged(err error) error {
	var conflict *client.Conflict
	if errors.As(err, &conflict) {
		return fmt.Errorf("%w: %w", workload.ErrConflict, err)
	}
	return err
}
