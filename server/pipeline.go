package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// AppendPipeline answers stet.v1.EventStore.AppendPipeline. The call's own
// goroutine sends, because only its return unblocks a receive that waits for a
// client which has nothing to say while the server drains.
func (s *Service) AppendPipeline(stream grpc.ServerStream) error {
	if err := s.pipelines.take(); err != nil {
		return err
	}
	defer s.pipelines.leave()
	p := &pipeline{
		service: s,
		stream:  stream,
		ctx:     stream.Context(),
		wake:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
	}
	s.receivers.Go(p.receiveLoop)
	return p.answerLoop()
}

// pipeline is one call. A request's way: the receiver waits for room, receives,
// accepts and submits it; the store's goroutine adds its answer to the list;
// the sender sends that and makes room. So at most PipelineInFlight answers are
// in the list, adding one never blocks the store (invariant I10), and a client
// that does not read its answers is no longer received from.
type pipeline struct {
	// Immutable.
	service *Service
	stream  grpc.ServerStream
	ctx     context.Context

	// lane belongs to the receiver; nil before the first message.
	lane *storage.Lane

	// wake tells the sender, and room the receiver, to look at the state again.
	wake, room chan struct{}

	mu struct {
		sync.Mutex
		answers []answer
		// inFlight requests, which hold bytes, were accepted and their answers
		// are not yet sent.
		inFlight, bytes int
		// stopped: no request is accepted any more, and the call ends with end
		// once all are answered.
		stopped bool
		end     error
	}
}

// answer is what became of a request.
type answer struct {
	ticket   uint64
	bytes    int
	withIDs  bool
	appended storage.Appended
	err      error
	// counted: it is in flight, and neither answered nor given up. Guarded by
	// the pipeline's mutex.
	counted bool
}

// pipelineRequests is how many requests of the largest size one pipeline may
// have in flight before no more is received.
const pipelineRequests = 2

// receiveLoop ends when the call has stopped, or the stream has ended, which
// it does with the return of the call.
func (p *pipeline) receiveLoop() {
	defer func() {
		// No interceptor watches over this goroutine, and one client's request
		// must not end the process.
		if r := recover(); r != nil {
			p.stop(fmt.Errorf("receiving of a pipeline panicked: %v\n%s", r, debug.Stack()))
		}
	}()
	for p.awaitRoom() {
		in := new(wire.AppendPipelineRequest)
		err := p.stream.RecvMsg(in)
		switch {
		case errors.Is(err, io.EOF):
			p.stop(nil)
			return
		case err != nil:
			p.stop(err)
			return
		case in.Broken:
			p.stop(storage.Invalid(storage.Violation{Field: "request", Problem: "is not a valid protobuf message"}))
			return
		}
		if !p.accept(in.Bytes) {
			return
		}
		p.submit(in)
	}
}

// awaitRoom waits until one more request may be received. False: none may.
func (p *pipeline) awaitRoom() bool {
	o := &p.service.o
	for {
		p.mu.Lock()
		stopped := p.mu.stopped
		room := p.mu.inFlight < o.PipelineInFlight && p.mu.bytes < pipelineRequests*o.Limits.RequestBytes
		p.mu.Unlock()
		if stopped || room {
			return !stopped
		}
		select {
		case <-p.room:
		case <-p.ctx.Done():
			return false
		}
	}
}

// accept counts a request that will be answered. False: the call has stopped,
// and the request is as if it had not been received.
func (p *pipeline) accept(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.stopped {
		return false
	}
	p.mu.inFlight++
	p.mu.bytes += bytes
	return true
}

// submit hands the request to the store, also one that is invalid: it is
// refused in its turn.
func (p *pipeline) submit(in *wire.AppendPipelineRequest) {
	a := &answer{ticket: in.Ticket, bytes: in.Bytes, counted: true}
	returned := false
	defer func() {
		if !returned {
			p.giveUp(a)
		}
	}()
	if p.lane == nil {
		p.lane = &storage.Lane{HaltOnError: in.HaltOnError}
	} else if in.HaltOnError && !p.lane.HaltOnError && len(in.Violations) < wire.MaxViolations {
		in.Violations = append(in.Violations, storage.Violation{
			Field: "halt_on_error", Problem: "is set, but was not in the first message; set it there",
		})
	}
	in.Append.Lane = p.lane
	a.withIDs, in.Append.Refused = p.service.complete(&in.Proposal, shapePipeline)
	if in.Append.Refused == nil {
		in.Append.Refused = p.service.check(p.ctx, &in.Append)
	}
	err := p.service.store.Submit(p.ctx, &in.Append, func(appended storage.Appended, err error) {
		a.appended, a.err = appended, err
		p.add(a)
	})
	if err != nil {
		a.err = err
		p.add(a)
	}
	returned = true
}

// giveUp lets the call end without the answer to a request whose submission
// panicked: nobody knows whether there will be one. If it is on the list
// already, it is sent.
func (p *pipeline) giveUp(a *answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.counted {
		a.counted = false
		p.mu.inFlight--
		p.mu.bytes -= a.bytes
	}
}

// add puts an answer on the list. It does not block.
func (p *pipeline) add(a *answer) {
	p.mu.Lock()
	if a.counted {
		a.counted = false
		p.mu.answers = append(p.mu.answers, *a)
	}
	p.mu.Unlock()
	poke(p.wake)
}

// stop ends the accepting of requests. The first reason counts.
func (p *pipeline) stop(end error) {
	p.mu.Lock()
	if !p.mu.stopped {
		p.mu.stopped, p.mu.end = true, end
	}
	p.mu.Unlock()
	poke(p.wake) // the receiver, if it waits for room, sees it with the next answer or the call's end
}

// answerLoop sends answers until the pipeline has stopped and all are sent.
// What was submitted is finished even if it ends early: then nobody is there
// to hear it.
func (p *pipeline) answerLoop() error {
	draining := p.service.draining
	var batch []answer
	for {
		var finished bool
		var end error
		batch, finished, end = p.take(batch)
		if finished {
			return end
		}
		for i := range batch {
			if err := p.send(&batch[i]); err != nil {
				return err
			}
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-p.wake:
		case <-draining:
			draining = nil // closed: would be chosen again and again
			p.stop(storage.ErrShuttingDown)
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
}

// take exchanges the list of answers for an empty one that lies in spare.
func (p *pipeline) take(spare []answer) (batch []answer, finished bool, end error) {
	clear(spare) // their ids are free to go
	p.mu.Lock()
	defer p.mu.Unlock()
	batch, p.mu.answers = p.mu.answers, spare[:0]
	return batch, p.mu.stopped && (p.mu.inFlight == 0 || mutant.On(mutant.DrainForgets)), p.mu.end
}

// send sends an answer and makes room for a request.
func (p *pipeline) send(a *answer) error {
	out := &wire.AppendPipelineResponse{Ticket: a.ticket}
	if a.err != nil {
		out.Error = wireErrorOf(a.err)
		p.service.logInternal(p.ctx, stetv1.EventStore_AppendPipeline_FullMethodName, codes.Code(out.Error.Code), a.err)
	} else {
		out.Appended = wire.AppendResponse{Appended: a.appended, WithIDs: a.withIDs}
	}
	if err := p.stream.SendMsg(out); err != nil {
		return fmt.Errorf("send an answer of a pipeline: %w", err)
	}
	p.mu.Lock()
	p.mu.inFlight--
	p.mu.bytes -= a.bytes
	p.mu.Unlock()
	poke(p.room)
	return nil
}

// poke leaves a sign in a channel with room for one. Nobody who looks at the
// state after taking the sign misses a change that came before it.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
