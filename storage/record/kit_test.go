package record_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// standard are the limits of a server that was told nothing.
var standard = storage.Limits{}.WithDefaults()

const (
	idText = "018f3c5e-8a4b-7c1d-9e2f-0123456789ab"
	upper  = "018F3C5E-8A4B-7C1D-9E2F-0123456789AB"
)

func mustID(t rapid.TB, text string) storage.EventID {
	t.Helper()
	id, err := storage.ParseEventID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// deterministic is how the Go client marshals.
func deterministic(t rapid.TB, m proto.Message) []byte {
	t.Helper()
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// parse wants no violations.
func parse(t rapid.TB, wire []byte) storage.NewEvent {
	t.Helper()
	e, violations := record.ParseNewEvent(wire, standard)
	if len(violations) > 0 {
		t.Fatalf("%x is refused: %v", wire, storage.Invalid(violations...))
	}
	return e
}

// simple is the smallest event that is accepted.
func simple() *stetv1.NewEvent {
	return &stetv1.NewEvent{Type: "T", Payload: &stetv1.NewEvent_Json{Json: "{}"}}
}

// full has every field.
func full() *stetv1.NewEvent {
	return &stetv1.NewEvent{
		Id:            idText,
		Type:          "OrderPlaced",
		OccurredAt:    &timestamppb.Timestamp{Seconds: 1_700_000_000, Nanos: 123_456_789},
		Metadata:      map[string]string{"actor_id": "42", "correlation_id": "c1", "empty": ""},
		Tags:          []string{"order:7", "customer:42"},
		SchemaVersion: 300,
		Payload:       &stetv1.NewEvent_Json{Json: `{"total":"12.50"}`},
	}
}

// recorded is what the server makes of e, in generated code.
func recorded(e *stetv1.NewEvent, stream string, v storage.Version, p storage.Position, at storage.Instant) *stetv1.RecordedEvent {
	r := &stetv1.RecordedEvent{
		Stream: stream, Version: uint64(v), Position: uint64(p), RecordedAt: timestamppb.New(at.Time()), SchemaVersion: e.GetSchemaVersion(),
		Id: e.GetId(), Type: e.GetType(), OccurredAt: e.GetOccurredAt(), Metadata: e.GetMetadata(), Tags: e.GetTags(),
	}
	switch p := e.GetPayload().(type) {
	case *stetv1.NewEvent_Json:
		r.Payload = &stetv1.RecordedEvent_Json{Json: p.Json}
	case *stetv1.NewEvent_Binary:
		r.Payload = &stetv1.RecordedEvent_Binary{Binary: p.Binary}
	}
	return r
}

// eventOf takes a generated event apart into the vocabulary.
func eventOf(t rapid.TB, e *stetv1.NewEvent) *storage.Event {
	t.Helper()
	out := &storage.Event{
		SchemaVersion: e.GetSchemaVersion(), Type: e.GetType(), Tags: slices.Clone(e.GetTags()), Metadata: maps.Clone(e.GetMetadata()),
	}
	if e.GetId() != "" {
		out.ID = mustID(t, e.GetId())
	}
	if e.GetOccurredAt() != nil {
		out.OccurredAt = e.GetOccurredAt().AsTime()
	}
	switch p := e.GetPayload().(type) {
	case *stetv1.NewEvent_Json:
		out.Kind, out.Payload = storage.PayloadJSON, []byte(p.Json)
	case *stetv1.NewEvent_Binary:
		out.Kind, out.Payload = storage.PayloadBinary, p.Binary
	}
	return out
}

// asError is [errors.As] for one kind of error.
func asError[E error](err error, target *E) bool { return errors.As(err, target) }

func isCorruption(err error) bool {
	var c *storage.CorruptionError
	return asError(err, &c)
}

// anyText is a text that fits a type, tag or metadata key.
func anyText(most int) *rapid.Generator[string] {
	letters := []rune("aZ09 :-_.|$é世😀\u00ad\ufffd")
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringOfN(rapid.SampledFrom(letters), 1, most, most).Draw(t, "text")
		if s[0] == '$' {
			s = "_" + s[1:]
		}
		return s
	})
}

func anyTimestamp() *rapid.Generator[*timestamppb.Timestamp] {
	return rapid.Custom(func(t *rapid.T) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{
			Seconds: rapid.OneOf(rapid.Int64Range(-62135596800+1, 253402300799), rapid.Int64Range(-2, 2)).Draw(t, "seconds"),
			Nanos:   rapid.OneOf(rapid.Int32Range(0, 999_999_999), rapid.Just(int32(0))).Draw(t, "nanos"),
		}
	})
}

// anyEvent is an event that is accepted.
func anyEvent() *rapid.Generator[*stetv1.NewEvent] {
	return rapid.Custom(func(t *rapid.T) *stetv1.NewEvent {
		e := &stetv1.NewEvent{
			Id:            rapid.SampledFrom([]string{"", idText, "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000001"}).Draw(t, "id"),
			Type:          anyText(40).Draw(t, "type"),
			Metadata:      rapid.MapOfN(anyText(150), rapid.String(), 0, 20).Draw(t, "metadata"),
			Tags:          rapid.SliceOfNDistinct(anyText(20), 0, 20, rapid.ID[string]).Draw(t, "tags"),
			SchemaVersion: rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32()).Draw(t, "schema version"),
		}
		if rapid.Bool().Draw(t, "has time") {
			e.OccurredAt = anyTimestamp().Draw(t, "occurred at")
		}
		if rapid.Bool().Draw(t, "is json") {
			json := rapid.SampledFrom([]string{`{}`, `null`, ` [1, 2] `, `{"a":"é","b":{"a":[]}}`, `"x"`}).Draw(t, "json")
			e.Payload = &stetv1.NewEvent_Json{Json: json}
		} else {
			e.Payload = &stetv1.NewEvent_Binary{Binary: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "binary")}
		}
		return e
	})
}

// place is where an event is stored.
type place struct {
	stream string
	v      storage.Version
	p      storage.Position
	at     storage.Instant
}

func anyPlace() *rapid.Generator[place] {
	numbers := rapid.OneOf(rapid.Uint64Range(1, 300), rapid.Uint64Min(1))
	instants := rapid.OneOf(
		rapid.Int64Range(-3_000_000, 3_000_000),
		rapid.Int64Range(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()),
	)
	return rapid.Custom(func(t *rapid.T) place {
		return place{
			stream: rapid.OneOf(anyText(170), rapid.Just("$server-1")).Draw(t, "stream"),
			v:      storage.Version(numbers.Draw(t, "version")),
			p:      storage.Position(numbers.Draw(t, "position")),
			at:     storage.Instant(instants.Draw(t, "recorded at")),
		}
	})
}

// stored appends e at the place, after giving it an id if it has none.
func (at place) stored(e *storage.NewEvent) []byte {
	if e.ID.IsZero() {
		e.ID = storage.EventID{15: 7}
	}
	return record.AppendRecorded(nil, at.stream, at.v, at.p, at.at, e)
}
