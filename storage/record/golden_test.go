package record_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record"
	"github.com/stet-db/stet/storage/record/recordtest"
)

// sample is an event of docs/format.md.
type sample struct {
	golden string
	place  place
	event  storage.Event
}

func samples(t testing.TB) []sample {
	id := mustID(t, idText)
	return []sample{
		{"event-smallest", place{"a", 1, 1, 0}, storage.Event{ID: id, Type: "T", Kind: storage.PayloadJSON, Payload: []byte("{}")}},
		{
			"event-full",
			place{"order-7", 5, 42, storage.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC))},
			storage.Event{
				SchemaVersion: 2,
				ID:            id,
				Type:          "OrderPlaced",
				OccurredAt:    time.Date(2025, 12, 31, 23, 59, 59, 500_000_000, time.UTC),
				Metadata:      map[string]string{"correlation_id": "c-1", "actor_id": "42"},
				Tags:          []string{"sku:85123A", "customer:42"},
				Kind:          storage.PayloadJSON,
				Payload:       []byte(`{"total":"12.50"}`),
			},
		},
		{
			"event-early",
			place{"$clock", 300, 70_000, -1},
			storage.Event{ID: id, Type: "T", OccurredAt: time.Unix(0, 0), Metadata: map[string]string{"k": ""}, Kind: storage.PayloadBinary, Payload: []byte{0, 0xff}},
		},
	}
}

func (s sample) wire(t testing.TB) []byte {
	t.Helper()
	e, violations := record.NewEventOf(&s.event, standard)
	if len(violations) > 0 {
		t.Fatal(storage.Invalid(violations...))
	}
	return s.place.stored(&e)
}

func TestEventsAreStoredAsDocumented(t *testing.T) {
	for _, s := range samples(t) {
		golden := recordtest.Golden(t, s.golden)
		if wire := s.wire(t); !bytes.Equal(wire, golden) {
			t.Errorf("%s is written as\n%x, documented as\n%x", s.golden, wire, golden)
		}
		read, err := record.Decode(golden)
		if err != nil {
			t.Errorf("%s cannot be read: %v", s.golden, err)
		}
		if read.Stream != s.place.stream || !read.OccurredAt.Equal(s.event.OccurredAt) || read.Type != s.event.Type || read.Kind != s.event.Kind {
			t.Errorf("%s is read as %+v", s.golden, read)
		}
		var generated stetv1.RecordedEvent
		if err := proto.Unmarshal(golden, &generated); err != nil || generated.GetStream() != s.place.stream {
			t.Errorf("%s is read by generated code as %v, %v", s.golden, &generated, err)
		}
	}
}

func TestSealsFramesAndDigestsAreAsDocumented(t *testing.T) {
	all := samples(t)
	smallest, full := all[0].wire(t), all[1].wire(t)
	key := keys.AppendEvent(nil, 1)
	sealed := recordtest.Golden(t, "sealed")
	if got := record.AppendSealed(nil, key, smallest); !bytes.Equal(got, sealed) {
		t.Errorf("sealed as\n%x, documented as\n%x", got, sealed)
	}
	if wire, err := record.Unseal(key, sealed); err != nil || !bytes.Equal(wire, smallest) {
		t.Errorf("the documented seal opens to %x, %v", wire, err)
	}
	if got, golden := record.AppendFrame(nil, smallest), recordtest.Golden(t, "frame"); !bytes.Equal(got, golden) {
		t.Errorf("framed as\n%x, documented as\n%x", got, golden)
	}

	first, err := record.Split(smallest)
	if err != nil {
		t.Fatal(err)
	}
	second, err := record.Split(full)
	if err != nil {
		t.Fatal(err)
	}
	second.ServerMadeID = true
	digest := record.ContentDigest([]storage.Entry{
		{Stream: "a", Expectation: storage.ExpectNoStream(), Events: []storage.NewEvent{first}},
		{Stream: "order-7", Expectation: storage.ExpectExists(), Events: []storage.NewEvent{second}},
		{Stream: "order-8", Expectation: storage.ExpectAny()},
	})
	if golden := recordtest.Golden(t, "digest"); !bytes.Equal(digest[:], golden) {
		t.Errorf("digest is %x, documented as %x", digest, golden)
	}
}

// The blocks of keys, of the engine's values and of its files have their tests
// there.
func TestEveryDocumentedBlockOfARecordIsTested(t *testing.T) {
	tested := []string{"event-smallest", "event-full", "event-early", "sealed", "sealed-unknown-form", "frame", "digest"}
	for name := range recordtest.Goldens(t) {
		if !strings.HasPrefix(name, "key-") && !strings.HasPrefix(name, "value-") && !strings.HasPrefix(name, "file-") && !slices.Contains(tested, name) {
			t.Errorf("no test looks at the block %q", name)
		}
	}
}

// A sealed value of another form, with its checksum right, is of a newer
// release and said to be so.
func TestAnUnknownFormIsSaidToBeUnknown(t *testing.T) {
	golden := slices.Clone(recordtest.Golden(t, "sealed-unknown-form"))
	_, err := record.Unseal(keys.AppendEvent(nil, 1), golden)
	var unknown *storage.UnknownFormError
	if !asError(err, &unknown) || unknown.Form != 2 || unknown.Position != 1 {
		t.Errorf("got %v", err)
	}
}
