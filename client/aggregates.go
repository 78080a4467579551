package client

import (
	"cmp"
	"context"
	"iter"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// largestAnswer bounds an answer about aggregates: a state may have 8 MiB.
const largestAnswer = 32 << 20

// Execute writes events of one aggregate under the rules of the specification,
// and those that they imply, and returns when they are on disk. Errors are as in
// [Client.Append], and [*RequirementNotMet] where a condition says no.
//
// It repeats the request by itself as Append does: by its request id, which the
// client makes, in a copy, when none is given.
func (c *Client) Execute(ctx context.Context, request *stetv1.ExecuteRequest) (*stetv1.ExecuteResponse, error) {
	if request.GetRequestId() == "" && !c.options.NoRequestIDs {
		request = proto.CloneOf(request)
		request.RequestId = uuid.NewString()
	}
	k := call{
		op: "execute on", write: true, repeatable: request.GetRequestId() != "",
		stream: request.GetType() + "-" + request.GetId(), requestID: request.GetRequestId(),
	}
	return aggregatesCall(ctx, c, k, request, stetv1.AggregatesClient.Execute)
}

// State tells what the state of one aggregate is, or was. [*NotFound] when it
// has no event, or had none then.
func (c *Client) State(ctx context.Context, request *stetv1.GetStateRequest) (*stetv1.GetStateResponse, error) {
	k := call{op: "ask for the state of", stream: request.GetType() + "-" + request.GetId()}
	return aggregatesCall(ctx, c, k, request, stetv1.AggregatesClient.GetState)
}

// States yields the aggregates of one type with their states, in the byte order
// of their ids, from the request's page on. It asks for page after page; with a
// time all of them are as of then. It ends when all were given, or with an
// error.
func (c *Client) States(ctx context.Context, request *stetv1.ListStatesRequest) iter.Seq2[*stetv1.ListStatesResponse_Item, error] {
	k := call{op: "list the states of " + request.GetType()}
	return paged(k, request.GetAfter(), func(after string) ([]*stetv1.ListStatesResponse_Item, string, error) {
		request := proto.CloneOf(request)
		request.After = after
		page, err := aggregatesCall(ctx, c, k, request, stetv1.AggregatesClient.ListStates)
		return page.GetItems(), page.GetNextAfter(), err
	})
}

// Diff tells what changed between two points of one aggregate.
func (c *Client) Diff(ctx context.Context, request *stetv1.DiffRequest) (*stetv1.DiffResponse, error) {
	k := call{op: "compare states of", stream: request.GetType() + "-" + request.GetId()}
	return aggregatesCall(ctx, c, k, request, stetv1.AggregatesClient.Diff)
}

// Trace yields the events of one aggregate, each with the change that it made
// to the state, from the request's page on. It ends when all were given, or with
// an error.
func (c *Client) Trace(ctx context.Context, request *stetv1.TraceRequest) iter.Seq2[*stetv1.TraceResponse_Step, error] {
	k := call{op: "trace", stream: request.GetType() + "-" + request.GetId()}
	return paged(k, request.GetAfter(), func(after uint64) ([]*stetv1.TraceResponse_Step, uint64, error) {
		request := proto.CloneOf(request)
		request.After = after
		page, err := aggregatesCall(ctx, c, k, request, stetv1.AggregatesClient.Trace)
		return page.GetSteps(), page.GetNextAfter(), err
	})
}

// PutSpec changes the specification, at once and for all events, old ones too.
// [*InvalidRequest] tells its faults, or what would suffer without force;
// [*Conflict] that another version is in force than was demanded.
func (c *Client) PutSpec(ctx context.Context, request *stetv1.PutSpecRequest) (*stetv1.PutSpecResponse, error) {
	// Putting the same text again changes nothing; only a demand would then fail.
	k := call{op: "put a specification", write: !request.GetDryRun(), repeatable: request.PreviousLength == nil}
	return aggregatesCall(ctx, c, k, request, stetv1.AggregatesClient.PutSpec)
}

// Spec gives one version of the specification; 0: the one in force.
func (c *Client) Spec(ctx context.Context, version uint64) (*stetv1.GetSpecResponse, error) {
	k := call{op: "ask for the specification"}
	return aggregatesCall(ctx, c, k, &stetv1.GetSpecRequest{Version: version}, stetv1.AggregatesClient.GetSpec)
}

// SpecVersions yields the versions of the specification, oldest first. It ends
// when all were given, or with an error.
func (c *Client) SpecVersions(ctx context.Context) iter.Seq2[*stetv1.SpecVersion, error] {
	k := call{op: "list versions of the specification"}
	return paged(k, 0, func(after uint64) ([]*stetv1.SpecVersion, uint64, error) {
		page, err := aggregatesCall(ctx, c, k, &stetv1.ListSpecVersionsRequest{After: after}, stetv1.AggregatesClient.ListSpecVersions)
		return page.GetVersions(), page.GetNextAfter(), err
	})
}

// TestSpec runs handlers and conditions on given events. Nothing is read from
// the log or written.
func (c *Client) TestSpec(ctx context.Context, request *stetv1.TestSpecRequest) (*stetv1.TestSpecResponse, error) {
	return aggregatesCall(ctx, c, call{op: "test a specification"}, request, stetv1.AggregatesClient.TestSpec)
}

// DropSnapshots makes the server forget all snapshots. No answer changes.
func (c *Client) DropSnapshots(ctx context.Context) error {
	_, err := aggregatesCall(ctx, c, call{op: "drop snapshots"}, &stetv1.DropSnapshotsRequest{}, stetv1.AggregatesClient.DropSnapshots)
	return err
}

// aggregatesCall makes a call of stet.v1.Aggregates, repeating it where that is
// safe and may help.
func aggregatesCall[Q proto.Message, M any](
	ctx context.Context, c *Client, k call, request Q,
	method func(stetv1.AggregatesClient, context.Context, Q, ...grpc.CallOption) (*M, error),
) (*M, error) {
	var faults faults
	if _, err := proto.Marshal(request); err != nil {
		faults.add("request", "has a text that is not valid UTF-8")
	}
	c.checkSize(request, &faults)
	if err := faults.err(k); err != nil {
		return nil, err
	}
	return ask(ctx, c, k, func(opts ...grpc.CallOption) (*M, error) {
		return method(c.aggregates, ctx, request, append(opts, grpc.MaxCallRecvMsgSize(largestAnswer))...)
	})
}

// paged yields the items of page after page, beginning behind first. The zero
// cursor ends it; one that leads back is an error, not a loop without end.
func paged[T any, C cmp.Ordered](k call, first C, page func(after C) (items []T, next C, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var end C
		for after := first; ; {
			items, next, err := page(after)
			if err == nil && next != end && next <= after {
				err = protocolError(k, "a page of the list leads back")
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if after = next; after == end {
				return
			}
		}
	}
}
