package wire_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

func TestWhatAClientSendsIsWhatTheStoreGets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := anyEntry(1).Draw(t, "entry")
		id := rapid.SampledFrom([]string{"", "request 1"}).Draw(t, "request id")
		request := &stetv1.AppendRequest{Stream: entry.Stream, Expectation: entry.Expectation, Events: entry.Events, RequestId: id}
		back := func(p *wire.Proposal) *stetv1.AppendRequest {
			if len(p.Violations) > 0 || p.Incomplete || len(p.Append.Entries) != 1 {
				t.Fatalf("a valid request is refused: %+v", p)
			}
			e := protoEntry(t, &p.Append.Entries[0])
			return &stetv1.AppendRequest{Stream: e.Stream, Expectation: e.Expectation, Events: e.Events, RequestId: p.Append.RequestID}
		}
		if diff := cmp.Diff(request, back(&decode[wire.AppendRequest](t, standard, marshal(t, request)).Proposal), protocmp.Transform()); diff != "" {
			t.Errorf("AppendRequest (-sent +got):\n%s", diff)
		}

		pipelined := &stetv1.AppendPipelineRequest{Ticket: rapid.Uint64().Draw(t, "ticket"), Append: request, HaltOnError: rapid.Bool().Draw(t, "halt")}
		got := decode[wire.AppendPipelineRequest](t, standard, marshal(t, pipelined))
		gotMessage := &stetv1.AppendPipelineRequest{Ticket: got.Ticket, Append: back(&got.Proposal), HaltOnError: got.HaltOnError}
		if diff := cmp.Diff(pipelined, gotMessage, protocmp.Transform()); diff != "" || got.Broken {
			t.Errorf("AppendPipelineRequest (-sent +got):\n%s", diff)
		}
	})
}

func TestWhatAClientSendsAtomicallyIsWhatTheStoreGets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := &stetv1.AppendAtomicRequest{
			Entries:   rapid.SliceOfN(anyEntry(0), 0, 4).Draw(t, "entries"),
			RequestId: rapid.SampledFrom([]string{"", "request 1"}).Draw(t, "request id"),
		}
		got := decode[wire.AppendAtomicRequest](t, standard, marshal(t, request))
		back := &stetv1.AppendAtomicRequest{RequestId: got.Append.RequestID}
		for i := range got.Append.Entries {
			back.Entries = append(back.Entries, protoEntry(t, &got.Append.Entries[i]))
		}
		if diff := cmp.Diff(request, back, protocmp.Transform()); diff != "" || got.Violations != nil {
			t.Errorf("AppendAtomicRequest, faults %v (-sent +got):\n%s", got.Violations, diff)
		}
	})
}

// A field that is added to the proto must come into the decoder too: until
// then it is refused as unknown.
func TestTheDecoderKnowsEveryFieldOfItsMessages(t *testing.T) {
	known := map[protoreflect.MessageDescriptor]protoreflect.FieldNumber{
		(&stetv1.AppendRequest{}).ProtoReflect().Descriptor():             4,
		(&stetv1.AppendAtomicRequest{}).ProtoReflect().Descriptor():       2,
		(&stetv1.AppendAtomicRequest_Entry{}).ProtoReflect().Descriptor(): 3,
		(&stetv1.AppendPipelineRequest{}).ProtoReflect().Descriptor():     3,
		(&stetv1.Expectation{}).ProtoReflect().Descriptor():               2,
	}
	for message, last := range known {
		for i := range message.Fields().Len() {
			if f := message.Fields().Get(i); f.Number() > last {
				t.Errorf("%s is not decoded", f.FullName())
			}
		}
	}
}

// fault is a bad message and the one fault it has.
type fault struct {
	name    string
	data    []byte
	path    string
	problem string
}

func TestAFaultOfAnAppendIsNamedByItsPath(t *testing.T) {
	good := marshal(t, &stetv1.AppendRequest{Stream: "a-1", Expectation: anyState(), Events: []*stetv1.NewEvent{jsonEvent("{}")}})
	second := func(e *stetv1.NewEvent) []byte { return join(good, field(3, marshal(t, e)...)) }
	named := jsonEvent("{}")
	named.Metadata = map[string]string{"$x": "1"}
	for _, f := range []fault{
		{"unknown field", join(good, varint(9, 1)), "request", "has the unknown field 9; leave it out"},
		{"unknown group", join(good, []byte{9<<3 | 3, 9<<3 | 4}), "request", "has the unknown field 9; leave it out"},
		{"wrong wire type", join(good, varint(4, 1)), "request", "has field 4 with wire type 0, which is not that field's"},
		{"cut short", good[:len(good)-1], "request", "is not a valid protobuf message"},
		{"stream twice", join(good, field(1, 'b')), "stream", "is given twice; give it once"},
		{"expectation twice", join(good, field(2, 8, 1)), "expectation", "is given twice; give it once"},
		{"request id twice", join(good, field(4, 'a'), field(4, 'a')), "request_id", "is given twice; give it once"},
		{"two kinds", join(field(2, 8, 1, 16, 1)), "expectation", "has two kinds; give exactly one of state and version"},
		{"state twice", join(field(2, 8, 1, 8, 1)), "expectation", "has two kinds; give exactly one of state and version"},
		{"unknown in expectation", join(field(2, 8, 1, 24, 1)), "expectation", "has the unknown field 3; leave it out"},
		{"unknown state", join(field(2, 8, 9)), "expectation.state", "is the unknown state 9; give STATE_ANY, STATE_NO_STREAM or STATE_EXISTS"},
		{"cut in expectation", join(field(2, 8)), "expectation", "is not a valid protobuf message"},
		{"bad json", second(jsonEvent(`{"a":1,"a":2}`)), "events[1].json", ""},
		{"server's key", second(named), "events[1].metadata[$x]", ""},
		{"server's field", join(good, field(3, join(varint(2, 7), marshal(t, jsonEvent("{}")))...)), "events[1]", "has field 2, which is the server's; leave it out"},
		{"type twice", join(good, field(3, join(marshal(t, jsonEvent("{}")), field(11, 'x'))...)), "events[1].type", "is given twice; give it once"},
		{"cut in event", join(good, field(3, 0x5a, 9)), "events[1]", "is cut short"},
	} {
		t.Run(f.name, func(t *testing.T) {
			f.check(t, decode[wire.AppendRequest](t, standard, f.data).Violations)

			pipelined := decode[wire.AppendPipelineRequest](t, standard, join(varint(1, 42), field(2, f.data...)))
			if pipelined.Broken || pipelined.Ticket != 42 {
				t.Errorf("in a pipeline: broken %v, ticket %d", pipelined.Broken, pipelined.Ticket)
			}
			f.path = strings.TrimSuffix("append."+strings.TrimPrefix(f.path, "request"), ".")
			if f.name == "request id twice" {
				f.path = "append.request_id"
			}
			f.check(t, pipelined.Violations)
		})
	}
}

func (f fault) check(t *testing.T, got []storage.Violation) {
	t.Helper()
	if len(got) != 1 || got[0].Field != f.path || f.problem != "" && got[0].Problem != f.problem {
		t.Errorf("got %q, want %s: %s", got, f.path, f.problem)
	}
}

func TestAFaultOfAnAtomicAppendIsNamedByItsPath(t *testing.T) {
	entry := marshal(t, &stetv1.AppendAtomicRequest_Entry{Stream: "a-1", Expectation: anyState(), Events: []*stetv1.NewEvent{jsonEvent("{}")}})
	good := field(1, entry...)
	for _, f := range []fault{
		{"unknown field", join(good, varint(3, 1)), "request", "has the unknown field 3; leave it out"},
		{"cut short", good[:len(good)-1], "request", "is not a valid protobuf message"},
		{"request id twice", join(good, field(2, 'a'), field(2, 'b')), "request_id", "is given twice; give it once"},
		{"unknown in entry", join(good, field(1, join(entry, field(4, 'r'))...)), "entries[1]", "has the unknown field 4; leave it out"},
		{"cut in entry", join(good, field(1, 0x0a, 5)), "entries[1]", "is not a valid protobuf message"},
		{"stream twice", join(good, field(1, join(entry, field(1, 's'))...)), "entries[1].stream", "is given twice; give it once"},
		{"bad event", join(good, field(1, join(entry, field(3, marshal(t, jsonEvent("{"))...))...)), "entries[1].events[1].json", ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			f.check(t, decode[wire.AppendAtomicRequest](t, standard, f.data).Violations)
		})
	}
}

func TestAFaultAroundAPipelinedAppend(t *testing.T) {
	good := join(varint(1, 42), field(2, marshal(t, &stetv1.AppendRequest{Stream: "a-1", Expectation: anyState(), Events: []*stetv1.NewEvent{jsonEvent("{}")}})...))
	for _, f := range []fault{
		{"no append", varint(1, 42), "append", "is missing"},
		{"append twice", join(good, field(2)), "append", "is given twice; give it once"},
		{"ticket twice", join(good, varint(1, 43)), "ticket", "is given twice; give it once"},
		{"halt twice", join(good, varint(3, 1), varint(3, 0)), "halt_on_error", "is given twice; give it once"},
		{"unknown field", join(good, varint(4, 1)), "request", "has the unknown field 4; leave it out"},
	} {
		t.Run(f.name, func(t *testing.T) {
			got := decode[wire.AppendPipelineRequest](t, standard, f.data)
			if got.Ticket != 42 || got.Broken {
				t.Errorf("ticket %d, broken %v", got.Ticket, got.Broken)
			}
			f.check(t, got.Violations)
		})
	}
	if got := decode[wire.AppendPipelineRequest](t, standard, good[:len(good)-1]); !got.Broken {
		t.Errorf("a message that is cut short is not known as broken: %+v", got)
	}
}

func TestAnEventWithFaultsKeepsItsPlace(t *testing.T) {
	got := decode[wire.AppendRequest](t, standard, marshal(t, &stetv1.AppendRequest{
		Events: []*stetv1.NewEvent{jsonEvent("{"), fullEvent()},
	}))
	events := got.Append.Entries[0].Events
	if len(events) != 2 || events[0].Rest != nil {
		t.Fatalf("got %+v", events)
	}
	if diff := cmp.Diff(fullEvent(), protoEvent(t, &events[1]), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsAreListedUpToABound(t *testing.T) {
	request := &stetv1.AppendRequest{Stream: "a-1"}
	for range wire.MaxViolations {
		request.Events = append(request.Events, jsonEvent("{"))
	}
	if got := decode[wire.AppendRequest](t, standard, marshal(t, request)); len(got.Violations) != wire.MaxViolations {
		t.Errorf("at the bound: %d faults", len(got.Violations))
	}
	request.Events = append(request.Events, jsonEvent("{"))
	got := decode[wire.AppendRequest](t, standard, marshal(t, request))
	if len(got.Violations) != wire.MaxViolations || !got.Incomplete {
		t.Errorf("one above: %d faults, incomplete %v", len(got.Violations), got.Incomplete)
	}
}

// One below, at, and one above each limit that the codec itself holds.
func TestTheCodecHoldsItsLimits(t *testing.T) {
	one := &stetv1.AppendRequest{Stream: "a-1", Expectation: anyState(), Events: []*stetv1.NewEvent{jsonEvent("{}")}}
	size := proto.Size(one)
	for _, limit := range []int{size + 1, size, size - 1} {
		limits := storage.Limits{RequestBytes: limit}.WithDefaults()
		refused := limit < size
		unary := decode[wire.AppendRequest](t, limits, marshal(t, one))
		wantFaults(t, "request bytes", unary.Violations, refused, "request has ")
		pipelined := decode[wire.AppendPipelineRequest](t, limits, marshal(t, &stetv1.AppendPipelineRequest{Ticket: 1 << 60, Append: one}))
		wantFaults(t, "request bytes in a pipeline", pipelined.Violations, refused, "append has ")
		if pipelined.Ticket != 1<<60 || len(pipelined.Append.Entries) != 1 {
			t.Errorf("an append that is too large takes its ticket along: %+v", pipelined)
		}
	}
	for events := 1; events <= 4; events++ {
		limits := storage.Limits{RequestEvents: 3, RequestEntries: 3}.WithDefaults()
		request := &stetv1.AppendRequest{}
		inOne := &stetv1.AppendAtomicRequest{Entries: []*stetv1.AppendAtomicRequest_Entry{{}}}
		inMany := &stetv1.AppendAtomicRequest{}
		for range events {
			request.Events = append(request.Events, jsonEvent("{}"))
			inOne.Entries[0].Events = append(inOne.Entries[0].Events, jsonEvent("{}"))
			inMany.Entries = append(inMany.Entries, &stetv1.AppendAtomicRequest_Entry{})
		}
		refused := events > 3
		got := decode[wire.AppendRequest](t, limits, marshal(t, request))
		wantFaults(t, "events", got.Violations, refused, "events brings the request to 4 events; at most 3 are allowed")
		if kept := len(got.Append.Entries[0].Events); kept > 3 {
			t.Errorf("%d events are kept", kept)
		}
		wantFaults(t, "events of an entry", decode[wire.AppendAtomicRequest](t, limits, marshal(t, inOne)).Violations, refused, "entries[0].events brings")
		atomic := decode[wire.AppendAtomicRequest](t, limits, marshal(t, inMany))
		wantFaults(t, "entries", atomic.Violations, refused, "entries has 4 entries; at most 3 are allowed")
		if len(atomic.Append.Entries) > 3 {
			t.Errorf("%d entries are kept", len(atomic.Append.Entries))
		}
	}
}

func wantFaults(t *testing.T, what string, got []storage.Violation, refused bool, text string) {
	t.Helper()
	if !refused && got == nil {
		return
	}
	if !refused || len(got) != 1 || !strings.HasPrefix(got[0].Field+" "+got[0].Problem, text) {
		t.Errorf("%s: refused %v, got %q, want %q", what, refused, got, text)
	}
}

// poisoningPool is a pool whose buffers are overwritten as soon as they are
// free, as the next request would do.
type poisoningPool struct{ freed int }

func (p *poisoningPool) Get(size int) *[]byte { b := make([]byte, size); return &b }

func (p *poisoningPool) Put(b *[]byte) {
	p.freed++
	for i := range *b {
		(*b)[i] = 0xdb
	}
}

func TestADecodedRequestOutlivesTheBuffersItCameIn(t *testing.T) {
	big := fullEvent()
	big.Payload = &stetv1.NewEvent_Json{Json: `"` + strings.Repeat("x", 4096) + `"`}
	request := &stetv1.AppendRequest{Stream: "order-1", Expectation: anyState(), Events: []*stetv1.NewEvent{big}, RequestId: "r-1"}
	pool := &poisoningPool{}
	deliver := func(m proto.Message, into any) {
		data := marshal(t, m)
		half := len(data) / 2 // a message comes in several buffers
		var buffers mem.BufferSlice
		for _, part := range [][]byte{data[:half], data[half:]} {
			buffers = append(buffers, mem.NewBuffer(&part, pool))
		}
		if err := wire.NewCodec(standard).Unmarshal(buffers, into); err != nil {
			t.Fatal(err)
		}
		buffers.Free()
	}
	var single wire.AppendRequest
	deliver(request, &single)
	var pipelined wire.AppendPipelineRequest
	deliver(&stetv1.AppendPipelineRequest{Append: request}, &pipelined)
	var atomic wire.AppendAtomicRequest
	deliver(&stetv1.AppendAtomicRequest{
		Entries:   []*stetv1.AppendAtomicRequest_Entry{{Stream: request.Stream, Expectation: request.Expectation, Events: request.Events}},
		RequestId: "r-1",
	}, &atomic)
	if pool.freed != 6 {
		t.Fatalf("%d of 6 buffers were freed: the test shows nothing", pool.freed)
	}
	for _, p := range []wire.Proposal{single.Proposal, pipelined.Proposal, atomic.Proposal} {
		if len(p.Append.Entries) != 1 || len(p.Append.Entries[0].Events) != 1 {
			t.Fatalf("got %+v", p)
		}
		e := protoEntry(t, &p.Append.Entries[0])
		if diff := cmp.Diff(big, e.Events[0], protocmp.Transform()); diff != "" || e.Stream != "order-1" || p.Append.RequestID != "r-1" {
			t.Errorf("stream %q, request id %q, event (-sent +got):\n%s", e.Stream, p.Append.RequestID, diff)
		}
	}
}

func FuzzRequests(f *testing.F) {
	z := prooftest.Target(f)
	request := &stetv1.AppendRequest{Stream: "a-1", Expectation: anyState(), Events: []*stetv1.NewEvent{fullEvent(), jsonEvent("{}")}, RequestId: "r"}
	z.Add(marshal(f, request))
	z.Add(marshal(f, &stetv1.AppendPipelineRequest{Ticket: 1, Append: request, HaltOnError: true}))
	z.Add(marshal(f, &stetv1.AppendAtomicRequest{RequestId: "r", Entries: []*stetv1.AppendAtomicRequest_Entry{{Stream: "a-1", Expectation: anyState(), Events: request.Events}, {}}}))
	z.Add(join(varint(9, 1), field(2, 8, 9)))
	z.Run(func(t *testing.T, data []byte) {
		limits := storage.Limits{RequestEvents: 3, RequestEntries: 2}.WithDefaults()
		got := decode[wire.AppendRequest](t, limits, data)
		// Names are judged later, by what they mean.
		named := utf8.ValidString(got.Append.Entries[0].Stream) && utf8.ValidString(got.Append.RequestID)
		if len(got.Violations) == 0 && named {
			// Generated code reads what we took, and no more than that.
			var want stetv1.AppendRequest
			if err := proto.Unmarshal(data, &want); err != nil {
				t.Fatalf("generated code refuses what was accepted: %v", err)
			}
			e := protoEntry(t, &got.Append.Entries[0])
			if want.GetExpectation().GetKind() == nil || want.GetExpectation().GetState() == stetv1.Expectation_STATE_UNSPECIFIED && !isVersion(want.Expectation) {
				want.Expectation = nil // the same to us, and refused later
			} else if want.GetExpectation().GetState() == stetv1.Expectation_STATE_NO_STREAM {
				want.Expectation = &stetv1.Expectation{Kind: &stetv1.Expectation_Version{}}
			}
			for _, event := range want.Events {
				event.Id = strings.ToLower(event.Id)
			}
			back := &stetv1.AppendRequest{Stream: e.Stream, Expectation: e.Expectation, Events: e.Events, RequestId: got.Append.RequestID}
			if diff := cmp.Diff(&want, back, protocmp.Transform()); diff != "" {
				t.Errorf("generated code reads something else (-generated +ours):\n%s", diff)
			}
		}
		for _, p := range []wire.Proposal{
			got.Proposal,
			decode[wire.AppendAtomicRequest](t, limits, data).Proposal,
			decode[wire.AppendPipelineRequest](t, limits, data).Proposal,
		} {
			if len(p.Violations) > wire.MaxViolations || p.Append.EventCount() > 3 || len(p.Append.Entries) > 2 {
				t.Errorf("unbounded: %d faults, %d events, %d entries", len(p.Violations), p.Append.EventCount(), len(p.Append.Entries))
			}
			for _, v := range p.Violations {
				if v.Field == "" || v.Problem == "" {
					t.Errorf("says nothing: %q", v)
				}
			}
		}
	})
}

func isVersion(e *stetv1.Expectation) bool {
	_, ok := e.GetKind().(*stetv1.Expectation_Version)
	return ok
}

func TestUnknownFieldsInBulkCostLittle(t *testing.T) {
	data := make([]byte, 0, 1<<20)
	for len(data) < 1<<20 {
		data = protowire.AppendVarint(protowire.AppendTag(data, 9, protowire.VarintType), 0)
	}
	allocs := testing.AllocsPerRun(1, func() {
		if got := decode[wire.AppendPipelineRequest](t, standard, data); len(got.Violations) != wire.MaxViolations {
			t.Errorf("%d faults", len(got.Violations))
		}
	})
	if allocs > 500 {
		t.Errorf("%v allocations", allocs)
	}
}
