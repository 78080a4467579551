package wire_test

import (
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	someID = "0190d5c8-1111-7abc-8def-0123456789ab"
	micros = 1_700_000_000_123_456
)

var standard = storage.Limits{}.WithDefaults()

// tb is a test, or a run of one by rapid.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func marshal(t tb, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decode is what a server with the limits makes of the bytes.
func decode[T any](t tb, limits storage.Limits, data []byte) *T {
	t.Helper()
	out := new(T)
	if err := wire.NewCodec(limits).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, out); err != nil {
		t.Fatalf("the codec refuses %x: %v", data, err)
	}
	return out
}

// encode is what a server sends for the message.
func encode(t tb, m any) []byte {
	t.Helper()
	b, err := wire.NewCodec(standard).Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	return b.Materialize()
}

// sent is what a client makes of the message that a server sends.
func sent[T proto.Message](t tb, m any, into T) T {
	t.Helper()
	if err := proto.Unmarshal(encode(t, m), into); err != nil {
		t.Fatal(err)
	}
	return into
}

func anyState() *stetv1.Expectation {
	return &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: stetv1.Expectation_STATE_ANY}}
}

func jsonEvent(json string) *stetv1.NewEvent {
	return &stetv1.NewEvent{Type: "Happened", Payload: &stetv1.NewEvent_Json{Json: json}}
}

func fullEvent() *stetv1.NewEvent {
	return &stetv1.NewEvent{
		Id:            someID,
		Type:          "OrderPlaced",
		OccurredAt:    &timestamppb.Timestamp{Seconds: -5, Nanos: 999_999_999},
		Metadata:      map[string]string{"b": "2", "a": "1", "empty": ""},
		Tags:          []string{"customer:42", "a"},
		SchemaVersion: 7,
		Payload:       &stetv1.NewEvent_Json{Json: `{"total": 12.50}`},
	}
}

// field is a length-delimited field, for messages that no client library
// writes.
func field(num protowire.Number, value ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), value)
}

func varint(num protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), value)
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// protoEvent is the event as a client stated it: the reverse of decoding, by
// way of package record and generated code.
func protoEvent(t tb, e *storage.NewEvent) *stetv1.NewEvent {
	t.Helper()
	stated := *e
	if stated.ServerMadeID {
		stated.ID = storage.EventID{15: 1}
	}
	var r stetv1.RecordedEvent
	if err := proto.Unmarshal(record.AppendRecorded(nil, "s", 1, 1, 0, &stated), &r); err != nil {
		t.Fatal(err)
	}
	out := &stetv1.NewEvent{
		Id: r.Id, Type: r.Type, OccurredAt: r.OccurredAt, Metadata: r.Metadata, Tags: r.Tags, SchemaVersion: r.SchemaVersion,
	}
	if e.ServerMadeID {
		out.Id = ""
	}
	switch p := r.Payload.(type) {
	case *stetv1.RecordedEvent_Json:
		out.Payload = &stetv1.NewEvent_Json{Json: p.Json}
	case *stetv1.RecordedEvent_Binary:
		out.Payload = &stetv1.NewEvent_Binary{Binary: p.Binary}
	}
	return out
}

func protoEntry(t tb, e *storage.Entry) *stetv1.AppendAtomicRequest_Entry {
	t.Helper()
	out := &stetv1.AppendAtomicRequest_Entry{Stream: e.Stream}
	switch v, exact := e.Expectation.Exact(); {
	case exact:
		out.Expectation = &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: uint64(v)}}
	case e.Expectation.IsAny():
		out.Expectation = anyState()
	case e.Expectation.IsExists():
		out.Expectation = &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: stetv1.Expectation_STATE_EXISTS}}
	}
	for i := range e.Events {
		out.Events = append(out.Events, protoEvent(t, &e.Events[i]))
	}
	return out
}

func anyExpectation() *rapid.Generator[*stetv1.Expectation] {
	return rapid.Custom(func(t *rapid.T) *stetv1.Expectation {
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return anyState()
		case 1:
			return &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: stetv1.Expectation_STATE_EXISTS}}
		default:
			return &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: rapid.Uint64().Draw(t, "version")}}
		}
	})
}

func anyName() *rapid.Generator[string] { return rapid.StringMatching(`[a-zä]{1,10}-[0-9]{1,5}`) }

func anyEvent() *rapid.Generator[*stetv1.NewEvent] {
	return rapid.Custom(func(t *rapid.T) *stetv1.NewEvent {
		e := &stetv1.NewEvent{
			Id:            rapid.SampledFrom([]string{"", someID}).Draw(t, "id"),
			Type:          anyName().Draw(t, "type"),
			Metadata:      rapid.MapOfN(anyName(), rapid.String(), 0, 5).Draw(t, "metadata"),
			Tags:          rapid.SliceOfNDistinct(anyName(), 0, 5, rapid.ID[string]).Draw(t, "tags"),
			SchemaVersion: rapid.Uint32().Draw(t, "schema version"),
		}
		if rapid.Bool().Draw(t, "has time") {
			e.OccurredAt = &timestamppb.Timestamp{
				Seconds: rapid.Int64Range(-62_135_596_799, 253_402_300_799).Draw(t, "seconds"),
				Nanos:   rapid.Int32Range(0, 999_999_999).Draw(t, "nanos"),
			}
		}
		if rapid.Bool().Draw(t, "is json") {
			e.Payload = &stetv1.NewEvent_Json{Json: rapid.SampledFrom([]string{`{}`, `null`, ` [1, 2] `, `{"a":"é"}`}).Draw(t, "json")}
		} else {
			e.Payload = &stetv1.NewEvent_Binary{Binary: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "binary")}
		}
		return e
	})
}

func anyEntry(minEvents int) *rapid.Generator[*stetv1.AppendAtomicRequest_Entry] {
	return rapid.Custom(func(t *rapid.T) *stetv1.AppendAtomicRequest_Entry {
		return &stetv1.AppendAtomicRequest_Entry{
			Stream:      anyName().Draw(t, "stream"),
			Expectation: anyExpectation().Draw(t, "expectation"),
			Events:      rapid.SliceOfN(anyEvent(), minEvents, 4).Draw(t, "events"),
		}
	})
}
