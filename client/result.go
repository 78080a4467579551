package client

import (
	"context"
	"fmt"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Result is what becomes of an append in a [Pipeline]. Safe for concurrent use.
type Result struct {
	sent    Append
	request *stetv1.AppendPipelineRequest
	done    chan struct{}

	// Written once, before done is closed; read after.
	appended Appended
	err      error
}

// Wait returns the outcome, as [Client.Append] would, or ctx's error when that
// ends first; the append goes on then.
func (r *Result) Wait(ctx context.Context) (Appended, error) {
	select {
	case <-r.done:
		return r.appended, r.err
	default:
	}
	select {
	case <-r.done:
		return r.appended, r.err
	case <-ctx.Done():
		return Appended{}, fmt.Errorf("wait for the outcome of an append to %q: %w", r.sent.Stream, ctx.Err())
	}
}

// Done is closed when the outcome is there.
func (r *Result) Done() <-chan struct{} { return r.done }

// Sent is the append with the event ids that the client made: what to repeat
// after [*OutcomeUnknown].
func (r *Result) Sent() Append { return r.sent }

func (r *Result) resolve(appended Appended, err error) {
	r.appended, r.err = appended, err
	close(r.done)
}
