package requests

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/alloctest"
	"github.com/stet-db/stet/internal/prooftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compare fails when a message is not encoded as the general encoder does, and
// tells whether it was encoded here at all.
func compare(t rapid.TB, m proto.Message) bool {
	t.Helper()
	want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	size, ok := Size(m)
	if !ok {
		return false
	}
	got := bytes.Repeat([]byte{0xaa}, size) // as a pool gives them
	if !Encode(got, m) {
		if err == nil {
			t.Fatalf("left to the general encoder, which found nothing wrong: %v", m)
		}
		return false
	}
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%v\nencoded as\n%x, by the general encoder as\n%x (%v)", m, got, want, err)
	}
	return true
}

// fill draws every field that the descriptor has, so also those to come.
func fill(t *rapid.T, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !rapid.Bool().Draw(t, "has "+string(field.FullName())) {
			continue
		}
		switch {
		case field.IsMap():
			entries := m.Mutable(field).Map()
			for range rapid.SampledFrom([]int{1, 2, 3, usualEntries, usualEntries + 1}).Draw(t, "entries") {
				entries.Set(value(t, m, field.MapKey()).MapKey(), value(t, m, field.MapValue()))
			}
		case field.IsList():
			for range rapid.IntRange(1, 3).Draw(t, "elements") {
				list := m.Mutable(field).List()
				if field.Message() != nil {
					fill(t, list.AppendMutable().Message())
				} else {
					list.Append(value(t, m, field))
				}
			}
		case field.Message() != nil:
			fill(t, m.Mutable(field).Message())
		default:
			m.Set(field, value(t, m, field))
		}
	}
}

func value(t *rapid.T, m protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	name := string(field.FullName())
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(texts().Draw(t, name))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(texts().Draw(t, name)))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, name))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, name))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, name))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, name))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, name))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.Int32().Draw(t, name)))
	default:
		t.Fatalf("%s of %s is of a kind that this test does not know", name, m.Descriptor().FullName())
		return protoreflect.Value{}
	}
}

// texts are as long as lengths of one, two and three bytes say.
func texts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringN(0, 6, -1).Draw(t, "text")
		return s + strings.Repeat("x", rapid.SampledFrom([]int{0, 0, 0, 127, 128, 1 << 14}).Draw(t, "more"))
	})
}

func TestAppendsAreEncodedAsTheGeneralEncoderDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, m := range []proto.Message{new(stetv1.AppendRequest), new(stetv1.AppendPipelineRequest)} {
			fill(t, m.ProtoReflect())
			if !compare(t, m) {
				t.Fatalf("left to the general encoder: %v", m)
			}
		}
	})
}

// A field that is added to the API fails here until it is encoded, or left to
// the general encoder.
func TestEveryFieldOfAnAppendIsEncoded(t *testing.T) {
	var walk func(path string, whole proto.Message, part func() protoreflect.Message)
	walk = func(path string, whole proto.Message, part func() protoreflect.Message) {
		fields := part().Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			path := path + "." + string(field.Name())
			set := func() protoreflect.Message {
				m := part()
				return setOne(m, field)
			}
			if field.Message() != nil && !field.IsMap() {
				walk(path, whole, set)
			}
			proto.Reset(whole)
			set()
			t.Run(path, func(t *testing.T) { // also when it is given and empty
				if !compare(t, whole) {
					t.Error("left to the general encoder")
				}
			})
		}
	}
	whole := new(stetv1.AppendPipelineRequest)
	walk("", whole, whole.ProtoReflect)
}

// setOne gives one field something, and that if it is a message.
func setOne(m protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Message {
	some := func(field protoreflect.FieldDescriptor) protoreflect.Value {
		switch field.Kind() {
		case protoreflect.StringKind:
			return protoreflect.ValueOfString("text")
		case protoreflect.BytesKind:
			return protoreflect.ValueOfBytes([]byte("bytes"))
		case protoreflect.EnumKind:
			return protoreflect.ValueOfEnum(1)
		case protoreflect.BoolKind:
			return protoreflect.ValueOfBool(true)
		case protoreflect.Uint64Kind:
			return protoreflect.ValueOfUint64(1 << 40)
		case protoreflect.Uint32Kind:
			return protoreflect.ValueOfUint32(1 << 20)
		case protoreflect.Int64Kind:
			return protoreflect.ValueOfInt64(-1)
		case protoreflect.Int32Kind:
			return protoreflect.ValueOfInt32(-1)
		default:
			panic(fmt.Sprintf("%s is of a kind that this test does not know", field.FullName()))
		}
	}
	switch {
	case field.IsMap():
		m.Mutable(field).Map().Set(some(field.MapKey()).MapKey(), some(field.MapValue()))
	case field.IsList() && field.Message() != nil:
		return m.Mutable(field).List().AppendMutable().Message()
	case field.IsList():
		m.Mutable(field).List().Append(some(field))
	case field.Message() != nil:
		return m.Mutable(field).Message()
	default:
		m.Set(field, some(field))
	}
	return nil
}

func full() *stetv1.AppendPipelineRequest {
	return &stetv1.AppendPipelineRequest{
		Ticket: 300, HaltOnError: true,
		Append: &stetv1.AppendRequest{
			Stream: "order-17", RequestId: "r-1",
			Expectation: &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: 9}},
			Events: []*stetv1.NewEvent{
				{
					Id: "0196d0f2-5f0e-7c3a-9d52-0f6c3f3b6a01", Type: "OrderPlaced", OccurredAt: &timestamppb.Timestamp{Seconds: -1, Nanos: 5},
					Metadata: map[string]string{"b": "", "a": "1"}, Tags: []string{"y", "x"}, SchemaVersion: 2,
					Payload: &stetv1.NewEvent_Json{Json: "{}"},
				},
				{Payload: &stetv1.NewEvent_Binary{Binary: []byte{0}}},
			},
		},
	}
}

func TestWhatIsOddIsLeftToTheGeneralEncoder(t *testing.T) {
	unknown := func(m proto.Message) { m.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x01}) } // field 99
	for name, change := range map[string]func(*stetv1.AppendPipelineRequest){
		"a field unknown to a pipeline's request": func(m *stetv1.AppendPipelineRequest) { unknown(m) },
		"a field unknown to an append":            func(m *stetv1.AppendPipelineRequest) { unknown(m.Append) },
		"a field unknown to an expectation":       func(m *stetv1.AppendPipelineRequest) { unknown(m.Append.Expectation) },
		"a field unknown to an event":             func(m *stetv1.AppendPipelineRequest) { unknown(m.Append.Events[1]) },
		"a field unknown to a time":               func(m *stetv1.AppendPipelineRequest) { unknown(m.Append.Events[0].OccurredAt) },
		"an event that is not there":              func(m *stetv1.AppendPipelineRequest) { m.Append.Events[1] = nil },
		"JSON that is not there":                  func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Payload = (*stetv1.NewEvent_Json)(nil) },
		"bytes that are not there":                func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Payload = (*stetv1.NewEvent_Binary)(nil) },
		"a state that is not there":               func(m *stetv1.AppendPipelineRequest) { m.Append.Expectation.Kind = (*stetv1.Expectation_State_)(nil) },
		"a version that is not there":             func(m *stetv1.AppendPipelineRequest) { m.Append.Expectation.Kind = (*stetv1.Expectation_Version)(nil) },
		"a stream that is no UTF-8":               func(m *stetv1.AppendPipelineRequest) { m.Append.Stream = "\xff" },
		"a request id that is no UTF-8":           func(m *stetv1.AppendPipelineRequest) { m.Append.RequestId = "\xff" },
		"an id that is no UTF-8":                  func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Id = "\xff" },
		"a type that is no UTF-8":                 func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Type = "\xff" },
		"a tag that is no UTF-8":                  func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Tags[1] = "\xff" },
		"a key that is no UTF-8":                  func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Metadata["\xff"] = "" },
		"a value that is no UTF-8":                func(m *stetv1.AppendPipelineRequest) { m.Append.Events[0].Metadata["a"] = "\xff" },
		"data that is no UTF-8": func(m *stetv1.AppendPipelineRequest) {
			m.Append.Events[0].Payload = &stetv1.NewEvent_Json{Json: "\xff"}
		},
	} {
		m := full()
		if !compare(t, m) {
			t.Fatal("left to the general encoder before the change")
		}
		change(m)
		if compare(t, m) {
			t.Errorf("%s: encoded", name)
		}
	}
	for _, m := range []proto.Message{
		(*stetv1.AppendRequest)(nil), (*stetv1.AppendPipelineRequest)(nil), &stetv1.AppendAtomicRequest{RequestId: "r"}, nil,
	} {
		if _, ok := Size(m); ok {
			t.Errorf("%T %v has a size", m, m)
		}
	}
	if Encode(nil, &stetv1.AppendAtomicRequest{}) {
		t.Error("encoded a message of another type")
	}
}

// Somebody changes an append while it is being sent, which they must not:
// nothing that is half of it may leave.
func TestAMessageThatHasAnotherSizeNowIsLeftToTheGeneralEncoder(t *testing.T) {
	m := full()
	size, _ := Size(m)
	for length := range size + 2 {
		if Encode(make([]byte, length), m) != (length == size) {
			t.Errorf("%d bytes, in a buffer of %d", size, length)
		}
	}
}

// FuzzAppends: what the general decoder reads is encoded as the general encoder
// does, or left to it.
func FuzzAppends(f *testing.F) {
	z := prooftest.Target(f)
	for _, m := range []proto.Message{full(), full().Append, &stetv1.AppendPipelineRequest{Ticket: 1, Append: &stetv1.AppendRequest{}}} {
		wire, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		z.Add(wire)
	}
	z.Run(func(t *testing.T, wire []byte) {
		for _, m := range []proto.Message{new(stetv1.AppendRequest), new(stetv1.AppendPipelineRequest)} {
			if proto.Unmarshal(wire, m) == nil {
				compare(t, m)
			}
			// What is unknown is not encoded here; without it there is more to compare.
			if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(wire, m) == nil && !compare(t, m) {
				t.Errorf("left to the general encoder: %v", m)
			}
		}
	})
}

// usual is an append of one event of some 400 bytes.
func usual() *stetv1.AppendPipelineRequest {
	return &stetv1.AppendPipelineRequest{Ticket: 1000, Append: &stetv1.AppendRequest{
		Stream:      "order-17",
		Expectation: &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: stetv1.Expectation_STATE_ANY}},
		Events: []*stetv1.NewEvent{{
			Id: "0196d0f2-5f0e-7c3a-9d52-0f6c3f3b6a01", Type: "OrderPlaced",
			Metadata: map[string]string{"correlation_id": "0196d0f2-5f0e-7c3a", "actor": "customer:42"},
			Payload:  &stetv1.NewEvent_Json{Json: fmt.Sprintf("%0256d", 1)},
		}},
	}}
}

func paths() []alloctest.Path {
	m, into := usual(), make([]byte, 1000)
	return []alloctest.Path{{
		Name: "an append of one event", Ceiling: 0,
		Run: func() {
			if size, ok := Size(m); !ok || !Encode(into[:size], m) {
				panic("not encoded")
			}
		},
	}}
}

func TestAllocationsOfAppendsStayBelowTheirCeilings(t *testing.T) { alloctest.Check(t, paths()...) }

func BenchmarkEncode(b *testing.B) {
	m, into := usual(), make([]byte, 1000)
	general := alloctest.Path{Name: "by the general encoder", Run: func() {
		proto.Size(m)
		if _, err := (proto.MarshalOptions{Deterministic: true, UseCachedSize: true}).MarshalAppend(into[:0], m); err != nil {
			panic(err)
		}
	}}
	size := alloctest.Path{Name: "its size", Run: func() {
		if _, ok := Size(m); !ok {
			panic("no size")
		}
	}}
	alloctest.Benchmark(b, append(paths(), size, general)...)
}
