package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/storagetest"
)

const givenID = "0190d5c8-1111-7abc-8def-0123456789ab"

func stateExpected(s stetv1.Expectation_State) *stetv1.Expectation {
	return &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: s}}
}

func anyExpected() *stetv1.Expectation { return stateExpected(stetv1.Expectation_STATE_ANY) }

func versionExpected(v uint64) *stetv1.Expectation {
	return &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: v}}
}

func event(json string) *stetv1.NewEvent {
	return &stetv1.NewEvent{Type: "Happened", Payload: &stetv1.NewEvent_Json{Json: json}}
}

func events(n int) []*stetv1.NewEvent {
	out := make([]*stetv1.NewEvent, n)
	for i := range out {
		out[i] = event("{}")
	}
	return out
}

func appendTo(stream string, e *stetv1.Expectation, events ...*stetv1.NewEvent) *stetv1.AppendRequest {
	return &stetv1.AppendRequest{Stream: stream, Expectation: e, Events: events}
}

// events are all of a stream, read back.
func (r *reading) events(stream string) []*stetv1.RecordedEvent {
	r.t.Helper()
	got, err := r.stream(&stetv1.ReadStreamRequest{Stream: stream})
	if err != nil {
		r.t.Fatal(err)
	}
	return got.events
}

// S1.1, S1.2: what a client appends is what it reads, with the server's part.
func TestAnAppendedEventIsReadAsItWasGiven(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		began := time.Now().Add(-time.Millisecond)
		request := appendTo("order-1", stateExpected(stetv1.Expectation_STATE_NO_STREAM), &stetv1.NewEvent{
			Id: strings.ToUpper(givenID), Type: "OrderPlaced", SchemaVersion: 7,
			OccurredAt: &timestamppb.Timestamp{Seconds: -5, Nanos: 999_999_999},
			Metadata:   map[string]string{"z": "1", "actor_id": "ä"}, Tags: []string{"customer:42", "a"},
			Payload: &stetv1.NewEvent_Json{Json: ` {"total": 12.50} `},
		})
		answer, err := r.client.Append(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if at := answer.RecordedAt.AsTime(); at.Before(began) || at.After(time.Now().Add(time.Millisecond)) {
			t.Errorf("recorded at %v", at)
		}
		want := &stetv1.AppendResponse{FirstVersion: 1, LastVersion: 1, FirstPosition: 1, LastPosition: 1, RecordedAt: answer.RecordedAt}
		if diff := cmp.Diff(want, answer, protocmp.Transform()); diff != "" {
			t.Errorf("the answer (-want +got):\n%s", diff)
		}
		given := request.Events[0]
		recorded := &stetv1.RecordedEvent{
			Stream: "order-1", Version: 1, Position: 1, RecordedAt: answer.RecordedAt, SchemaVersion: 7, Id: givenID, Type: given.Type,
			OccurredAt: given.OccurredAt, Metadata: given.Metadata, Tags: given.Tags,
			Payload: &stetv1.RecordedEvent_Json{Json: given.GetJson()},
		}
		if diff := cmp.Diff([]*stetv1.RecordedEvent{recorded}, r.events("order-1"), protocmp.Transform()); diff != "" {
			t.Errorf("the event (-want +got):\n%s", diff)
		}
	})
}

func TestTheServerMakesTheIDsThatAreNotGiven(t *testing.T) {
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{})
	own := event("{}")
	own.Id = givenID
	answer, err := r.client.Append(t.Context(), appendTo("a-1", anyExpected(), event("{}"), own, event("{}")))
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Ids) != 3 || answer.Ids[1] != givenID || answer.Ids[0] == answer.Ids[2] {
		t.Fatalf("ids %q", answer.Ids)
	}
	for i, e := range r.events("a-1") {
		id, err := uuid.Parse(e.Id)
		if err != nil || e.Id != answer.Ids[i] || i != 1 && id.Version() != 7 {
			t.Errorf("event %d has id %s, told %s, parsed %v: %v", i, e.Id, answer.Ids[i], id, err)
		}
	}
	atomic, err := r.client.AppendAtomic(t.Context(), &stetv1.AppendAtomicRequest{Entries: []*stetv1.AppendAtomicRequest_Entry{
		{Stream: "b-1", Expectation: anyExpected(), Events: []*stetv1.NewEvent{own}},
		{Stream: "a-1", Expectation: versionExpected(3)},
		{Stream: "c-1", Expectation: anyExpected(), Events: events(2)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := &stetv1.AppendAtomicResponse{
		FirstPosition: 4, LastPosition: 6, RecordedAt: atomic.RecordedAt,
		Entries: []*stetv1.AppendAtomicResponse_Entry{
			{Stream: "b-1", FirstVersion: 1, LastVersion: 1, Ids: []string{givenID}},
			{Stream: "a-1"},
			{Stream: "c-1", FirstVersion: 1, LastVersion: 2, Ids: []string{r.events("c-1")[0].Id, r.events("c-1")[1].Id}},
		},
	}
	if diff := cmp.Diff(want, atomic, protocmp.Transform()); diff != "" {
		t.Errorf("the answer to an atomic append (-want +got):\n%s", diff)
	}
}

// I5: a retry gets the first answer, with the ids that were made then.
func TestARequestIDMakesAnAppendSafeToRepeat(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		request := appendTo("a-1", anyExpected(), events(2)...)
		request.RequestId = "request 1"
		first, err := r.client.Append(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.client.Append(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		first.Replayed = true
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("the second answer differs (-first +second):\n%s", diff)
		}
		request.Events[1] = event("[]")
		_, err = r.client.Append(t.Context(), request)
		refused(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
		if head := store.Head(); head != 2 {
			t.Errorf("%d events were written", head)
		}
	})
}

func TestAConflictTellsWhatIsThere(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		if _, err := r.client.Append(t.Context(), appendTo("a-1", anyExpected(), events(3)...)); err != nil {
			t.Fatal(err)
		}
		_, err := r.client.AppendAtomic(t.Context(), &stetv1.AppendAtomicRequest{Entries: []*stetv1.AppendAtomicRequest_Entry{
			{Stream: "a-1", Expectation: versionExpected(2), Events: events(1)},
			{Stream: "b-1", Expectation: stateExpected(stetv1.Expectation_STATE_NO_STREAM), Events: events(1)},
			{Stream: "c-1", Expectation: stateExpected(stetv1.Expectation_STATE_EXISTS)},
		}})
		refused(t, err, codes.Aborted, "CONFLICT")
		var got []*stetv1.Conflict
		for _, d := range status.Convert(err).Details() {
			if c, ok := d.(*stetv1.Conflict); ok {
				got = append(got, c)
			}
		}
		want := []*stetv1.Conflict{
			{Stream: "a-1", Expected: versionExpected(2), Actual: 3, Head: 3},
			{Stream: "c-1", Expected: stateExpected(stetv1.Expectation_STATE_EXISTS), Actual: 0, Head: 3},
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || store.Head() != 3 {
			t.Errorf("head %d, conflicts (-want +got):\n%s", store.Head(), diff)
		}
	})
}

// small limits, so that the tables can stand one below, at and one above.
var small = storage.Limits{
	EventBytes: 400, RequestBytes: 2000, RequestEvents: 3, RequestEntries: 3,
	StreamBytes: 20, TypeBytes: 10, MetadataEntries: 2, MetadataBytes: 30, Tags: 2, TagBytes: 10, RequestIDBytes: 10,
}

func TestEachLimitIsHeldToTheByte(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	with := func(change func(*stetv1.NewEvent)) *stetv1.AppendRequest {
		e := event("{}")
		change(e)
		return appendTo("a-1", anyExpected(), e)
	}
	for _, c := range []struct {
		name  string
		limit int
		field string
		of    func(n int) *stetv1.AppendRequest
	}{
		{"stream", 20, "stream", func(n int) *stetv1.AppendRequest { return appendTo(x(n), anyExpected(), event("{}")) }},
		{"type", 10, "events[0].type", func(n int) *stetv1.AppendRequest { return with(func(e *stetv1.NewEvent) { e.Type = x(n) }) }},
		{"metadata entries", 2, "events[0].metadata", func(n int) *stetv1.AppendRequest {
			return with(func(e *stetv1.NewEvent) {
				e.Metadata = map[string]string{}
				for i := range n {
					e.Metadata[fmt.Sprint(i)] = "v"
				}
			})
		}},
		{"metadata bytes", 30, "events[0].metadata", func(n int) *stetv1.AppendRequest {
			return with(func(e *stetv1.NewEvent) { e.Metadata = map[string]string{"key": x(n - 3)} })
		}},
		{"tags", 2, "events[0].tags", func(n int) *stetv1.AppendRequest {
			return with(func(e *stetv1.NewEvent) {
				for i := range n {
					e.Tags = append(e.Tags, fmt.Sprint(i))
				}
			})
		}},
		{"tag", 10, "events[0].tags[0]", func(n int) *stetv1.AppendRequest { return with(func(e *stetv1.NewEvent) { e.Tags = []string{x(n)} }) }},
		{"json depth", 64, "events[0].json", func(n int) *stetv1.AppendRequest {
			return appendTo("a-1", anyExpected(), event(strings.Repeat("[", n)+strings.Repeat("]", n)))
		}},
		{"request id", 10, "request_id", func(n int) *stetv1.AppendRequest {
			r := appendTo("a-1", anyExpected(), event("{}"))
			r.RequestId = x(n)
			return r
		}},
		{"events", 3, "events", func(n int) *stetv1.AppendRequest { return appendTo("a-1", anyExpected(), events(n)...) }},
		{"request bytes", 2000, "request", func(n int) *stetv1.AppendRequest {
			r := appendTo("a-1", anyExpected(), events(3)...)
			for _, e := range r.Events { // each stays small enough by itself
				e.Payload = &stetv1.NewEvent_Binary{Binary: []byte(x(300))}
			}
			return padTo(r, n)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := small
			if c.name == "request bytes" {
				limits.EventBytes = 1000
			}
			r := startReading(t, storagetest.NewModel(), server.ServiceOptions{Limits: limits})
			for n := c.limit - 1; n <= c.limit; n++ {
				if _, err := r.client.Append(t.Context(), c.of(n)); err != nil {
					t.Errorf("%d, with a limit of %d: %v", n, c.limit, err)
				}
			}
			head := r.store.Head()
			_, err := r.client.Append(t.Context(), c.of(c.limit+1))
			refused(t, err, codes.InvalidArgument, "INVALID_REQUEST", c.field)
			if r.store.Head() != head {
				t.Error("a refused request was written")
			}
		})
	}
}

// padTo makes the request exactly n bytes by the payload of its last events.
func padTo(r *stetv1.AppendRequest, n int) *stetv1.AppendRequest {
	for i := range r.Events {
		missing := n - proto.Size(r)
		payload := r.Events[i].GetBinary()
		r.Events[i].Payload = &stetv1.NewEvent_Binary{Binary: append(payload, make([]byte, min(missing, 500))...)}
	}
	for proto.Size(r) > n { // a length took a byte more
		last := r.Events[len(r.Events)-1]
		last.Payload = &stetv1.NewEvent_Binary{Binary: last.GetBinary()[1:]}
	}
	return r
}

func TestAnEventIsMeasuredAsItMayBeStored(t *testing.T) {
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{Limits: small})
	size := func(payload int) (*stetv1.NewEvent, int) {
		b := make([]byte, payload)
		e := storagetest.ProposeEvent(&storage.Event{ID: storagetest.EventIDOf(1), Type: "T", Kind: storage.PayloadBinary, Payload: b})
		return &stetv1.NewEvent{Id: e.ID.String(), Type: "T", Payload: &stetv1.NewEvent_Binary{Binary: b}}, record.SizeBound("a-1", &e)
	}
	for payload := 200; ; payload++ {
		e, bytes := size(payload)
		_, err := r.client.Append(t.Context(), appendTo("a-1", anyExpected(), e))
		if bytes > small.EventBytes {
			refused(t, err, codes.InvalidArgument, "INVALID_REQUEST", "events[0]")
			return
		}
		if err != nil {
			t.Fatalf("an event of up to %d bytes, with a limit of %d: %v", bytes, small.EventBytes, err)
		}
	}
}

func TestABadAppendIsRefusedWithAllItsFaults(t *testing.T) {
	full := make([]*stetv1.NewEvent, 0, 25)
	var fields []string
	for i := range 25 {
		full = append(full, event("{"))
		if i < 20 {
			fields = append(fields, fmt.Sprintf("events[%d].json", i))
		}
	}
	unknown := event("{}")
	unknown.ProtoReflect().SetUnknown([]byte{2 << 3, 7})
	for _, c := range []struct {
		name    string
		request *stetv1.AppendRequest
		fields  []string
	}{
		{"nothing at all", &stetv1.AppendRequest{}, []string{"stream", "expectation", "events"}},
		{"unspecified expectation", appendTo("a-1", stateExpected(0), event("{}")), []string{"expectation"}},
		{"unknown state", appendTo("a-1", stateExpected(9), event("{}")), []string{"expectation.state"}},
		{"stream of the server", appendTo("$a-1", anyExpected(), event("{}")), []string{"stream"}},
		{"control character", appendTo("a\n1", anyExpected(), event("{}")), []string{"stream"}},
		{"duplicate keys", appendTo("a-1", anyExpected(), event("{}"), event(`{"a":1,"a":2}`)), []string{"events[1].json"}},
		{"no payload", appendTo("a-1", anyExpected(), &stetv1.NewEvent{Type: "T"}), []string{"events[0].json"}},
		{"server's field in an event", appendTo("a-1", anyExpected(), unknown), []string{"events[0]"}},
		{"several", &stetv1.AppendRequest{Stream: "$", Events: events(1), RequestId: "\x00"}, []string{"stream", "expectation", "request_id"}},
		{"more than can be told", appendTo("$", nil, full...), fields},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startReading(t, storagetest.NewModel(), server.ServiceOptions{})
			_, err := r.client.Append(t.Context(), c.request)
			refused(t, err, codes.InvalidArgument, "INVALID_REQUEST", c.fields...)
			if _, err := r.client.Append(t.Context(), appendTo("a-1", anyExpected(), event("{}"))); err != nil || r.store.Head() != 1 {
				t.Errorf("the next append: %v, head %d", err, r.store.Head())
			}
		})
	}
}

func TestABadAtomicAppendIsRefusedWithAllItsFaults(t *testing.T) {
	entry := func(stream string, n int) *stetv1.AppendAtomicRequest_Entry {
		return &stetv1.AppendAtomicRequest_Entry{Stream: stream, Expectation: anyExpected(), Events: events(n)}
	}
	bad := entry("c-1", 1)
	bad.Expectation, bad.Events[0].Type = nil, ""
	for _, c := range []struct {
		name    string
		entries []*stetv1.AppendAtomicRequest_Entry
		fields  []string
	}{
		{"no entries", nil, []string{"entries"}},
		{"checks only", []*stetv1.AppendAtomicRequest_Entry{entry("a-1", 0), entry("b-1", 0)}, []string{"entries"}},
		{"a stream twice", []*stetv1.AppendAtomicRequest_Entry{entry("a-1", 1), entry("b-1", 1), entry("a-1", 0)}, []string{"entries[2].stream"}},
		{"bad entries", []*stetv1.AppendAtomicRequest_Entry{entry("", 1), bad}, []string{"entries[1].events[0].type", "entries[0].stream", "entries[1].expectation"}},
		{"one entry too many", []*stetv1.AppendAtomicRequest_Entry{entry("a-1", 1), entry("b-1", 0), entry("c-1", 0), entry("d-1", 0)}, []string{"entries"}},
		{"one event too many", []*stetv1.AppendAtomicRequest_Entry{entry("a-1", 2), entry("b-1", 2)}, []string{"entries[1].events"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startReading(t, storagetest.NewModel(), server.ServiceOptions{Limits: storage.Limits{RequestEntries: 3, RequestEvents: 3}})
			_, err := r.client.AppendAtomic(t.Context(), &stetv1.AppendAtomicRequest{Entries: c.entries})
			refused(t, err, codes.InvalidArgument, "INVALID_REQUEST", c.fields...)
			if r.store.Head() != 0 {
				t.Error("it was written")
			}
		})
	}
}

// fixedClock stands still until it is set.
type fixedClock struct{ wall time.Time }

func (c *fixedClock) Wall() time.Time        { return c.wall }
func (c *fixedClock) Elapsed() time.Duration { return time.Hour }

var _ clock.Source = (*fixedClock)(nil)

// I12: one bad second would freeze recorded times.
func TestAClockThatJumpedAheadRefusesAppends(t *testing.T) {
	source := &fixedClock{wall: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{Clock: source})
	answer, err := r.client.Append(t.Context(), appendTo("a-1", anyExpected(), event("{}")))
	if err != nil || !answer.RecordedAt.AsTime().Equal(source.wall) {
		t.Fatalf("recorded at %v: %v", answer.GetRecordedAt().AsTime(), err)
	}
	source.wall = source.wall.Add(2 * time.Hour)
	_, err = r.client.Append(t.Context(), appendTo("a-1", anyExpected(), event("{}")))
	refused(t, err, codes.FailedPrecondition, "CLOCK_AHEAD")
	got := r.pipeline(&stetv1.AppendPipelineRequest{Ticket: 1, Append: appendTo("a-1", anyExpected(), event("{}"))})
	if got[0].GetError().GetReason() != "CLOCK_AHEAD" || r.store.Head() != 1 {
		t.Errorf("in a pipeline: %v; head %d", got, r.store.Head())
	}
}

func TestADrainedServiceRefusesAppends(t *testing.T) {
	r := startReading(t, storagetest.NewModel(), server.ServiceOptions{})
	r.service.Drain()
	r.service.Drain()
	_, err := r.client.Append(t.Context(), appendTo("a-1", anyExpected(), event("{}")))
	refused(t, err, codes.Unavailable, "SHUTTING_DOWN")
	_, err = r.client.AppendAtomic(t.Context(), &stetv1.AppendAtomicRequest{})
	refused(t, err, codes.Unavailable, "SHUTTING_DOWN")
}

func TestAFullQueueIsToldAtOnce(t *testing.T) {
	model := storagetest.NewModelWith(storagetest.ModelOptions{QueueLimit: 1})
	r := startReading(t, model, server.ServiceOptions{})
	release := model.Hold()
	waiting := storagetest.One(1, storagetest.Expect("a-1", storage.ExpectAny(), storagetest.Propose(1, "Happened", "{}")))
	judged := make(chan error, 1)
	if err := model.Submit(t.Context(), waiting, func(_ storage.Appended, err error) { judged <- err }); err != nil {
		t.Fatal(err)
	}
	_, err := r.client.Append(t.Context(), appendTo("b-1", anyExpected(), event("{}")))
	refused(t, err, codes.ResourceExhausted, "QUEUE_FULL")
	release()
	if err := <-judged; err != nil {
		t.Error(err)
	}
	if _, err := r.client.Append(t.Context(), appendTo("b-1", anyExpected(), event("{}"))); err != nil {
		t.Error(err)
	}
}
