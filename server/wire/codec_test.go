package wire_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/storagetest"
)

// stored are the bytes of an event as they lie on disk.
func stored(n uint64, json string) []byte {
	e := storagetest.Propose(n, "Happened", json, "tag")
	return record.AppendRecorded(nil, "a-1", 1, 1, micros, &e)
}

func TestStoredEventsAndATrailerAreOneAnswer(t *testing.T) {
	first, second := stored(1, `{"n":1}`), stored(2, `{"n":2}`)
	frames := record.AppendFrame(record.AppendFrame(nil, first), second)
	events := make([]*stetv1.RecordedEvent, 2)
	for i, b := range [][]byte{first, second} {
		events[i] = new(stetv1.RecordedEvent)
		if err := proto.Unmarshal(b, events[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name      string
		out       *wire.Events
		got, want proto.Message
	}{
		{
			"ReadStream", &wire.Events{Frames: frames, Trailer: &stetv1.ReadStreamResponse{ScannedTo: 2, Head: 9, StreamVersion: 2, Done: true}},
			new(stetv1.ReadStreamResponse), &stetv1.ReadStreamResponse{Events: events, ScannedTo: 2, Head: 9, StreamVersion: 2, Done: true},
		},
		{
			"ReadAll", &wire.Events{Frames: frames, Trailer: &stetv1.ReadAllResponse{ScannedTo: 2, Head: 9, Done: true}},
			new(stetv1.ReadAllResponse), &stetv1.ReadAllResponse{Events: events, ScannedTo: 2, Head: 9, Done: true},
		},
		{
			"Subscribe", &wire.Events{Frames: frames, Trailer: &stetv1.SubscribeResponse{CaughtUp: &stetv1.SubscribeResponse_CaughtUp{Cursor: 2, Head: 2}}},
			new(stetv1.SubscribeResponse), &stetv1.SubscribeResponse{Events: events, CaughtUp: &stetv1.SubscribeResponse_CaughtUp{Cursor: 2, Head: 2}},
		},
		{"events alone", &wire.Events{Frames: frames}, new(stetv1.ReadAllResponse), &stetv1.ReadAllResponse{Events: events}},
		{"a trailer alone", &wire.Events{Trailer: &stetv1.ReadAllResponse{Head: 3}}, new(stetv1.ReadAllResponse), &stetv1.ReadAllResponse{Head: 3}},
		{"nothing", &wire.Events{}, new(stetv1.ReadAllResponse), &stetv1.ReadAllResponse{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, sent(t, c.out, c.got), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFramesAreSentWithoutACopy(t *testing.T) {
	frames := record.AppendFrame(nil, stored(1, "{}"))
	for _, recycle := range []bool{false, true} {
		if recycle {
			frames = append(wire.FrameBuffer(32<<10), frames...)
		}
		out, err := wire.NewCodec(standard).Marshal(&wire.Events{Frames: frames, Recycle: recycle, Trailer: &stetv1.ReadAllResponse{Head: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out) != 2 || &out[0].ReadOnlyData()[0] != &frames[0] {
			t.Errorf("recycle %v: frames are not the first buffer of %d", recycle, len(out))
		}
		out.Free()
	}
}

func TestOtherMessagesGoThroughPackageProto(t *testing.T) {
	codec := wire.NewCodec(standard)
	if codec.Name() != "proto" {
		t.Errorf("the content subtype is %q", codec.Name())
	}
	for _, m := range []proto.Message{
		&healthv1.HealthCheckRequest{Service: "x"},
		&stetv1.AppendRequest{Stream: "what a client holds"},
		&stetv1.GetStreamResponse{Stream: "s", Version: 3},
	} {
		data, err := codec.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := m.ProtoReflect().New().Interface()
		if err := codec.Unmarshal(data, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
	if err := codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer{0xff}}, new(stetv1.GetHeadRequest)); err == nil {
		t.Error("a cold message that is broken is taken")
	}
	if _, err := codec.Marshal("no message"); err == nil {
		t.Error("a string is taken for a message")
	}
}

func TestRawPassesBytes(t *testing.T) {
	in := wire.Raw("anything \xff")
	if got := encode(t, &in); !bytes.Equal(got, in) {
		t.Errorf("sent %q", got)
	}
	if got := decode[wire.Raw](t, standard, in); !bytes.Equal(*got, in) {
		t.Errorf("received %q", *got)
	}
}
