package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// fakeCall is the server's side of a pipeline whose client does just what the
// test says. Messages pass through the real codec.
type fakeCall struct {
	grpc.ServerStream
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	limits storage.Limits

	requests chan []byte
	answers  chan *stetv1.AppendPipelineResponse
	result   chan error
	received int // by the receiver; the test looks while it is blocked
}

// startPipeline runs a pipeline inside a bubble.
func startPipeline(t *testing.T, s *Service) *fakeCall {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fakeCall{
		t: t, ctx: ctx, cancel: cancel, limits: s.o.Limits,
		requests: make(chan []byte, 100), answers: make(chan *stetv1.AppendPipelineResponse), result: make(chan error, 1),
	}
	go func() { // ends with AppendPipeline
		err := s.AppendPipeline(f)
		cancel() // as grpc does when a handler returns
		f.result <- err
	}()
	t.Cleanup(func() {
		cancel()
		s.Wait()
	})
	return f
}

func (f *fakeCall) Context() context.Context { return f.ctx }

func (f *fakeCall) RecvMsg(m any) error {
	select {
	case data, ok := <-f.requests:
		if !ok {
			return io.EOF
		}
		if string(data) == "panic" {
			panic("a parser's bug")
		}
		f.received++
		return wire.NewCodec(f.limits).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, m)
	case <-f.ctx.Done():
		return status.FromContextError(f.ctx.Err()).Err()
	}
}

func (f *fakeCall) SendMsg(m any) error {
	data, err := wire.NewCodec(f.limits).Marshal(m)
	if err != nil {
		return err
	}
	var answer stetv1.AppendPipelineResponse
	if err := proto.Unmarshal(data.Materialize(), &answer); err != nil {
		return err
	}
	select {
	case f.answers <- &answer:
		return nil
	case <-f.ctx.Done():
		return status.FromContextError(f.ctx.Err()).Err()
	}
}

// send gives the pipeline requests with the tickets from first up to last.
func (f *fakeCall) send(first, last uint64, bytes int) {
	f.t.Helper()
	for ticket := first; ticket <= last; ticket++ {
		request := oneEvent("a-1")
		request.Events[0].Payload = &stetv1.NewEvent_Json{Json: fmt.Sprintf("%q", strings.Repeat("x", bytes))}
		data, err := proto.Marshal(&stetv1.AppendPipelineRequest{Ticket: ticket, Append: request})
		if err != nil {
			f.t.Fatal(err)
		}
		f.requests <- data
	}
}

// wants takes answers with the tickets from first up to last.
func (f *fakeCall) wants(first, last uint64) {
	f.t.Helper()
	for ticket := first; ticket <= last; ticket++ {
		if a := <-f.answers; a.Ticket != ticket || a.GetAppended() == nil {
			f.t.Fatalf("got %v, want an accepted %d", a, ticket)
		}
	}
}

func (f *fakeCall) ends(code codes.Code, reason string) {
	f.t.Helper()
	st := status.Convert(statusOf(<-f.result))
	if st.Code() != code || reasonOf(st) != reason {
		f.t.Errorf("ended with %v, want %v %s", st, code, reason)
	}
}

// I10: who does not read is no longer received from, in number.
func TestAPipelineStopsReceivingAtItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipeline(t, NewService(storagetest.NewModel(), ServiceOptions{PipelineInFlight: 3}))
		f.send(1, 9, 0)
		synctest.Wait()
		if f.received != 3 {
			t.Fatalf("%d requests were received while no answer was read, with a bound of 3", f.received)
		}
		f.wants(1, 1)
		synctest.Wait()
		if f.received != 4 {
			t.Errorf("%d requests were received after one answer was read", f.received)
		}
		f.wants(2, 9)
		close(f.requests)
		f.ends(codes.OK, "")
	})
}

// I10: and in bytes.
func TestAPipelineStopsReceivingAtItsBoundOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := storage.Limits{RequestBytes: 1000}
		f := startPipeline(t, NewService(storagetest.NewModel(), ServiceOptions{Limits: limits}))
		f.send(1, 9, 850)
		synctest.Wait()
		if f.received != 3 {
			t.Fatalf("%d requests of 900 bytes were received, with a bound of 2,000", f.received)
		}
		f.wants(1, 9)
		close(f.requests)
		f.ends(codes.OK, "")
	})
}

// A full queue of the store makes the pipeline wait; it is refused nothing.
func TestAPipelineWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storagetest.NewModelWith(storagetest.ModelOptions{QueueLimit: 2})
		release := model.Hold()
		f := startPipeline(t, NewService(model, ServiceOptions{}))
		f.send(1, 9, 0)
		synctest.Wait()
		if f.received != 3 || model.Stats().Queued != 2 {
			t.Errorf("%d received, %d queued", f.received, model.Stats().Queued)
		}
		release()
		f.wants(1, 9)
		close(f.requests)
		f.ends(codes.OK, "")
	})
}

// I11: everything taken is answered, nothing else is, and then the client is
// told.
func TestADrainAnswersWhatAPipelineTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storagetest.NewModel()
		release := model.Hold()
		s := NewService(model, ServiceOptions{PipelineInFlight: 4})
		f := startPipeline(t, s)
		f.send(1, 9, 0)
		synctest.Wait()
		s.Drain()
		synctest.Wait()
		release()
		f.wants(1, 4)
		f.ends(codes.Unavailable, ReasonShuttingDown)
		if model.Head() != 4 {
			t.Errorf("%d events were written, and 4 acknowledged", model.Head())
		}
	})
}

// A call that ended with SHUTTING_DOWN promises that nothing without an answer
// was written.
func TestAPipelineTakesNothingAfterTheDrainBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storagetest.NewModel()
		release := model.Hold()
		s := NewService(model, ServiceOptions{})
		f := startPipeline(t, s)
		f.send(1, 2, 0)
		synctest.Wait() // the receiver waits for a message
		s.Drain()
		synctest.Wait()
		f.send(3, 3, 0)
		synctest.Wait()
		release()
		f.wants(1, 2)
		f.ends(codes.Unavailable, ReasonShuttingDown)
		if f.received != 3 || model.Head() != 2 {
			t.Errorf("%d received, %d written", f.received, model.Head())
		}
	})
}

func TestADrainEndsAPipelineWhoseClientSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewService(storagetest.NewModel(), ServiceOptions{})
		f := startPipeline(t, s)
		synctest.Wait()
		s.Drain()
		f.ends(codes.Unavailable, ReasonShuttingDown)
	})
}

func TestAStoreThatClosesRefusesThePipelinesRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storagetest.NewModel()
		f := startPipeline(t, NewService(model, ServiceOptions{}))
		if err := model.Close(); err != nil {
			t.Fatal(err)
		}
		f.send(1, 2, 0)
		for range 2 {
			if a := <-f.answers; a.GetError().GetReason() != ReasonShuttingDown {
				t.Errorf("got %v", a)
			}
		}
		close(f.requests)
		f.ends(codes.OK, "")
	})
}

// Whatever the pipeline waits for: a client that vanishes ends it, and what
// was submitted is still written. The bubble ends only when nothing leaks.
func TestAClientThatVanishesLeavesNothingBehind(t *testing.T) {
	for name, o := range map[string]storagetest.ModelOptions{
		"while the store has room": {}, "while the store's queue is full": {QueueLimit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := storagetest.NewModelWith(o)
				release := model.Hold()
				f := startPipeline(t, NewService(model, ServiceOptions{PipelineInFlight: 5}))
				f.send(1, 9, 0)
				synctest.Wait()
				f.cancel()
				f.ends(codes.Canceled, "")
				release()
				synctest.Wait()
				if head := model.Head(); head != 5 && (o.QueueLimit == 0 || head != storage.Position(o.QueueLimit)) {
					t.Errorf("head %d", head)
				}
			})
		})
	}
	t.Run("while it does not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipeline(t, NewService(storagetest.NewModel(), ServiceOptions{PipelineInFlight: 5}))
			f.send(1, 9, 0)
			synctest.Wait()
			f.cancel()
			f.ends(codes.Canceled, "")
		})
	})
}

func TestABrokenMessageEndsAPipelineAfterTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipeline(t, NewService(storagetest.NewModel(), ServiceOptions{}))
		f.send(1, 3, 0)
		f.requests <- []byte{0x08}
		f.send(4, 4, 0)
		f.wants(1, 3)
		f.ends(codes.InvalidArgument, ReasonInvalidRequest)
	})
}

func TestAPanicOfTheReceiverEndsItsPipelineOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewService(storagetest.NewModel(), ServiceOptions{})
		f := startPipeline(t, s)
		f.send(1, 1, 0)
		f.requests <- []byte("panic")
		f.wants(1, 1)
		f.ends(codes.Internal, ReasonInternal)
		other := startPipeline(t, s)
		other.send(1, 1, 0)
		other.wants(1, 1)
		close(other.requests)
		other.ends(codes.OK, "")
	})
}

// panicking is a store whose second submission panics.
type panicking struct {
	storage.Store
	submitted atomic.Int64
	// takes: it takes the request first.
	takes bool
}

func (s *panicking) Submit(ctx context.Context, a *storage.Append, done func(storage.Appended, error)) error {
	second := s.submitted.Add(1) == 2
	if !second || s.takes {
		if err := s.Store.Submit(ctx, a, done); err != nil {
			return err
		}
	}
	if second {
		panic("secret of a store")
	}
	return nil
}

// Nothing waits for the answer of a request whose submission panicked, whether
// there will be one or not.
func TestAPanicOfASubmissionEndsItsPipelineAfterTheAnswers(t *testing.T) {
	for _, takes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			model := storagetest.NewModel()
			release := model.Hold()
			f := startPipeline(t, NewService(&panicking{Store: model, takes: takes}, ServiceOptions{}))
			f.send(1, 3, 0)
			synctest.Wait()
			release()
			f.wants(1, 1)
			f.ends(codes.Internal, ReasonInternal)
			if f.received != 2 {
				t.Errorf("takes %v: %d were received, want none after the panic", takes, f.received)
			}
		})
	}
}

func TestAPanicOfASubmissionFreesThePlaceOfItsPipeline(t *testing.T) {
	s := serve(t, &panicking{Store: storagetest.NewModel()}, func(c *Config) {
		c.Pipelines, c.DrainTimeout = 1, maxDrainTimeout // longer than the test waits for its server to end
	})
	client := s.client()
	open := func() stetv1.EventStore_AppendPipelineClient {
		call, err := client.AppendPipeline(waiting(t))
		if err != nil {
			t.Fatal(err)
		}
		return call
	}
	ask := func(call stetv1.EventStore_AppendPipelineClient) (*stetv1.AppendPipelineResponse, error) {
		if err := call.Send(&stetv1.AppendPipelineRequest{Append: oneEvent("a-1")}); err != nil {
			t.Fatal(err)
		}
		return call.Recv()
	}
	call := open()
	if answer, err := ask(call); answer.GetAppended() == nil {
		t.Fatalf("before the panic: %v, %v", answer, err)
	}
	if answer, err := ask(call); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Fatalf("%v, %v, want INTERNAL without the panic's text", answer, err)
	}
	call = open()
	if answer, err := ask(call); answer.GetAppended() == nil {
		t.Fatalf("in the same place: %v, %v", answer, err)
	}
	if err := call.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if answer, err := call.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("at the end: %v, %v", answer, err)
	}
	s.log.wants(t, "secret of a store", "grpc.code=Internal")
}

func TestAnErrorOfTheStoreIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storagetest.NewModelWith(storagetest.ModelOptions{Refuse: func(*storage.Append) error {
			return &storage.OutcomeUnknownError{Cause: errors.New("secret")}
		}})
		f := startPipeline(t, NewService(model, ServiceOptions{}))
		f.send(1, 1, 0)
		a := <-f.answers
		if e := a.GetError(); e.GetReason() != ReasonOutcomeUnknown || codes.Code(e.GetCode()) != codes.Unavailable || strings.Contains(e.GetMessage(), "secret") {
			t.Errorf("got %v", a)
		}
		close(f.requests)
		f.ends(codes.OK, "")
	})
}
