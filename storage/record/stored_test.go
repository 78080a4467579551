package record_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// header is the server's part of a stored event.
var header = join(bytesField(1, "a"), varintField(2, 1), varintField(3, 9), bytesField(4, ""), bytesField(10, idText))

// mustRefuse wants wires that are not canonical to be called damage by all who
// read them as a whole.
func mustRefuse(t *testing.T, wires map[string][]byte) {
	t.Helper()
	for name, wire := range wires {
		e, err := record.Decode(wire)
		if !isCorruption(err) || e.Type != "" {
			t.Errorf("%s: Decode gives %+v, %v", name, e, err)
		}
		if s, err := record.Split(wire); !isCorruption(err) || s.Rest != nil {
			t.Errorf("%s: Split gives %+v, %v", name, s, err)
		}
	}
}

func TestTheServersPartIsReadBackInCanonicalFormOnly(t *testing.T) {
	h := join
	stream, version, position, at, id := bytesField(1, "a"), varintField(2, 1), varintField(3, 9), bytesField(4, ""), bytesField(10, idText)
	typ, payload := bytesField(11, "T"), jsonField("{}")
	mustRefuse(t, map[string][]byte{
		"nothing":                       nil,
		"an empty stream":               h(bytesField(1, ""), version, position, at, id, typ, payload),
		"a stream that is no UTF-8":     h(bytesField(1, "\xff"), version, position, at, id, typ, payload),
		"a long tag":                    h([]byte{0x8a, 0, 1, 'a'}, version, position, at, id, typ, payload),
		"a long length":                 h([]byte{0x0a, 0x81, 0, 'a'}, version, position, at, id, typ, payload),
		"no version":                    h(stream, position, at, id, typ, payload),
		"version 0":                     h(stream, varintField(2, 0), position, at, id, typ, payload),
		"a long version":                h(stream, []byte{0x10, 0x81, 0x00}, position, at, id, typ, payload),
		"position 0":                    h(stream, version, varintField(3, 0), at, id, typ, payload),
		"no recorded_at":                h(stream, version, position, id, typ, payload),
		"nanoseconds in recorded_at":    h(stream, version, position, bytesField(4, string(varintField(2, 1))), id, typ, payload),
		"too many nanos in recorded_at": h(stream, version, position, bytesField(4, string(varintField(2, 1e9))), id, typ, payload),
		"a recorded_at beyond all":      h(stream, version, position, bytesField(4, string(varintField(1, math.MaxInt64))), id, typ, payload),
		"seconds of 0":                  h(stream, version, position, bytesField(4, "\x08\x00"), id, typ, payload),
		"half a recorded_at":            h(stream, version, position, bytesField(4, "\x08"), id, typ, payload),
		"schema version 0":              h(stream, version, position, at, varintField(5, 0), id, typ, payload),
		"a schema version too high":     h(stream, version, position, at, varintField(5, 1<<32), id, typ, payload),
		"no id":                         h(stream, version, position, at, typ, payload),
		"a short id":                    h(stream, version, position, at, bytesField(10, idText[:35]), typ, payload),
		"an id in upper case":           h(stream, version, position, at, bytesField(10, upper), typ, payload),
		"an id that is none":            h(stream, version, position, at, bytesField(10, strings.Repeat("x", 36)), typ, payload),
		"an id twice":                   h(header, id, typ, payload),
		"another order":                 h(stream, position, version, at, id, typ, payload),
		"a field of the server to come": h(stream, version, position, at, varintField(6, 1), id, typ, payload),
	})
}

func TestTheClientsPartIsReadBackInCanonicalFormOnly(t *testing.T) {
	h, typ, payload := join, bytesField(11, "T"), jsonField("{}")
	mustRefuse(t, map[string][]byte{
		"the client's schema version":     h(header, typ, varintField(15, 1), payload),
		"no type":                         h(header, payload),
		"an empty type":                   h(header, bytesField(11, ""), payload),
		"a type that is no UTF-8":         h(header, bytesField(11, "\xff"), payload),
		"a type twice":                    h(header, typ, typ, payload),
		"no payload":                      h(header, typ),
		"no fields of the client":         header,
		"an empty payload":                h(header, typ, jsonField("")),
		"json that is no UTF-8":           h(header, typ, jsonField("\xff")),
		"two payloads":                    h(header, typ, payload, payload),
		"the payload first":               h(header, payload, typ),
		"metadata out of order":           h(header, typ, bytesField(13, string(entry("b", ""))), bytesField(13, string(entry("a", ""))), payload),
		"a key twice":                     h(header, typ, bytesField(13, string(entry("a", ""))), bytesField(13, string(entry("a", ""))), payload),
		"a value that is no UTF-8":        h(header, typ, bytesField(13, string(entry("a", "\xff"))), payload),
		"a key that is no UTF-8":          h(header, typ, bytesField(13, string(entry("\xff", ""))), payload),
		"an entry without value":          h(header, typ, bytesField(13, string(bytesField(1, "a"))), payload),
		"a tag twice":                     h(header, typ, bytesField(14, "a"), bytesField(14, "a"), payload),
		"a tag that is no UTF-8":          h(header, typ, bytesField(14, "\xff"), payload),
		"too many tags":                   h(header, typ, manyTags(257), payload),
		"an occurred_at out of range":     h(header, typ, bytesField(12, string(varintField(1, math.MaxInt64))), payload),
		"an occurred_at that is not read": h(header, typ, bytesField(12, "\x18\x01"), payload),
		"something unknown":               h(header, typ, payload, varintField(102, 1)),
		"something behind":                h(header, typ, payload, []byte{0}),
	})
	if _, err := record.Decode(join(header, typ, manyTags(256), payload)); err != nil {
		t.Errorf("256 tags: %v", err)
	}
}

func manyTags(n int) []byte {
	var out []byte
	for _, tag := range tags(n) {
		out = append(out, bytesField(14, tag)...)
	}
	return out
}

// A stored event that is cut or has a bit turned is caught by its seal. Without
// the seal it must still never be read as anything but itself.
func TestEveryTruncationAndFlipOfTheWireIsRefusedOrReadAsItIs(t *testing.T) {
	for _, s := range samples(t) {
		wire := s.wire(t)
		for n := range wire {
			if _, err := record.Decode(wire[:n]); !isCorruption(err) {
				t.Fatalf("%s cut to %d bytes: %v", s.golden, n, err)
			}
			if _, _, _, _, err := record.Place(wire[:n]); err != nil && !isCorruption(err) {
				t.Fatalf("%s cut to %d bytes: Place says %v", s.golden, n, err)
			}
		}
		for bit := range len(wire) * 8 {
			flipped := flip(wire, bit)
			e, err := record.Decode(flipped)
			if err != nil {
				if !isCorruption(err) {
					t.Fatalf("%s with bit %d turned: %v", s.golden, bit, err)
				}
				continue
			}
			var generated stetv1.RecordedEvent
			if err := proto.Unmarshal(flipped, &generated); err != nil || generated.GetType() != e.Type || generated.GetVersion() != uint64(e.Version) {
				t.Fatalf("%s with bit %d turned is read as %+v, by generated code as %v, %v", s.golden, bit, e, &generated, err)
			}
		}
	}
}

func flip(b []byte, bit int) []byte {
	out := bytes.Clone(b)
	out[bit/8] ^= 1 << (bit % 8)
	return out
}

func TestPlaceNamesWhatItCouldNotRead(t *testing.T) {
	wire := samples(t)[1].wire(t)
	broken := bytes.Replace(wire, []byte{0x22, 0x09}, []byte{0x22, 0x08}, 1)
	_, _, _, _, err := record.Place(broken)
	var corruption *storage.CorruptionError
	if !errors.As(err, &corruption) || corruption.Where != "the event at position 42" {
		t.Errorf("got %v", err)
	}
}

func TestInstantsOfAllSignsAreKept(t *testing.T) {
	e := parse(t, deterministic(t, simple()))
	for _, at := range []storage.Instant{0, 1, -1, 999_999, 1_000_000, 1_000_001, -999_999, -1_000_000, -1_000_001, math.MaxInt64, math.MinInt64} {
		wire := place{"a", 1, 1, at}.stored(&e)
		if _, _, _, got, err := record.Place(wire); err != nil || got != at {
			t.Errorf("%d is read as %d, %v", at, got, err)
		}
	}
}

func TestContentIsTheSameWhateverThePlaceAndDiffersInEachPart(t *testing.T) {
	base := parse(t, deterministic(t, full()))
	places := []place{{"order-7", 5, 42, 1}, {"a", 1, 1, -1}, {strings.Repeat("s", 512), math.MaxUint64, math.MaxUint64, math.MaxInt64}}
	for _, at := range places {
		if !record.SameContent(at.stored(&base), &base) {
			t.Errorf("at %+v the content is another", at)
		}
	}
	for name, change := range map[string]func(*stetv1.NewEvent){
		"id":                func(e *stetv1.NewEvent) { e.Id = "f" + idText[1:] },
		"schema version":    func(e *stetv1.NewEvent) { e.SchemaVersion++ },
		"no schema version": func(e *stetv1.NewEvent) { e.SchemaVersion = 0 },
		"type":              func(e *stetv1.NewEvent) { e.Type += "x" },
		"no time":           func(e *stetv1.NewEvent) { e.OccurredAt = nil },
		"time":              func(e *stetv1.NewEvent) { e.OccurredAt.Nanos++ },
		"metadata":          func(e *stetv1.NewEvent) { e.Metadata["empty"] = "x" },
		"less metadata":     func(e *stetv1.NewEvent) { delete(e.Metadata, "empty") },
		"order of tags":     func(e *stetv1.NewEvent) { e.Tags[0], e.Tags[1] = e.Tags[1], e.Tags[0] },
		"payload":           func(e *stetv1.NewEvent) { e.Payload = &stetv1.NewEvent_Json{Json: `{"total": "12.50"}`} },
		"kind of payload":   func(e *stetv1.NewEvent) { e.Payload = &stetv1.NewEvent_Binary{Binary: []byte(e.GetJson())} },
	} {
		m := full()
		change(m)
		other := parse(t, deterministic(t, m))
		if record.SameContent(places[0].stored(&other), &base) || record.SameContent(places[0].stored(&base), &other) {
			t.Errorf("another %s is the same content", name)
		}
		a := record.ContentDigest([]storage.Entry{{Stream: "s", Expectation: storage.ExpectAny(), Events: []storage.NewEvent{base}}})
		b := record.ContentDigest([]storage.Entry{{Stream: "s", Expectation: storage.ExpectAny(), Events: []storage.NewEvent{other}}})
		if a == b {
			t.Errorf("another %s has the same digest", name)
		}
	}
	for n := range len(header) {
		if record.SameContent(header[:n], &base) {
			t.Errorf("%d bytes of a header are the same content", n)
		}
	}
}

// I5: what a request id stands for does not depend on what the server added.
func TestTheDigestKnowsExpectationsAndOrderButNoIDsOfTheServer(t *testing.T) {
	one, two := parse(t, deterministic(t, simple())), parse(t, deterministic(t, full()))
	entries := func(streams string, x storage.Expectation, events ...storage.NewEvent) []storage.Entry {
		var out []storage.Entry
		for _, s := range strings.Fields(streams) {
			out = append(out, storage.Entry{Stream: s, Expectation: x, Events: events})
		}
		return out
	}
	made := one
	made.ID = storage.EventID{1, 2, 3}
	if record.ContentDigest(entries("s", storage.ExpectAny(), one)) != record.ContentDigest(entries("s", storage.ExpectAny(), made)) {
		t.Error("an id that the server made changes the digest")
	}
	given := made
	given.ServerMadeID = false
	zero := one
	zero.ServerMadeID = false
	seen := map[[16]byte]int{}
	all := [][]storage.Entry{
		nil,
		entries("s", storage.ExpectAny(), one),
		entries("s", storage.ExpectAny(), given),
		entries("s", storage.ExpectAny(), zero),
		entries("s", storage.ExpectAny(), two),
		entries("s", storage.ExpectAny(), one, two),
		entries("s", storage.ExpectAny(), two, one),
		entries("s", storage.ExpectAny(), one, one),
		entries("s", storage.ExpectAny()),
		entries("s", storage.ExpectExists(), one),
		entries("s", storage.ExpectNoStream(), one),
		entries("s", storage.ExpectVersion(1), one),
		entries("s", storage.ExpectVersion(1<<32), one),
		entries("s", storage.Expectation{}, one),
		entries("t", storage.ExpectAny(), one),
		entries("s t", storage.ExpectAny(), one),
		entries("t s", storage.ExpectAny(), one),
		entries("st", storage.ExpectAny(), one),
	}
	for i, a := range all {
		digest := record.ContentDigest(a)
		if before, twice := seen[digest]; twice {
			t.Errorf("requests %d and %d have the same digest", before, i)
		}
		seen[digest] = i
	}
}

func TestFramesAreElementsOfARepeatedField(t *testing.T) {
	var frames []byte
	var wires [][]byte
	var want stetv1.ReadAllResponse
	for _, s := range samples(t) {
		wire := s.wire(t)
		frames = record.AppendFrame(frames, wire)
		wires = append(wires, wire)
		var e stetv1.RecordedEvent
		if err := proto.Unmarshal(wire, &e); err != nil {
			t.Fatal(err)
		}
		want.Events = append(want.Events, &e)
		if size := len(record.AppendFrame(nil, wire)); size != record.FrameSize(len(wire)) {
			t.Errorf("a frame of %d bytes for %d; FrameSize says %d", size, len(wire), record.FrameSize(len(wire)))
		}
		if headed := append(record.AppendFrameHeader(nil, len(wire)), wire...); !bytes.Equal(headed, record.AppendFrame(nil, wire)) {
			t.Errorf("header and event make %x", headed)
		}
	}
	var got stetv1.ReadAllResponse
	if err := proto.Unmarshal(frames, &got); err != nil || !proto.Equal(&got, &want) {
		t.Errorf("generated code reads %v, %v", &got, err)
	}
	i := 0
	for wire := range record.Frames(frames) {
		if !bytes.Equal(wire, wires[i]) || cap(wire) != len(wire) {
			t.Errorf("frame %d is %x with room for %d", i, wire, cap(wire))
		}
		i++
	}
	if i != len(wires) {
		t.Errorf("%d of %d frames", i, len(wires))
	}
	for range record.Frames(frames) {
		break // must not go on
	}
	for range record.Frames(nil) {
		t.Error("a frame in nothing")
	}
}

func TestFramesThatAreNotOursPanicInsteadOfEndingEarly(t *testing.T) {
	frames := record.AppendFrame(nil, samples(t)[0].wire(t))
	for name, broken := range map[string][]byte{"cut": frames[:len(frames)-1], "another field": append(bytes.Clone(frames), 0x12, 0), "a long length": {0x0a, 0x80, 0x00}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: ended in silence", name)
				}
			}()
			for range record.Frames(broken) {
				continue
			}
		}()
	}
}
