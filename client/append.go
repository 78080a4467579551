package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/client/internal/requests"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Append is a request to add events to the end of one stream, all or none.
type Append struct {
	// Stream is the name, "<category>-<id>".
	Stream string
	// Expect is what the stream must be like. Required.
	Expect Expectation
	// Events in the order they happened, at least one.
	Events []Event
	// RequestID makes the append safe to repeat also beyond this call and this
	// process, for the server's window of 7 days; the content must then be the
	// same. Empty: see [Client.Append].
	RequestID string
}

// AtomicAppend is a request to add events to several streams, all or none.
type AtomicAppend struct {
	// Entries are the streams, none twice, with at least one event in all.
	Entries []Entry
	// RequestID as in [Append].
	RequestID string
}

// Entry is the part of an [AtomicAppend] that concerns one stream.
type Entry struct {
	// Stream is the name.
	Stream string
	// Expect is what the stream must be like. Required.
	Expect Expectation
	// Events in order; none: the entry only checks its expectation.
	Events []Event
}

// Appended tells where the events of an append are. They are on disk.
type Appended struct {
	// FirstVersion and LastVersion are those of the first and last event.
	FirstVersion, LastVersion uint64
	// FirstPosition and LastPosition likewise; all between them belong to the
	// append.
	FirstPosition, LastPosition uint64
	// RecordedAt is the server's time of commit, which the events share.
	RecordedAt time.Time
	// IDs are the ids of all events in order.
	IDs []string
	// Replayed tells that an earlier identical request had written the events.
	Replayed bool
}

// AtomicAppended tells where the events of an atomic append are.
type AtomicAppended struct {
	// Entries are the answers to the request's entries, in its order.
	Entries []AppendedEntry
	// FirstPosition and LastPosition are those of the first and last event of
	// all; all between them belong to the append.
	FirstPosition, LastPosition uint64
	// RecordedAt is the server's time of commit, which the events share.
	RecordedAt time.Time
	// Replayed tells that an earlier identical request had written the events.
	Replayed bool
}

// AppendedEntry is the answer to one entry.
type AppendedEntry struct {
	// Stream is the name.
	Stream string
	// FirstVersion and LastVersion are those of the first and last event; 0 for
	// an entry without events.
	FirstVersion, LastVersion uint64
	// IDs are the ids of the entry's events in order.
	IDs []string
}

// Append adds events to a stream and returns when they are on disk. A nil error
// means that; [*Conflict] and other refusals that nothing was written;
// [*OutcomeUnknown] that it is open.
//
// It repeats the request by itself, at most [Options].Attempts times in all,
// when nothing was written ([*Unavailable]) and, after a doubtful end, when the
// server recognises the repetition (invariant I5): by RequestID, which the
// client makes when none is given; or, under Options.NoRequestIDs, by an exact
// expectation and the ids of the events, which the client then makes (UUIDv7)
// when none are given. With a RequestID it leaves missing event ids to the
// server, because they would make the same request of tomorrow another one.
func (c *Client) Append(ctx context.Context, a Append) (Appended, error) {
	c.identify(&a)
	k := callOf(&a)
	request, err := c.appendRequest(k, &a)
	if err != nil {
		return Appended{}, err
	}
	var response *stetv1.AppendResponse
	err = c.try(ctx, k, func(opts ...grpc.CallOption) (err error) {
		response, err = c.api.Append(ctx, request, opts...)
		return err
	})
	if err != nil {
		return Appended{}, err
	}
	return appendedOf(&a, response), nil
}

// AppendAtomic adds events to several streams, all or none, and returns when
// they are on disk. A [*Conflict] lists every entry that failed. Errors and
// repetition are as in [Client.Append]; without request ids it is repeated only
// when every entry has events and an exact expectation.
func (c *Client) AppendAtomic(ctx context.Context, a AtomicAppend) (AtomicAppended, error) {
	a.Entries = append([]Entry(nil), a.Entries...) // identify changes it
	c.identifyAtomic(&a)
	k := call{op: "append atomically", write: true, repeatable: a.RequestID != "" || recognised(a.Entries), requestID: a.RequestID}
	request, err := c.atomicRequest(k, &a)
	if err != nil {
		return AtomicAppended{}, err
	}
	var response *stetv1.AppendAtomicResponse
	err = c.try(ctx, k, func(opts ...grpc.CallOption) (err error) {
		response, err = c.api.AppendAtomic(ctx, request, opts...)
		return err
	})
	if err != nil {
		return AtomicAppended{}, err
	}
	if len(response.GetEntries()) != len(a.Entries) {
		return AtomicAppended{}, unknownOutcome(ctx, k, protocolError(k, "the server answered another number of entries"))
	}
	return atomicAppendedOf(&a, response), nil
}

func callOf(a *Append) call {
	return call{
		op:         "append to",
		write:      true,
		repeatable: a.RequestID != "" || recognised([]Entry{{a.Stream, a.Expect, a.Events}}),
		stream:     a.Stream,
		requestID:  a.RequestID,
	}
}

func (c *Client) appendRequest(k call, a *Append) (*stetv1.AppendRequest, error) {
	var faults faults
	faults.text("stream", a.Stream)
	faults.text("request_id", a.RequestID)
	request := &stetv1.AppendRequest{
		Stream:      a.Stream,
		Expectation: a.Expect.message(),
		Events:      eventMessages(a.Events, "events", &faults),
		RequestId:   a.RequestID,
	}
	c.checkSize(request, &faults)
	return request, faults.err(k)
}

func (c *Client) atomicRequest(k call, a *AtomicAppend) (*stetv1.AppendAtomicRequest, error) {
	var faults faults
	faults.text("request_id", a.RequestID)
	request := &stetv1.AppendAtomicRequest{RequestId: a.RequestID}
	for i, e := range a.Entries {
		at := index("entries", i)
		faults.text(at+".stream", e.Stream)
		request.Entries = append(request.Entries, &stetv1.AppendAtomicRequest_Entry{
			Stream:      e.Stream,
			Expectation: e.Expect.message(),
			Events:      eventMessages(e.Events, at+".events", &faults),
		})
	}
	c.checkSize(request, &faults)
	return request, faults.err(k)
}

// The server receives this much above its bound on a request, less a little
// for what a pipeline wraps around it, so that its own refusal comes first.
const sizeMargin = 1<<20 - 1<<10

// checkSize refuses what the server could not receive, which in a pipeline
// would break the appends around it, too.
func (c *Client) checkSize(request proto.Message, faults *faults) {
	size, ok := requests.Size(request)
	if !ok {
		size = proto.Size(request)
	}
	if size > c.options.RequestBytes+sizeMargin {
		faults.add("events", fmt.Sprintf("make a request of %d bytes; at most %d are allowed, split it", size, c.options.RequestBytes))
	}
}

func appendedOf(a *Append, r *stetv1.AppendResponse) Appended {
	return Appended{
		FirstVersion:  r.GetFirstVersion(),
		LastVersion:   r.GetLastVersion(),
		FirstPosition: r.GetFirstPosition(),
		LastPosition:  r.GetLastPosition(),
		RecordedAt:    timeOf(r.GetRecordedAt()),
		IDs:           idsOf(a.Events, r.GetIds()),
		Replayed:      r.GetReplayed(),
	}
}

func atomicAppendedOf(a *AtomicAppend, r *stetv1.AppendAtomicResponse) AtomicAppended {
	out := AtomicAppended{
		FirstPosition: r.GetFirstPosition(),
		LastPosition:  r.GetLastPosition(),
		RecordedAt:    timeOf(r.GetRecordedAt()),
		Replayed:      r.GetReplayed(),
	}
	for i, e := range r.GetEntries() {
		out.Entries = append(out.Entries, AppendedEntry{
			Stream:       e.GetStream(),
			FirstVersion: e.GetFirstVersion(),
			LastVersion:  e.GetLastVersion(),
			IDs:          idsOf(a.Entries[i].Events, e.GetIds()),
		})
	}
	return out
}

// idsOf are the ids that the server gave, or ours when it made none.
func idsOf(events []Event, given []string) []string {
	if len(given) > 0 || len(events) == 0 {
		return given
	}
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = strings.ToLower(events[i].ID) // as it is stored
	}
	return ids
}
