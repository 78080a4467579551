package pages

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/alloctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// targets are new messages of the types that are decoded here.
func targets() []proto.Message {
	return []proto.Message{
		new(stetv1.ReadAllResponse), new(stetv1.ReadStreamResponse), new(stetv1.SubscribeResponse),
		new(stetv1.AppendResponse), new(stetv1.AppendPipelineResponse),
	}
}

// compare fails when a message that was decoded here is not what the general
// decoder makes of it. It tells how many of the types were decoded.
func compare(t rapid.TB, wire []byte) (decoded int) {
	t.Helper()
	for _, got := range targets() {
		if !Decode(wire, got) {
			continue
		}
		decoded++
		want := got.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(wire, want); err != nil {
			t.Fatalf("%T: decoded %x, which is wrong: %v", got, wire, err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("%T of %x:\n%v, want\n%v", got, wire, got, want)
		}
	}
	return decoded
}

func drawEvent(t *rapid.T) *stetv1.RecordedEvent {
	text := rapid.StringN(0, 12, -1)
	e := &stetv1.RecordedEvent{
		Stream: text.Draw(t, "stream"), Version: rapid.Uint64().Draw(t, "version"), Position: rapid.Uint64().Draw(t, "position"),
		SchemaVersion: rapid.Uint32().Draw(t, "schema"), Id: text.Draw(t, "id"), Type: text.Draw(t, "type"),
		Metadata: rapid.MapOfN(text, text, 0, 4).Draw(t, "metadata"), Tags: rapid.SliceOfN(text, 0, 4).Draw(t, "tags"),
	}
	e.RecordedAt, e.OccurredAt = drawTime(t, "recorded"), drawTime(t, "occurred")
	size := rapid.SampledFrom([]int{0, 1, 100, wholeBytes, 5_000}).Draw(t, "size of the data")
	switch data := make([]byte, size); rapid.IntRange(0, 2).Draw(t, "payload") {
	case 1:
		e.Payload = &stetv1.RecordedEvent_Json{Json: string(data)}
	case 2:
		e.Payload = &stetv1.RecordedEvent_Binary{Binary: data}
	}
	return e
}

func drawTime(t *rapid.T, name string) *timestamppb.Timestamp {
	if rapid.Bool().Draw(t, name+" absent") {
		return nil
	}
	return &timestamppb.Timestamp{Seconds: rapid.Int64().Draw(t, name), Nanos: rapid.Int32().Draw(t, name+" nanos")}
}

func TestPagesAreDecodedAsTheGeneralDecoderDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 0, 4).Draw(t, "events")
		wire := marshal(t, &stetv1.ReadStreamResponse{
			Events: events, ScannedTo: rapid.Uint64().Draw(t, "scanned"), Head: rapid.Uint64().Draw(t, "head"),
			StreamVersion: rapid.Uint64().Draw(t, "stream version"), Done: rapid.Bool().Draw(t, "done"),
		})
		if !Decode(wire, new(stetv1.ReadStreamResponse)) {
			t.Fatal("left to the general decoder")
		}
		compare(t, wire)
		alone := marshal(t, &stetv1.SubscribeResponse{Events: events})
		compare(t, alone)
		for _, m := range targets()[:3] {
			if !Decode(alone, m) {
				t.Fatalf("events alone were left to the general decoder of %T", m)
			}
		}
		compareDamaged(t, wire)
	})
}

// compareDamaged compares whatever a byte more, less or other makes of a
// message.
func compareDamaged(t *rapid.T, wire []byte) {
	at := rapid.IntRange(0, max(0, min(len(wire)-1, 400))).Draw(t, "at")
	if len(wire) > 0 {
		compare(t, wire[:at])
		wire[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		compare(t, wire)
	}
}

func TestAnswersToAppendsAreDecodedAsTheGeneralDecoderDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answer := &stetv1.AppendResponse{
			FirstVersion: rapid.Uint64().Draw(t, "first"), LastVersion: rapid.Uint64().Draw(t, "last"),
			FirstPosition: rapid.Uint64().Draw(t, "first position"), LastPosition: rapid.Uint64().Draw(t, "last position"),
			RecordedAt: drawTime(t, "recorded"), Ids: rapid.SliceOfN(rapid.StringN(0, 12, -1), 0, 4).Draw(t, "ids"),
			Replayed: rapid.Bool().Draw(t, "replayed"),
		}
		pipelined := &stetv1.AppendPipelineResponse{
			Ticket: rapid.Uint64().Draw(t, "ticket"), Outcome: &stetv1.AppendPipelineResponse_Appended{Appended: answer},
		}
		for _, m := range []proto.Message{answer, pipelined, &stetv1.AppendPipelineResponse{Ticket: 1}} {
			wire := marshal(t, m)
			if !Decode(wire, m.ProtoReflect().New().Interface()) {
				t.Fatalf("left to the general decoder: %v", m)
			}
			compare(t, wire)
			compareDamaged(t, wire)
		}
		pipelined.Outcome = &stetv1.AppendPipelineResponse_Error{Error: &stetv1.Error{Code: 10, Reason: "CONFLICT"}}
		compare(t, marshal(t, pipelined))
	})
}

func marshal(t rapid.TB, m proto.Message) []byte {
	t.Helper()
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func TestWhatIsOddIsLeftToTheGeneralDecoder(t *testing.T) {
	field := func(n protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), v)
	}
	number := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	event := func(body ...[]byte) []byte { return field(1, string(join(body...))) }
	for name, wire := range map[string][]byte{
		"a field from the future":           number(99, 1),
		"a field from the future in events": event(number(6, 1)),
		"a field of a large number":         number(1<<20, 1),
		"fields that fall":                  join(number(3, 1), number(2, 1)),
		"a field twice":                     join(number(2, 1), number(2, 2)),
		"an event behind a number":          join(number(2, 1), event()),
		"a text twice":                      event(field(fieldStream, "a"), field(fieldStream, "b")),
		"a text that is no UTF-8":           event(field(fieldStream, "\xff")),
		"a tag that is no UTF-8":            event(field(fieldTags, "\xff")),
		"data that is no UTF-8":             event(field(fieldJSON, "\xff")),
		"metadata that is no UTF-8":         event(field(fieldMetadata, string(field(2, "\xff")))),
		"an id that is no UTF-8":            field(fieldIDs, "\xff"),
		"an answer with such an id":         field(2, string(field(fieldIDs, "\xff"))),
		"an answer twice":                   join(field(2, ""), field(2, "")),
		"a refusal":                         join(number(1, 1), field(3, "")),
		"two kinds of data":                 event(field(fieldJSON, "{}"), field(fieldBinary, "x")),
		"a number where a text should be":   event(number(fieldStream, 1)),
		"a text where a number should be":   event(field(fieldVersion, "1")),
		"an entry with a third field":       event(field(fieldMetadata, string(field(3, "x")))),
		"a time with a third field":         event(field(fieldRecordedAt, string(number(3, 1)))),
		"a length beyond the end":           {tagEvents, 9, 1},
		"a number without an end":           {2 << 3, 0x80},
	} {
		if n := compare(t, wire); n != 0 {
			t.Errorf("%s: %d types decoded it", name, n)
		}
	}
	if Decode(nil, new(stetv1.GetHeadResponse)) {
		t.Error("decoded a message of another type")
	}
}

func TestAKeptEventIsItsOwn(t *testing.T) {
	binary := &stetv1.RecordedEvent{Stream: "s", Payload: &stetv1.RecordedEvent_Binary{Binary: []byte("abc")}}
	wire := marshal(t, &stetv1.ReadAllResponse{Events: []*stetv1.RecordedEvent{binary, binary}})
	var m stetv1.ReadAllResponse
	if !Decode(wire, &m) {
		t.Fatal("not decoded")
	}
	clear(wire) // as the pool's next user may
	got := m.GetEvents()[0].GetBinary()
	copy(got, "xyz")
	_ = append(got, '!')
	if !proto.Equal(m.GetEvents()[1], binary) {
		t.Errorf("the second event became %v", m.GetEvents()[1])
	}
}

// page is a message as the server fills it, of events of some 400 bytes.
func page(t testing.TB) []byte {
	m := &stetv1.ReadAllResponse{ScannedTo: 76, Head: 300_000}
	for i := range uint64(76) {
		m.Events = append(m.Events, &stetv1.RecordedEvent{
			Stream: fmt.Sprintf("order-%d", i), Version: 1, Position: i + 1, RecordedAt: timestamppb.Now(),
			Id: "0196d0f2-5f0e-7c3a-9d52-0f6c3f3b6a01", Type: "OrderPlaced",
			Metadata: map[string]string{"correlation_id": "0196d0f2-5f0e-7c3a", "actor": "customer:42"},
			Payload:  &stetv1.RecordedEvent_Json{Json: fmt.Sprintf("%0256d", i)},
		})
	}
	return marshal(t, m)
}

func paths(t testing.TB) []alloctest.Path {
	wire := page(t)
	answer := marshal(t, &stetv1.AppendPipelineResponse{Ticket: 1000, Outcome: &stetv1.AppendPipelineResponse_Appended{Appended: &stetv1.AppendResponse{
		FirstVersion: 1, LastVersion: 1, FirstPosition: 1 << 20, LastPosition: 1 << 20, RecordedAt: timestamppb.Now(),
		Ids: []string{"0196d0f2-5f0e-7c3a-9d52-0f6c3f3b6a01"},
	}}})
	return []alloctest.Path{{
		Name: "the answer to an append in a pipeline", Ceiling: 4,
		Run: func() {
			if !Decode(answer, new(stetv1.AppendPipelineResponse)) {
				panic("not decoded")
			}
		},
	}, {
		Name: "a page of 76 events", Ceiling: 76*4 + 2,
		Run: func() {
			if !Decode(wire, new(stetv1.ReadAllResponse)) {
				panic("not decoded")
			}
		},
	}}
}

func TestAllocationsOfPagesStayBelowTheirCeilings(t *testing.T) { alloctest.Check(t, paths(t)...) }

func BenchmarkDecode(b *testing.B) {
	general := alloctest.Path{Name: "by the general decoder"}
	wire := page(b)
	general.Run = func() {
		if err := proto.Unmarshal(wire, new(stetv1.ReadAllResponse)); err != nil {
			panic(err)
		}
	}
	alloctest.Benchmark(b, append(paths(b), general)...)
}
