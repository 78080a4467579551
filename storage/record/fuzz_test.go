package record_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record"
)

// FuzzParseNewEvent: no input panics; what is accepted, generated code accepts
// and reads the same; its canonical form parses to itself, and is stored and
// taken apart without loss.
func FuzzParseNewEvent(f *testing.F) {
	z := prooftest.Target(f)
	z.Add(deterministic(f, simple()))
	z.Add(deterministic(f, full()))
	z.Add(join(jsonField("{}"), bytesField(14, "x"), bytesField(13, string(entry("b", "1"))), bytesField(13, string(entry("a", ""))), varintField(15, 3), bytesField(11, "T")))
	z.Add(join([]byte{0xda, 0x00, 0x81, 0x00, 'T'}, bytesField(12, ""), bytesField(101, "\x00")))
	z.Run(func(t *testing.T, wire []byte) {
		given := bytes.Clone(wire)
		e, violations := record.ParseNewEvent(wire, standard)
		if !bytes.Equal(wire, given) {
			t.Fatal("the input was changed")
		}
		for _, v := range violations {
			if !utf8.ValidString(v.Field) || !utf8.ValidString(v.Problem) {
				t.Fatalf("%q %q cannot be sent", v.Field, v.Problem)
			}
		}
		if violations != nil {
			return
		}
		checkAccepted(t, wire, e)
	})
}

func checkAccepted(t *testing.T, wire []byte, e storage.NewEvent) {
	t.Helper()
	message := unmarshal(t, wire)
	at := place{"order-7", 5, 42, 1}
	stored := at.stored(&e)
	want := recorded(message, at.stream, at.v, at.p, at.at)
	want.Id = e.ID.String()
	if generated := deterministic(t, want); !bytes.Equal(generated, stored) {
		t.Fatalf("stored as\n%x, by generated code as\n%x", stored, generated)
	}
	again, violations := record.ParseNewEvent(e.Rest, standard)
	if violations != nil || !bytes.Equal(again.Rest, e.Rest) || &again.Rest[0] != &e.Rest[0] {
		t.Fatalf("the canonical form %x parses to %x, %v", e.Rest, again.Rest, violations)
	}
	checkStored(t, stored, at, &e)
	if bound := record.SizeBound(at.stream, &e); bound < len(stored) {
		t.Fatalf("SizeBound says %d, the event has %d bytes", bound, len(stored))
	}
}

// FuzzDecode: no input panics any reader; what Decode accepts is canonical,
// generated code writes the same, and the other readers agree with it.
func FuzzDecode(f *testing.F) {
	z := prooftest.Target(f)
	for _, s := range samples(f) {
		z.Add(s.wire(f))
	}
	m := record.NewMatcher(itemFilter(storage.FilterItem{Types: []string{"T"}, AllTags: []string{"a"}}), record.Source{})
	z.Run(func(t *testing.T, wire []byte) {
		m.Match(wire)
		_, _, _, _, placeErr := record.Place(wire)
		split, splitErr := record.Split(wire)
		record.SameContent(wire, &storage.NewEvent{})
		e, err := record.Decode(wire)
		if err != nil {
			if !isCorruption(err) || !isCorruption(splitErr) || placeErr != nil && !isCorruption(placeErr) {
				t.Fatalf("Decode says %v, Split %v, Place %v", err, splitErr, placeErr)
			}
			return
		}
		if placeErr != nil || splitErr != nil || !record.SameContent(wire, &split) {
			t.Fatalf("Decode accepts what Place refuses (%v), or Split (%v)", placeErr, splitErr)
		}
		if again := record.AppendRecorded(nil, e.Stream, e.Version, e.Position, e.RecordedAt, &split); !bytes.Equal(again, wire) {
			t.Fatalf("%x is made again as %x", wire, again)
		}
		var generated stetv1.RecordedEvent
		if err := proto.Unmarshal(wire, &generated); err != nil {
			t.Fatal(err)
		}
		if again := deterministic(t, &generated); !bytes.Equal(again, wire) {
			t.Fatalf("generated code makes %x of %x", again, wire)
		}
	})
}

// FuzzUnseal: no input panics, and what is not sealed is refused.
func FuzzUnseal(f *testing.F) {
	z := prooftest.Target(f)
	key := keys.AppendEvent(nil, 1)
	z.Add(key, record.AppendSealed(nil, key, []byte("event")))
	z.Add([]byte{}, []byte{})
	z.Run(func(t *testing.T, key, value []byte) {
		if wire, err := record.Unseal(key, value); err == nil {
			if sealed := record.AppendSealed(nil, key, wire); !bytes.Equal(sealed, value) {
				t.Fatalf("%x opens, but is sealed as %x", value, sealed)
			}
		}
		opened, err := record.Unseal(key, record.AppendSealed(nil, key, append(value, 0)))
		if err != nil || !bytes.Equal(opened, append(value, 0)) {
			t.Fatalf("%x is opened as %x, %v", value, opened, err)
		}
	})
}

// FuzzFrames: events of any bytes come out as they went in, also after others.
func FuzzFrames(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte("a"), []byte{}, []byte("ccc"))
	z.Run(func(t *testing.T, a, b, c []byte) {
		in := [][]byte{a, b, c}
		var frames []byte
		for _, wire := range in {
			frames = record.AppendFrame(frames, wire)
		}
		i := 0
		for wire := range record.Frames(frames) {
			if i == len(in) || !bytes.Equal(wire, in[i]) {
				t.Fatalf("frame %d is %x", i, wire)
			}
			i++
		}
		if i != len(in) {
			t.Fatalf("%d of %d frames", i, len(in))
		}
	})
}

// FuzzMatcher: the matcher, which looks at stored bytes, agrees with a plain
// judgement of the same event taken apart.
func FuzzMatcher(f *testing.F) {
	z := prooftest.Target(f)
	z.Add("a-1", "T", "x", "a", "T", "x", "")
	z.Add("$s-1", "T", "", "$", "", "", "$s")
	z.Add("order-7", "Placed", "customer:1", "order-", "Other", "customer:2", "order")
	z.Run(func(t *testing.T, stream, typ, tag, prefix, wantedType, wantedTag, category string) {
		if storage.TextProblem(stream, 256) != "" {
			return
		}
		e := storage.Event{Stream: stream, Type: typ, Kind: storage.PayloadJSON, Payload: []byte("1")}
		if tag != "" {
			e.Tags = []string{tag}
		}
		content, violations := record.NewEventOf(&e, standard)
		if violations != nil {
			return
		}
		item := storage.FilterItem{}
		if prefix != "" {
			item.StreamPrefixes = []string{prefix}
		}
		if wantedType != "" {
			item.Types = []string{wantedType, "T"}
		}
		if wantedTag != "" {
			item.AllTags = []string{wantedTag}
		}
		filter, source := storage.Filter{AnyOf: []storage.FilterItem{item}}, record.Source{Category: category}
		wire := place{stream, 3, 70_000, 1}.stored(&content)
		if got, want := record.NewMatcher(filter, source).Match(wire), matches(filter, source, &e); got != want {
			t.Fatalf("%+v of %+v on %+v: %v, want %v", filter, source, e, got, want)
		}
	})
}
