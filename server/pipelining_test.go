package server_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"google.golang.org/grpc/codes"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// pipeline sends all requests, half-closes and gives the answers; the call must
// end with OK.
func (r *reading) pipeline(requests ...*stetv1.AppendPipelineRequest) []*stetv1.AppendPipelineResponse {
	r.t.Helper()
	call, err := r.client.AppendPipeline(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { // ends with the call
		for _, request := range requests {
			if err := call.Send(request); err != nil {
				sent <- err
				return
			}
		}
		sent <- call.CloseSend()
	}()
	var out []*stetv1.AppendPipelineResponse
	for {
		answer, err := call.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, answer)
	}
	if err := <-sent; err != nil {
		r.t.Fatal(err)
	}
	if len(out) != len(requests) {
		r.t.Fatalf("%d answers to %d requests", len(out), len(requests))
	}
	return out
}

func pipelined(ticket uint64, a *stetv1.AppendRequest) *stetv1.AppendPipelineRequest {
	return &stetv1.AppendPipelineRequest{Ticket: ticket, Append: a}
}

// outcome is an answer in a word: the versions, or the reason.
func outcome(a *stetv1.AppendPipelineResponse) string {
	if e := a.GetError(); e != nil {
		return e.Reason
	}
	return fmt.Sprint(a.GetAppended().GetFirstVersion())
}

func wantOutcomes(t *testing.T, got []*stetv1.AppendPipelineResponse, want ...string) {
	t.Helper()
	for i, w := range want {
		if o := outcome(got[i]); o != w || got[i].Ticket != uint64(i) {
			t.Errorf("answer %d has ticket %d and outcome %s (%v), want %s", i, got[i].Ticket, o, got[i].GetError(), w)
		}
	}
}

func TestAPipelineAnswersEveryRequestInOrder(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{PipelineInFlight: 16})
		var requests []*stetv1.AppendPipelineRequest
		for i := range uint64(1000) {
			requests = append(requests, pipelined(i, appendTo("a-1", versionExpected(i), event("{}"))))
		}
		got := r.pipeline(requests...)
		for i, a := range got {
			if a.Ticket != uint64(i) || a.GetAppended().GetFirstVersion() != uint64(i)+1 || len(a.GetAppended().GetIds()) != 1 {
				t.Fatalf("answer %d: %v", i, a)
			}
		}
	})
}

func TestARefusedRequestNeverEndsAPipeline(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{Limits: storage.Limits{RequestBytes: 1000}})
		unknown := pipelined(4, appendTo("a-1", anyExpected(), event("{}")))
		unknown.ProtoReflect().SetUnknown([]byte{9 << 3, 1})
		late := pipelined(6, appendTo("a-1", anyExpected(), event("{}")))
		late.HaltOnError = true
		got := r.pipeline(
			pipelined(0, appendTo("a-1", versionExpected(0), event("{}"))),
			pipelined(1, appendTo("a-1", versionExpected(0), event("[]"))),
			pipelined(2, appendTo("", nil)),
			pipelined(3, nil),
			unknown,
			pipelined(5, appendTo("a-1", anyExpected(), &stetv1.NewEvent{Type: "T", Payload: &stetv1.NewEvent_Binary{Binary: make([]byte, 1000)}})),
			late,
			pipelined(7, appendTo("a-1", versionExpected(1), event("{}"))),
		)
		const invalid = "INVALID_REQUEST"
		wantOutcomes(t, got, "1", "CONFLICT", invalid, invalid, invalid, invalid, invalid, "2")
		if c := got[1].GetError(); codes.Code(c.Code) != codes.Aborted || len(c.Conflicts) != 1 || c.Conflicts[0].Actual != 1 || c.Conflicts[0].Head < 1 {
			t.Errorf("the conflict: %v", c)
		}
		for i, field := range map[int]string{2: "append.stream", 3: "append", 4: "request", 5: "append", 6: "halt_on_error"} {
			if v := got[i].GetError().GetViolations(); v[0].Field != field {
				t.Errorf("answer %d: %v", i, v)
			}
		}
		if store.Head() != 2 {
			t.Errorf("head %d", store.Head())
		}
	})
}

func TestAPipelineHaltsAtTheFirstRefusalIfAskedTo(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		for name, bad := range map[string]*stetv1.AppendRequest{
			"invalid":  appendTo("$", anyExpected(), event("{}")),
			"conflict": appendTo("x-1", versionExpected(7), event("{}")),
		} {
			t.Run(name, func(t *testing.T) {
				first := pipelined(0, appendTo(name+"-1", anyExpected(), event("{}")))
				first.HaltOnError = true
				again := pipelined(1, appendTo(name+"-1", anyExpected(), event("{}")))
				again.HaltOnError = true // as in the first: allowed
				got := r.pipeline(first, again,
					pipelined(2, bad),
					pipelined(3, appendTo(name+"-2", anyExpected(), event("{}"))),
					pipelined(4, appendTo("", nil)))
				reason := map[string]string{"invalid": "INVALID_REQUEST", "conflict": "CONFLICT"}[name]
				wantOutcomes(t, got, "1", "2", reason, "PIPELINE_HALTED", "PIPELINE_HALTED")
			})
		}
		// A pipeline of its own is not concerned.
		wantOutcomes(t, r.pipeline(pipelined(0, appendTo("invalid-2", anyExpected(), event("{}")))), "1")
	})
}

func TestTheFirstMessageHaltsAPipelineEvenIfItIsRefused(t *testing.T) {
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{})
	first := pipelined(0, appendTo("", nil))
	first.HaltOnError = true
	got := r.pipeline(first, pipelined(1, appendTo("a-1", anyExpected(), event("{}"))))
	wantOutcomes(t, got, "INVALID_REQUEST", "PIPELINE_HALTED")
}

func TestAPipelineRepeatsAnAnswer(t *testing.T) {
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{})
	request := appendTo("a-1", anyExpected(), event("{}"))
	request.RequestId = "r"
	got := r.pipeline(pipelined(0, request), pipelined(1, request))
	wantOutcomes(t, got, "1", "1")
	if first, second := got[0].GetAppended(), got[1].GetAppended(); first.Replayed || !second.Replayed || first.Ids[0] != second.Ids[0] {
		t.Errorf("got %v, then %v", first, second)
	}
}

func TestManyPipelinesShareAStream(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{PipelineInFlight: 8})
		const pipelines, each = 4, 100
		versions := make(chan uint64, pipelines*each)
		for range pipelines {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				var requests []*stetv1.AppendPipelineRequest
				for i := range uint64(each) {
					requests = append(requests, pipelined(i, appendTo("shared-1", anyExpected(), event("{}"))))
				}
				last := uint64(0)
				for _, a := range r.pipeline(requests...) {
					if v := a.GetAppended().GetFirstVersion(); v > last {
						last = v
						versions <- v
					}
				}
			})
		}
		t.Cleanup(func() {
			if len(versions) != pipelines*each || store.Head() != pipelines*each {
				t.Errorf("%d versions in order, head %d, want %d", len(versions), store.Head(), pipelines*each)
			}
		})
	})
}

// I11: what was received is answered, then the client is told.
func TestADrainEndsAPipelineThatHasNothingToSay(t *testing.T) {
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{})
	call, err := r.client.AppendPipeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Send(pipelined(1, appendTo("a-1", anyExpected(), event("{}")))); err != nil {
		t.Fatal(err)
	}
	if answer, err := call.Recv(); err != nil || outcome(answer) != "1" {
		t.Fatalf("%v: %v", answer, err)
	}
	r.service.Drain()
	_, err = call.Recv()
	refused(t, err, codes.Unavailable, "SHUTTING_DOWN")
}
