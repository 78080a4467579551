package transport

import (
	"bytes"
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func eventWithMetadata(entries int, payload []byte) *stetv1.NewEvent {
	e := &stetv1.NewEvent{Type: "Happened", Metadata: map[string]string{}, SchemaVersion: 2, Tags: []string{"b", "a"}, Payload: &stetv1.NewEvent_Binary{Binary: payload}}
	for i := range entries {
		e.Metadata[fmt.Sprintf("key-%03d", i)] = "v"
	}
	return e
}

// The server stores the bytes it is sent when they are canonical: ascending
// fields, metadata sorted by key.
func TestWhatIsSentIsInCanonicalForm(t *testing.T) {
	// Above and below the size from which buffers come from a pool.
	for _, payload := range []int{1, 5000} {
		e := eventWithMetadata(40, make([]byte, payload))
		slices, err := newCodec().Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		wire := slices.Materialize()
		slices.Free()
		var lastField protowire.Number
		var lastEntry []byte
		for rest := wire; len(rest) > 0; {
			field, _, n := protowire.ConsumeField(rest)
			if n < 0 || field < lastField {
				t.Fatalf("field %d after %d", field, lastField)
			}
			entry := rest[:n]
			if field == 13 && lastField == 13 && bytes.Compare(entry, lastEntry) <= 0 {
				t.Fatalf("metadata %q after %q", entry, lastEntry)
			}
			lastField, lastEntry, rest = field, entry, rest[n:]
		}
		var back stetv1.NewEvent
		if err := newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, &back); err != nil || !proto.Equal(e, &back) {
			t.Errorf("%v: read back %v", err, &back)
		}
	}
}

func TestTheCodecRefusesWhatIsNoMessage(t *testing.T) {
	if _, err := newCodec().Marshal("text"); err == nil {
		t.Error("marshalled a string")
	}
	if _, err := newCodec().Marshal(&stetv1.NewEvent{Type: "\xff"}); err == nil {
		t.Error("marshalled a string that is not UTF-8")
	}
	if name := newCodec().Name(); name != "proto" {
		t.Errorf("name %q: the content type would change", name)
	}
}

// What package requests cannot encode is sent, or refused, as ever.
func TestAppendsAreSentAsTheGeneralEncoderWould(t *testing.T) {
	unknown := &stetv1.AppendRequest{Stream: "a-1"}
	unknown.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
	// Above and below the size from which buffers come from a pool.
	for _, payload := range []int{1, 5000} {
		event := eventWithMetadata(40, make([]byte, payload))
		for _, m := range []*stetv1.AppendPipelineRequest{
			{Ticket: 1, HaltOnError: true, Append: &stetv1.AppendRequest{Stream: "a-1", Events: []*stetv1.NewEvent{event, event}}},
			{Ticket: 1, Append: &stetv1.AppendRequest{Events: []*stetv1.NewEvent{event, nil}}},
			{Ticket: 1, Append: unknown},
			{Ticket: 1, Append: &stetv1.AppendRequest{Stream: "\xff", Events: []*stetv1.NewEvent{event}}},
		} {
			want, wrong := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			slices, err := newCodec().Marshal(m)
			if fmt.Sprint(err) != fmt.Sprint(wrong) {
				t.Errorf("error %v, want %v", err, wrong)
			}
			if err != nil {
				continue
			}
			if got := slices.Materialize(); !bytes.Equal(got, want) {
				t.Errorf("sent %x, want %x", got, want)
			}
			slices.Free()
		}
	}
}
