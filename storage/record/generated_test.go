package record_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// S1.1: id, stream and category, type, data, metadata, version and time are in
// every record, and generated code reads and writes the very bytes on disk.
func TestGeneratedCodeReadsAndWritesTheStoredBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message, at := anyEvent().Draw(t, "event"), anyPlace().Draw(t, "place")
		e, violations := record.ParseNewEvent(deterministic(t, message), standard)
		if violations != nil {
			t.Fatal(violations)
		}
		wire := at.stored(&e)

		want := recorded(message, at.stream, at.v, at.p, at.at)
		want.Id = e.ID.String()
		var read stetv1.RecordedEvent
		if err := proto.Unmarshal(wire, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, &read, protocmp.Transform()); diff != "" {
			t.Fatalf("generated code reads something else (-want +got):\n%s", diff)
		}
		if generated := deterministic(t, want); !bytes.Equal(generated, wire) {
			t.Fatalf("generated code writes\n%x, we write\n%x", generated, wire)
		}
		if size := record.RecordedSize(at.stream, at.v, at.p, at.at, &e); size != len(wire) {
			t.Fatalf("RecordedSize says %d, the event has %d bytes", size, len(wire))
		}
		if bound := record.SizeBound(at.stream, &e); len(wire) > bound || len(wire) < bound-35 {
			t.Fatalf("SizeBound says %d, the event has %d bytes", bound, len(wire))
		}
	})
}

func TestEveryWayOfWritingAnEventLeadsToOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := anyEvent().Draw(t, "event")
		canonical := deterministic(t, message)
		want, violations := record.ParseNewEvent(canonical, standard)
		if violations != nil {
			t.Fatal(violations)
		}
		seed := rapid.Uint64().Draw(t, "seed of the shuffle")
		shuffled := shuffle(canonical, rand.New(rand.NewPCG(seed, 0)))
		if !proto.Equal(message, unmarshal(t, shuffled)) {
			t.Fatalf("the shuffle changed the event:\n%x\n%x", canonical, shuffled)
		}
		forms := [][]byte{mustMarshal(t, message, false), shuffled}
		for _, wire := range forms {
			got, violations := record.ParseNewEvent(wire, standard)
			if violations != nil {
				t.Fatalf("%x: %v", wire, violations)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%x gives another event (-want +got):\n%s", wire, diff)
			}
		}
	})
}

// shuffle writes the fields of a canonical event in another order, tags and
// entries with longer varints, entries with the value first.
func shuffle(wire []byte, r *rand.Rand) []byte {
	var tags, others [][]byte
	for len(wire) > 0 {
		num, typ, n := protowire.ConsumeTag(wire)
		m := protowire.ConsumeFieldValue(num, typ, wire[n:])
		out := padVarint(protowire.EncodeTag(num, typ), r.IntN(2))
		if typ == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(wire[n:])
			if num == 13 {
				value = swapEntry(value, r)
			}
			out = append(append(out, padVarint(uint64(len(value)), r.IntN(3))...), value...)
		} else {
			v, _ := protowire.ConsumeVarint(wire[n:])
			out = append(out, padVarint(v, r.IntN(2))...)
		}
		if num == 14 {
			tags = append(tags, out) // their order says something
		} else {
			others = append(others, out)
		}
		wire = wire[n+m:]
	}
	r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	at := r.IntN(len(others) + 1)
	return bytes.Join(slices.Concat(others[:at], tags, others[at:]), nil)
}

// swapEntry writes the value before the key, or leaves out what is empty.
func swapEntry(entry []byte, r *rand.Rand) []byte {
	_, _, n := protowire.ConsumeField(entry)
	key, value := entry[:n], entry[n:]
	if len(value) == 2 && r.IntN(2) == 0 {
		return key
	}
	if r.IntN(2) == 0 {
		return slices.Concat(value, key)
	}
	return entry
}

// padVarint writes v with extra bytes behind the shortest form, as far as ten
// bytes allow.
func padVarint(v uint64, extra int) []byte {
	b := protowire.AppendVarint(nil, v)
	for ; extra > 0 && len(b) < 9; extra-- {
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return b
}

func TestAnEventTakenApartIsMadeAgainByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message, at := anyEvent().Draw(t, "event"), anyPlace().Draw(t, "place")
		e, violations := record.ParseNewEvent(deterministic(t, message), standard)
		if violations != nil {
			t.Fatal(violations)
		}
		wire := at.stored(&e)
		checkStored(t, wire, at, &e)
	})
}

// checkStored wants every reader of stored bytes to agree on them.
func checkStored(t rapid.TB, wire []byte, at place, e *storage.NewEvent) {
	t.Helper()
	decoded, err := record.Decode(wire)
	if err != nil {
		t.Fatal(err)
	}
	if decoded.Stream != at.stream || decoded.Version != at.v || decoded.Position != at.p || decoded.RecordedAt != at.at || decoded.ID != e.ID {
		t.Fatalf("decoded as %+v, want %+v", decoded, at)
	}
	again, violations := record.NewEventOf(&decoded, standard)
	if violations != nil {
		t.Fatal(violations)
	}
	split, err := record.Split(wire)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]storage.NewEvent{"NewEventOf": again, "Split": split} {
		if back := at.stored(&other); !bytes.Equal(back, wire) {
			t.Fatalf("%s leads to\n%x, want\n%x", name, back, wire)
		}
		if !record.SameContent(wire, &other) {
			t.Fatalf("%s leads to other content", name)
		}
	}
	stream, v, p, instant, err := record.Place(wire)
	if got := (place{string(stream), v, p, instant}); err != nil || got != at {
		t.Fatalf("Place says %+v, %v; want %+v", got, err, at)
	}
}

func TestNewEventOfJudgesAsParseNewEventDoes(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 300))
	texts := rapid.SampledFrom([]string{"", "a", "b", "$a", "a\n", long, "é"})
	rapid.Check(t, func(t *rapid.T) {
		message := anyEvent().Draw(t, "event")
		message.Type = texts.Draw(t, "type")
		message.Metadata = rapid.MapOfN(texts, rapid.Just(long), 0, 7).Draw(t, "metadata")
		message.Tags = rapid.SliceOfN(texts, 0, 5).Draw(t, "tags")
		if rapid.Bool().Draw(t, "has bad json") {
			message.Payload = &stetv1.NewEvent_Json{Json: rapid.SampledFrom([]string{"", "{", `{"a":1,"a":1}`}).Draw(t, "json")}
		}
		limits := standard
		limits.MetadataBytes = 1000
		parsed, violations := record.ParseNewEvent(deterministic(t, message), limits)
		e := eventOf(t, message)
		made, others := record.NewEventOf(e, limits)
		if diff := cmp.Diff(violations, others); diff != "" {
			t.Fatalf("other violations (-parsed +made):\n%s", diff)
		}
		if diff := cmp.Diff(parsed, made); diff != "" {
			t.Fatalf("another event (-parsed +made):\n%s", diff)
		}
	})
}

func mustMarshal(t rapid.TB, m proto.Message, sorted bool) []byte {
	wire, err := proto.MarshalOptions{Deterministic: sorted}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func unmarshal(t rapid.TB, wire []byte) *stetv1.NewEvent {
	var m stetv1.NewEvent
	if err := proto.Unmarshal(wire, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}
