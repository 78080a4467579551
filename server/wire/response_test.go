package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

func anyAppended(t *rapid.T, entries int) storage.Appended {
	a := storage.Appended{
		First:      storage.Position(rapid.Uint64Range(1, 1<<62).Draw(t, "first")),
		RecordedAt: storage.Instant(rapid.Int64Range(-62_135_596_800_000_000, 253_402_300_799_999_999).Draw(t, "recorded at")),
		Replayed:   rapid.Bool().Draw(t, "replayed"),
	}
	for range entries {
		n := rapid.IntRange(0, 4).Draw(t, "events")
		if n == 0 {
			a.Entries = append(a.Entries, storage.AppendedEntry{})
			continue
		}
		first := storage.Version(rapid.Uint64Range(1, 1<<62).Draw(t, "first version"))
		a.Entries = append(a.Entries, storage.AppendedEntry{First: first, Last: first + storage.Version(n-1)})
		for range n {
			a.IDs = append(a.IDs, storage.EventID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")))
		}
	}
	a.Last = a.First + storage.Position(max(len(a.IDs), 1)) - 1
	return a
}

func idTexts(ids []storage.EventID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

func single(a storage.Appended, withIDs bool) *stetv1.AppendResponse {
	out := &stetv1.AppendResponse{
		FirstVersion: uint64(a.Entries[0].First), LastVersion: uint64(a.Entries[0].Last),
		FirstPosition: uint64(a.First), LastPosition: uint64(a.Last),
		RecordedAt: timestamppb.New(a.RecordedAt.Time()), Replayed: a.Replayed,
	}
	if withIDs {
		out.Ids = idTexts(a.IDs)
	}
	return out
}

// Equal bytes, not only equal values: then generated code in any language
// reads them.
func wantSame(t tb, want proto.Message, got any) {
	t.Helper()
	if diff := cmp.Diff(want, sent(t, got, want.ProtoReflect().New().Interface()), protocmp.Transform()); diff != "" {
		t.Fatalf("a client reads something else (-want +got):\n%s", diff)
	}
	generated, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(generated, encode(t, got)); diff != "" {
		t.Fatalf("generated code writes other bytes (-generated +ours):\n%s", diff)
	}
}

func TestClientsReadTheAnswersToAppends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, withIDs := anyAppended(t, 1), rapid.Bool().Draw(t, "with ids")
		ticket := rapid.Uint64().Draw(t, "ticket")
		answer := wire.AppendResponse{Appended: a, WithIDs: withIDs}
		wantSame(t, single(a, withIDs), &answer)
		wantSame(t, &stetv1.AppendPipelineResponse{
			Ticket: ticket, Outcome: &stetv1.AppendPipelineResponse_Appended{Appended: single(a, withIDs)},
		}, &wire.AppendPipelineResponse{Ticket: ticket, Appended: answer})
	})
}

func TestClientsReadTheAnswersToAtomicAppends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		withIDs := rapid.Bool().Draw(t, "with ids")
		a := anyAppended(t, rapid.IntRange(1, 4).Draw(t, "entries"))
		want := &stetv1.AppendAtomicResponse{
			FirstPosition: uint64(a.First), LastPosition: uint64(a.Last),
			RecordedAt: timestamppb.New(a.RecordedAt.Time()), Replayed: a.Replayed,
		}
		var entries []storage.Entry
		ids := a.IDs
		for _, e := range a.Entries {
			name := anyName().Draw(t, "stream")
			entries = append(entries, storage.Entry{Stream: name})
			entry := &stetv1.AppendAtomicResponse_Entry{Stream: name, FirstVersion: uint64(e.First), LastVersion: uint64(e.Last)}
			if e.First > 0 {
				n := e.Last - e.First + 1
				if withIDs {
					entry.Ids = idTexts(ids[:n])
				}
				ids = ids[n:]
			}
			want.Entries = append(want.Entries, entry)
		}
		wantSame(t, want, &wire.AppendAtomicResponse{Appended: a, Entries: entries, WithIDs: withIDs})
	})
}

func TestClientsReadTheRefusalsOfAPipeline(t *testing.T) {
	for _, length := range []int{0, 1, 100, 200, 20_000} { // lengths of one, two and three bytes
		refusal := &stetv1.Error{
			Code: 10, Reason: "CONFLICT", Message: strings.Repeat("x", length),
			Violations: []*stetv1.FieldViolation{{Field: "append.stream", Description: "is empty"}},
			Conflicts:  []*stetv1.Conflict{{Stream: "a-1", Expected: anyState(), Actual: 3, Head: 9}},
		}
		wantSame(t, &stetv1.AppendPipelineResponse{Ticket: 7, Outcome: &stetv1.AppendPipelineResponse_Error{Error: refusal}},
			&wire.AppendPipelineResponse{Ticket: 7, Error: refusal})
	}
}
