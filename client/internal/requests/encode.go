package requests

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Encode fills a buffer, which is as long as [Size] says, with a message that
// Size has taken. False: a text is not valid UTF-8, or the message fits the
// buffer no longer, since somebody changed it meanwhile. The buffer's content
// means nothing then, and the general encoder has to tell what is wrong.
func Encode(into []byte, message any) bool {
	w := writer{free: into}
	switch m := message.(type) {
	case *stetv1.AppendRequest:
		w.appendRequest(m)
	case *stetv1.AppendPipelineRequest:
		w.flag(3, m.HaltOnError)
		if m.Append != nil {
			end := len(w.free)
			w.appendRequest(m.Append)
			w.head(2, end)
		}
		w.number(1, m.Ticket)
	default:
		return false
	}
	return !w.odd && len(w.free) == 0
}

func (w *writer) appendRequest(m *stetv1.AppendRequest) {
	w.text(4, m.RequestId)
	for _, e := range slices.Backward(m.Events) {
		end := len(w.free)
		w.event(e)
		w.head(3, end)
	}
	if m.Expectation != nil {
		end := len(w.free)
		w.expectation(m.Expectation)
		w.head(2, end)
	}
	w.text(1, m.Stream)
}

func (w *writer) expectation(m *stetv1.Expectation) {
	switch kind := m.Kind.(type) {
	case *stetv1.Expectation_State_:
		w.varint(uint64(kind.State))
		w.tag(1, protowire.VarintType)
	case *stetv1.Expectation_Version:
		w.varint(kind.Version)
		w.tag(2, protowire.VarintType)
	}
}

func (w *writer) event(m *stetv1.NewEvent) {
	switch payload := m.Payload.(type) {
	case *stetv1.NewEvent_Json:
		w.element(100, payload.Json)
	case *stetv1.NewEvent_Binary:
		end := len(w.free)
		copy(w.take(len(payload.Binary)), payload.Binary)
		w.head(101, end)
	}
	w.number(15, uint64(m.SchemaVersion))
	for _, tag := range slices.Backward(m.Tags) {
		w.element(14, tag)
	}
	if len(m.Metadata) > 0 {
		w.metadata(m.Metadata)
	}
	if m.OccurredAt != nil {
		end := len(w.free)
		w.time(m.OccurredAt)
		w.head(12, end)
	}
	w.text(11, m.Type)
	w.text(10, m.Id)
}

// entry is one of the metadata.
type entry struct{ key, value string }

// usualEntries is how many entries are sorted without an allocation.
const usualEntries = 16

// metadata is sorted by key, which is the form that the server stores.
func (w *writer) metadata(m map[string]string) {
	var usual [usualEntries]entry
	entries := usual[:0]
	for key, value := range m {
		entries = append(entries, entry{key, value})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(b.key, a.key) })
	for _, e := range entries {
		end := len(w.free)
		w.element(2, e.value)
		w.element(1, e.key)
		w.head(13, end)
	}
}

func (w *writer) time(t *timestamppb.Timestamp) {
	w.number(2, uint64(t.Nanos))
	w.number(1, uint64(t.Seconds))
}

// hasUnknown tells whether somebody gave a message fields that its type does
// not have.
func hasUnknown(m proto.Message) bool { return len(m.ProtoReflect().GetUnknown()) > 0 }
