package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

type pipelineStream = grpc.BidiStreamingServer[stetv1.AppendPipelineRequest, stetv1.AppendPipelineResponse]

func appended(ticket, n uint64) *stetv1.AppendPipelineResponse {
	return &stetv1.AppendPipelineResponse{Ticket: ticket, Outcome: &stetv1.AppendPipelineResponse_Appended{Appended: ok(n)}}
}

// answerAll answers every request in order, as far as refuse lets it.
func answerAll(s pipelineStream, refuse func(*stetv1.AppendPipelineRequest) *stetv1.Error) error {
	for n := uint64(1); ; {
		r, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := appended(r.GetTicket(), n)
		if e := refuse(r); e != nil {
			answer.Outcome = &stetv1.AppendPipelineResponse_Error{Error: e}
		} else {
			n++
		}
		if err := s.Send(answer); err != nil {
			return err
		}
	}
}

func accept(*stetv1.AppendPipelineRequest) *stetv1.Error { return nil }

func open(t *testing.T, c *client.Client, o client.PipelineOptions) *client.Pipeline {
	t.Helper()
	p, err := c.Pipeline(limited(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func put(t *testing.T, p *client.Pipeline, stream string) *client.Result {
	t.Helper()
	r, err := p.Append(limited(t), client.Append{Stream: stream, Expect: client.AnyVersion(), Events: oneEvent})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAPipelineSendsInOrderAndCloseWaitsForEveryAnswer(t *testing.T) {
	const n = 1000
	var order []string
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		return answerAll(s, func(r *stetv1.AppendPipelineRequest) *stetv1.Error {
			order = append(order, r.GetAppend().GetStream())
			return nil
		})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{InFlight: 7})
	var results []*client.Result
	for i := range n {
		results = append(results, put(t, p, fmt.Sprintf("s-%d", i)))
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		select {
		case <-r.Done():
		default:
			t.Fatalf("append %d has no answer after Close", i)
		}
		if got, err := r.Wait(t.Context()); err != nil || got.FirstVersion != uint64(i)+1 || order[i] != fmt.Sprintf("s-%d", i) {
			t.Fatalf("append %d: %+v %v, sent as %s", i, got, err, order[i])
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := p.Append(t.Context(), client.Append{}); !errors.Is(err, client.ErrPipelineClosed) {
		t.Errorf("append after close: %v", err)
	}
}

func TestAppendWaitsWhileAsManyAsAllowedHaveNoAnswer(t *testing.T) {
	const bound = 4
	var waiting atomic.Int64
	answers := make(chan struct{})
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		return answerAll(s, func(*stetv1.AppendPipelineRequest) *stetv1.Error {
			<-answers
			waiting.Add(-1)
			return nil
		})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{InFlight: bound})
	for i := range bound {
		waiting.Add(1)
		put(t, p, fmt.Sprintf("s-%d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Append(ctx, client.Append{Stream: "s-5", Expect: client.AnyVersion(), Events: oneEvent}); !errors.Is(err, context.Canceled) {
		t.Errorf("append %d: %v; want that it waits", bound+1, err)
	}
	answers <- struct{}{}
	waiting.Add(1)
	put(t, p, "s-6") // has room after one answer
	if most := waiting.Load(); most > bound {
		t.Errorf("%d in flight", most)
	}
	close(answers)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestARefusalInAPipelineHasTheTypeThatAUnaryCallGives(t *testing.T) {
	refusals := []*stetv1.Error{
		{Code: int32(codes.Aborted), Reason: "CONFLICT", Message: "m", Conflicts: []*stetv1.Conflict{conflictAt("s-0", 1, 2)}},
		{Code: int32(codes.InvalidArgument), Reason: "INVALID_REQUEST", Violations: []*stetv1.FieldViolation{{Field: "events", Description: "are missing"}}},
		{Code: int32(codes.Unavailable), Reason: "OUTCOME_UNKNOWN"},
		{Code: int32(codes.FailedPrecondition), Reason: "PIPELINE_HALTED"},
		{Code: int32(codes.Internal), Reason: "INTERNAL"},
		nil,
	}
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		return answerAll(s, func(r *stetv1.AppendPipelineRequest) *stetv1.Error {
			if r.GetHaltOnError() != (r.GetTicket() == 1) {
				t.Errorf("halt_on_error %v in message %d", r.GetHaltOnError(), r.GetTicket())
			}
			return refusals[r.GetTicket()-1]
		})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{HaltOnError: true})
	var errs []error
	for i := range refusals {
		_, err := put(t, p, fmt.Sprintf("s-%d", i)).Wait(limited(t))
		errs = append(errs, err)
	}
	var conflict *client.Conflict
	if !errors.As(errs[0], &conflict) || conflict.Stream != "s-0" || conflict.Expected != client.ExactVersion(1) || conflict.Actual != 2 || conflict.Head != 102 {
		t.Errorf("%v", errs[0])
	}
	var invalid *client.InvalidRequest
	if !errors.As(errs[1], &invalid) || invalid.Violations[0].Field != "events" {
		t.Errorf("%v", errs[1])
	}
	if !is[*client.OutcomeUnknown](errs[2]) || !is[*client.PipelineHalted](errs[3]) || !is[*client.OutcomeUnknown](errs[4]) || errs[5] != nil {
		t.Errorf("%v", errs[2:])
	}
	if status.Code(errs[0]) != codes.Aborted || client.Reason(errs[0]) != "CONFLICT" {
		t.Errorf("code %v, reason %s", status.Code(errs[0]), client.Reason(errs[0]))
	}
	if err := p.Close(); err != nil {
		t.Errorf("close after refusals: %v", err)
	}
}

func TestABrokenPipelineLeavesEveryUnansweredAppendUnknown(t *testing.T) {
	const sent = 20
	for answered := range sent + 1 {
		f := &fake{}
		received := make(chan struct{})
		f.pipeline = func(_ int, s pipelineStream) error {
			for n := range uint64(sent) {
				r, err := s.Recv()
				if err != nil {
					return err
				}
				if int(n) < answered {
					if err := s.Send(appended(r.GetTicket(), n+1)); err != nil {
						return err
					}
				}
			}
			<-received
			if answered%2 == 0 {
				f.cut()
			}
			return refusal(codes.Unavailable, "SHUTTING_DOWN")
		}
		c, _ := dial(t, f.start(t).addr, client.Options{})
		p := open(t, c, client.PipelineOptions{InFlight: 2 * sent})
		var results []*client.Result
		for i := range sent {
			r, err := p.Append(limited(t), client.Append{Stream: fmt.Sprintf("s-%d", i), Expect: client.NoStream(), Events: oneEvent, RequestID: fmt.Sprint("id-", i)})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, r)
		}
		for _, r := range results[:answered] {
			if _, err := r.Wait(limited(t)); err != nil {
				t.Fatal(err)
			}
		}
		close(received)
		for i, r := range results[answered:] {
			_, err := r.Wait(limited(t))
			var unknown *client.OutcomeUnknown
			if !errors.As(err, &unknown) || unknown.RequestID != fmt.Sprint("id-", answered+i) || client.Reason(err) != "OUTCOME_UNKNOWN" || status.Code(err) != codes.Unavailable {
				t.Errorf("append %d of %d answered: %v", answered+i, answered, err)
			}
		}
		var unavailable *client.Unavailable
		if err := p.Close(); !errors.As(err, &unavailable) {
			t.Errorf("close: %v; want why it broke", err)
		}
	}
}

// The race detector tells when an append that has its result is still being sent.
func TestEventsAreTheCallersAgainOnceAResultIsThere(t *testing.T) {
	const rounds, sent = 200, 20
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		if _, err := s.Recv(); err != nil {
			return err
		}
		return refusal(codes.Unavailable, "SHUTTING_DOWN")
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	for range rounds {
		p := open(t, c, client.PipelineOptions{InFlight: sent})
		var callers sync.WaitGroup
		for range sent {
			metadata := map[string]string{"a": "1", "b": "2", "c": "3"}
			callers.Go(func() {
				r, err := p.Append(limited(t), client.Append{Stream: "s-1", Expect: client.AnyVersion(), Events: []client.Event{{Type: "Added", JSON: "{}", Metadata: metadata}}})
				if err != nil {
					return // it broke before
				}
				if _, err := r.Wait(limited(t)); !is[*client.OutcomeUnknown](err) {
					t.Error(err)
				}
				metadata["d"] = "4"
			})
		}
		callers.Wait()
		if err := p.Close(); client.Reason(err) != "SHUTTING_DOWN" {
			t.Error(err)
		}
	}
}

func TestABrokenPipelineTakesNothingMoreAndSaysWhy(t *testing.T) {
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		if _, err := s.Recv(); err != nil {
			return err
		}
		return refusal(codes.Unavailable, "SHUTTING_DOWN")
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{InFlight: 1})
	first := put(t, p, "s-1")
	if _, err := first.Wait(limited(t)); !is[*client.OutcomeUnknown](err) {
		t.Error(err)
	}
	for range 50 { // there is room, too, and either may be seen first
		_, err := p.Append(limited(t), client.Append{Stream: "s-2", Expect: client.AnyVersion(), Events: oneEvent})
		if client.Reason(err) != "SHUTTING_DOWN" || is[*client.OutcomeUnknown](err) {
			t.Errorf("%v; want why it broke, and nothing open", err)
		}
	}
	if err := p.Close(); client.Reason(err) != "SHUTTING_DOWN" {
		t.Error(err)
	}
}

func TestAServerThatBreaksThePipelinesPromisesIsFound(t *testing.T) {
	for name, behave := range map[string]func(s pipelineStream, ticket uint64) error{
		"ends with OK": func(pipelineStream, uint64) error { return nil },
		"answers an unknown ticket": func(s pipelineStream, ticket uint64) error {
			return errors.Join(s.Send(appended(ticket+1, 1)), wait(s))
		},
		"answers without outcome": func(s pipelineStream, ticket uint64) error {
			return s.Send(&stetv1.AppendPipelineResponse{Ticket: ticket})
		},
	} {
		f := &fake{pipeline: func(_ int, s pipelineStream) error {
			r, err := s.Recv()
			if err != nil {
				return err
			}
			return behave(s, r.GetTicket())
		}}
		c, _ := dial(t, f.start(t).addr, client.Options{})
		p := open(t, c, client.PipelineOptions{})
		if _, err := put(t, p, "s-1").Wait(limited(t)); !is[*client.OutcomeUnknown](err) {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Close(); !is[*client.ProtocolError](err) {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

func wait(s grpc.ServerStream) error {
	<-s.Context().Done()
	return s.Context().Err()
}

func TestAPipelineEndsWithItsContext(t *testing.T) {
	f := &fake{pipeline: func(_ int, s pipelineStream) error { return wait(s) }}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	p, err := c.Pipeline(ctx, client.PipelineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := put(t, p, "s-1")
	cancel()
	if _, err := r.Wait(limited(t)); !is[*client.OutcomeUnknown](err) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := p.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
}

func TestWaitingForAResultCanBeGivenUpAndTakenUpAgain(t *testing.T) {
	release := make(chan struct{})
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		return answerAll(s, func(*stetv1.AppendPipelineRequest) *stetv1.Error { <-release; return nil })
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{})
	r := put(t, p, "s-1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	if _, err := r.Wait(limited(t)); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnAppendThatCannotBeSentDoesNotBreakThePipeline(t *testing.T) {
	f := &fake{pipeline: func(_ int, s pipelineStream) error { return answerAll(s, accept) }}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{InFlight: 1})
	for range 3 {
		if _, err := p.Append(limited(t), client.Append{Stream: "s-1", Events: []client.Event{{Type: "\xff"}}}); !is[*client.InvalidRequest](err) {
			t.Error(err)
		}
		if _, err := put(t, p, "s-1").Wait(limited(t)); err != nil {
			t.Error(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Pipeline(limited(t), client.PipelineOptions{InFlight: -1}); err == nil {
		t.Error("opened a pipeline without room")
	}
}

func TestAnExactAppendInAPipelineCanBeRepeatedAsSent(t *testing.T) {
	var ids []string
	f := &fake{pipeline: func(_ int, s pipelineStream) error {
		return answerAll(s, func(r *stetv1.AppendPipelineRequest) *stetv1.Error {
			ids = append(ids, r.GetAppend().GetEvents()[0].GetId()+r.GetAppend().GetRequestId())
			return nil
		})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{})
	first, err := p.Append(limited(t), client.Append{Stream: "s-1", Expect: client.ExactVersion(3), Events: oneEvent})
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Append(limited(t), first.Sent())
	if err != nil {
		t.Fatal(err)
	}
	got, err := second.Wait(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if len(ids) != 2 || ids[0] == "" || ids[0] != ids[1] || got.IDs[0] != ids[0] || oneEvent[0].ID != "" {
		t.Errorf("ids %v, answer %v", ids, got.IDs)
	}
}

// Many callers, and a Close in the middle: each append is either refused at
// once or answered.
func TestClosingWhileOthersAppendLosesNothing(t *testing.T) {
	f := &fake{pipeline: func(_ int, s pipelineStream) error { return answerAll(s, accept) }}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	p := open(t, c, client.PipelineOptions{InFlight: 3})
	var callers sync.WaitGroup
	started := make(chan struct{}, 8)
	for range 8 {
		callers.Go(func() {
			for i := 0; ; i++ {
				r, err := p.Append(limited(t), client.Append{Stream: "s-1", Expect: client.AnyVersion(), Events: oneEvent})
				if errors.Is(err, client.ErrPipelineClosed) {
					return
				}
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				if _, err := r.Wait(limited(t)); err != nil {
					t.Errorf("answer: %v", err)
				}
				if i == 5 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	callers.Wait()
}
