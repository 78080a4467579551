package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/stet-db/stet/client/internal/refusal"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// PipelineOptions says how a pipeline behaves.
type PipelineOptions struct {
	// InFlight bounds the appends without an answer; then [Pipeline.Append]
	// waits. 0: 256.
	InFlight int
	// HaltOnError makes the server refuse everything after the first refusal
	// with [*PipelineHalted].
	HaltOnError bool
}

const (
	standardInFlight = 256
	maxInFlight      = 65536
)

// Pipeline sends appends one after another without waiting for their answers:
// the fast way to write much. Appends to one stream are judged in the order of
// the calls. Safe for concurrent use.
//
// Nothing is repeated by itself, and no request ids are made, because a
// repetition would come out of order. When the connection breaks, every append
// without an answer ends with [*OutcomeUnknown], later ones are not accepted,
// and the caller repeats with a new pipeline what [Result.Sent] gives: safe
// with a request id, or with an exact expectation (event ids are made here).
type Pipeline struct {
	op     string
	halt   bool
	client *Client
	stream grpc.BidiStreamingClient[stetv1.AppendPipelineRequest, stetv1.AppendPipelineResponse]
	ctx    context.Context // of the stream; ends with the caller's and in receiveLoop
	cancel context.CancelFunc

	slots   chan struct{}  // one taken by every append without an answer
	queue   chan *Result   // as long as slots, so putting in never waits
	closing chan struct{}  // closed by Close
	ended   chan struct{}  // closed by receiveLoop when nothing will be answered any more
	sent    chan struct{}  // closed by sendLoop when it looks at no request any more
	tasks   sync.WaitGroup // sendLoop and receiveLoop

	mu struct {
		sync.Mutex
		closed  bool
		over    bool // no answers will come any more
		err     error
		ticket  uint64
		waiting map[uint64]*Result
	}
}

// Pipeline opens a pipeline. It lives until Close, until ctx ends, or until the
// connection breaks. Always Close it.
func (c *Client) Pipeline(ctx context.Context, o PipelineOptions) (*Pipeline, error) {
	k := call{op: "append in a pipeline"}
	if o.InFlight == 0 {
		o.InFlight = standardInFlight
	}
	if o.InFlight < 1 || o.InFlight > maxInFlight {
		return nil, fmt.Errorf("%s: in flight is %d; want 1 to %d", k.op, o.InFlight, maxInFlight)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Pipeline{
		op: k.op, halt: o.HaltOnError, client: c, ctx: ctx, cancel: cancel,
		slots:   make(chan struct{}, o.InFlight),
		queue:   make(chan *Result, o.InFlight),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
		sent:    make(chan struct{}),
	}
	p.mu.waiting = make(map[uint64]*Result, o.InFlight)
	err := c.try(ctx, k, func(opts ...grpc.CallOption) (err error) {
		p.stream, err = c.api.AppendPipeline(ctx, opts...)
		return err
	})
	if err != nil {
		cancel()
		return nil, err
	}
	p.tasks.Go(p.sendLoop)
	p.tasks.Go(p.receiveLoop)
	return p, nil
}

// Append hands an append to the pipeline. It waits while as many as allowed are
// without an answer, at most until ctx ends. An error means that nothing was
// sent: [*InvalidRequest], ctx's error, [ErrPipelineClosed], or why the pipeline
// broke. What becomes of the append tells the [Result]. The events must not be
// changed before that.
func (p *Pipeline) Append(ctx context.Context, a Append) (*Result, error) {
	if a.RequestID == "" {
		a.Events = withIDs(a.Expect, a.Events)
	}
	r := &Result{sent: a, done: make(chan struct{})}
	request, err := p.client.appendRequest(callOf(&a), &a)
	if err != nil {
		return nil, err
	}
	r.request = &stetv1.AppendPipelineRequest{Append: request}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: wait for room: %w", p.op, ctx.Err())
	case <-p.closing:
		return nil, ErrPipelineClosed
	case <-p.ended:
		return nil, p.brokenError()
	}
	if err := p.enqueue(r); err != nil {
		<-p.slots
		return nil, err
	}
	return r, nil
}

func (p *Pipeline) enqueue(r *Result) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.mu.closed:
		return ErrPipelineClosed
	case p.mu.over:
		return p.brokenLocked()
	}
	p.mu.ticket++
	r.request.Ticket = p.mu.ticket
	r.request.HaltOnError = p.halt && p.mu.ticket == 1
	p.mu.waiting[p.mu.ticket] = r
	p.queue <- r // has room: it is as long as there are slots
	return nil
}

// Close takes no more appends, has those under way answered, and releases the
// pipeline. It returns nil when all were answered, also with refusals, which
// only their results tell; else why the pipeline broke. It waits as long as the
// pipeline's context lives; a second call returns the same.
func (p *Pipeline) Close() error {
	p.mu.Lock()
	if !p.mu.closed {
		p.mu.closed = true
		close(p.closing)
		close(p.queue) // under the lock, as enqueue puts in under it
	}
	p.mu.Unlock()
	p.tasks.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.err
}

// sendLoop sends what is queued, and half-closes at the end.
func (p *Pipeline) sendLoop() {
	defer close(p.sent)
	for {
		select {
		case r, more := <-p.queue:
			if !more {
				if err := p.stream.CloseSend(); err != nil {
					p.cancel() // receiveLoop then tells
				}
				return
			}
			if err := p.stream.Send(r.request); err != nil {
				if !errors.Is(err, io.EOF) {
					p.cancel() // a fault of our own; without it receiveLoop would wait on
				}
				return // receiveLoop learns why, and answers what is queued
			}
		case <-p.ended:
			return
		}
	}
}

// receiveLoop hands out the answers until the stream ends.
func (p *Pipeline) receiveLoop() {
	defer p.cancel()
	for {
		answer, err := p.stream.Recv()
		if err != nil {
			p.end(err)
			return
		}
		r := p.take(answer)
		if r == nil {
			p.end(protocolError(call{op: p.op}, fmt.Sprintf("the server's answer to ticket %d is to no open request, or empty", answer.GetTicket())))
			return
		}
		r.resolve(p.outcome(r, answer))
		<-p.slots
	}
}

// take is the append that is answered; nil when the answer makes no sense.
func (p *Pipeline) take(answer *stetv1.AppendPipelineResponse) *Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.mu.waiting[answer.GetTicket()]
	if answer.GetOutcome() == nil {
		return nil
	}
	delete(p.mu.waiting, answer.GetTicket())
	return r
}

func (p *Pipeline) outcome(r *Result, answer *stetv1.AppendPipelineResponse) (Appended, error) {
	e := answer.GetError()
	if e == nil {
		return appendedOf(&r.sent, answer.GetAppended()), nil
	}
	k, err := callOf(&r.sent), refusal.StatusOf(e).Err()
	if refusal.Judge(codes.Code(e.GetCode()), e.GetReason(), true) >= refusal.Open {
		return Appended{}, unknownOutcome(p.ctx, k, err)
	}
	return Appended{}, errorOf(p.ctx, k, err)
}

// end resolves what is without an answer, in the order of the appends, once none
// of it is being sent: its events are the caller's again then.
func (p *Pipeline) end(err error) {
	p.mu.Lock()
	left := p.mu.waiting
	p.mu.waiting = nil
	p.mu.over = true
	switch {
	case isProtocolError(err):
		p.mu.err = err
	case !errors.Is(err, io.EOF):
		p.mu.err = errorOf(p.ctx, call{op: p.op}, err)
	case len(left) > 0 || !p.mu.closed:
		p.mu.err = protocolError(call{op: p.op}, "the server ended the pipeline before everything was answered")
	}
	err = p.mu.err
	p.mu.Unlock()
	close(p.ended)
	tickets := slices.Sorted(maps.Keys(left))
	outcomes := make([]error, len(tickets))
	for i, ticket := range tickets {
		outcomes[i] = unknownOutcome(p.ctx, callOf(&left[ticket].sent), err) // before the context ends by us
	}
	p.cancel() // a sending that waits for room ends
	<-p.sent
	for i, ticket := range tickets {
		left[ticket].resolve(Appended{}, outcomes[i])
		<-p.slots
	}
}

func (p *Pipeline) brokenError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.brokenLocked()
}

// brokenLocked is why the pipeline takes nothing any more.
func (p *Pipeline) brokenLocked() error {
	if p.mu.err == nil {
		return ErrPipelineClosed
	}
	return fmt.Errorf("the pipeline broke before: %w", p.mu.err)
}
