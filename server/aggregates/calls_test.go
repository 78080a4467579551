package aggregates

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
)

// S1.19, S3.13: why is it 500?
func TestDiffAndTraceTellWhy(t *testing.T) {
	g := govern(t)
	g.account("a")
	point := func(n uint64) *stetv1.Point { return &stetv1.Point{At: &stetv1.Point_Length{Length: n}} }
	diff, err := g.Diff(t.Context(), &stetv1.DiffRequest{Type: "account", Id: "a", From: point(1), To: point(3)})
	if err != nil || diff.GetPatch() != `[{"op":"replace","path":"/balance","value":1100}]` || len(diff.GetEvents()) != 2 {
		t.Errorf("%v %v", diff, err)
	}
	var told []string
	for after, pages := uint64(0), 0; pages == 0 || after > 0; pages++ {
		page, err := g.Trace(t.Context(), &stetv1.TraceRequest{Type: "account", Id: "a", After: after, PageSize: 3, WithStates: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.GetSteps() {
			e := s.GetEvent()
			if e.GetMetadata().GetActor().GetId() != "c-1" || e.GetMetadata().GetEventId() == "" || s.State == nil || !s.GetKnown() {
				t.Errorf("%v", s)
			}
			told = append(told, fmt.Sprintf("%d %s %s", e.GetVersion(), e.GetType(), s.GetPatch()))
		}
		after = page.GetNextAfter()
	}
	want := []string{
		`2 MoneyWithdrawn [{"op":"replace","path":"/balance","value":800}]`,
		`3 MoneyDeposited [{"op":"replace","path":"/balance","value":1100}]`,
		`4 MoneyWithdrawn [{"op":"replace","path":"/balance","value":500}]`,
	}
	if fmt.Sprint(told[1:]) != fmt.Sprint(want) {
		t.Errorf("%q", told)
	}
}

func TestAFixtureIsRunWithoutWriting(t *testing.T) {
	g := govern(t)
	before := g.store.Head()
	spec, expect := example(t), `{"owner":"Ann","email":null,"balance":30,"status":"open"}`
	req := &stetv1.TestSpecRequest{Spec: &spec, Type: "account", Expect: &expect, Events: []*stetv1.TestSpecRequest_Event{
		{Event: &stetv1.ProposedEvent{Type: "AccountCreated", Data: `{"owner":"Ann"}`}},
		{Event: &stetv1.ProposedEvent{Type: "MoneyWithdrawn", Data: `{"amount":1}`, Metadata: customer}, Refused: "INSUFFICIENT_FUNDS"},
		{Event: &stetv1.ProposedEvent{Type: "MoneyDeposited", Data: `{"amount":50}`}},
		{Event: &stetv1.ProposedEvent{Type: "MoneyWithdrawn", Data: `{"amount":20}`}},
	}}
	out, err := g.TestSpec(t.Context(), req)
	if err != nil || !out.GetPassed() || len(out.GetSteps()) != 3 || out.GetState().GetData() != expect {
		t.Errorf("%v %v", out, err)
	}
	expect = strings.Replace(expect, "30", "31", 1)
	if out, err = g.TestSpec(t.Context(), req); err != nil || out.GetPassed() || out.GetPatch() != `[{"op":"replace","path":"/balance","value":30}]` {
		t.Errorf("%v %v", out, err)
	}
	if g.store.Head() != before {
		t.Error("something was written")
	}
}

func TestBrokenTimesAreNamedBeforeAnythingIsAsked(t *testing.T) {
	g := govern(t)
	broken := &timestamppb.Timestamp{Nanos: -1}
	req := command("a", "AccountCreated", `{"owner":"Ann"}`)
	req.Events[0].Metadata = &stetv1.EventMetadata{OccurredAt: broken}
	_, err := g.Execute(t.Context(), req)
	wantFaults(t, err, "events[0].metadata.occurred_at")
	_, err = g.GetState(t.Context(), &stetv1.GetStateRequest{
		Type: "account", Id: "a", At: &stetv1.Point{At: &stetv1.Point_Time{Time: broken}}, EffectiveAt: broken, Wait: &durationpb.Duration{Nanos: -1, Seconds: 1},
	})
	wantFaults(t, err, "at.time", "effective_at", "wait")
	_, err = g.TestSpec(t.Context(), &stetv1.TestSpecRequest{Type: "account", Events: []*stetv1.TestSpecRequest_Event{{RecordedAt: broken}}})
	wantFaults(t, err, "events[0].recorded_at")
}

// wantFaults wants a refusal of the request's form that names these fields.
func wantFaults(t *testing.T, err error, fields ...string) {
	t.Helper()
	e, ok := errors.AsType[*storage.InvalidError](err)
	if !ok {
		t.Fatalf("%v; want faults in %v", err, fields)
	}
	var got []string
	for _, v := range e.Violations {
		got = append(got, v.Field)
	}
	if !slices.Equal(got, fields) {
		t.Errorf("faults in %v, want %v", got, fields)
	}
}

// I11: a drain lets reads end, and nothing new begin that writes.
func TestADrainRefusesWritesAndAnswersReads(t *testing.T) {
	g := govern(t)
	g.account("a")
	before := g.store.Head()
	g.draining = true
	_, err := g.Execute(t.Context(), command("a", "MoneyDeposited", `{"amount":1}`))
	if !errors.Is(err, storage.ErrShuttingDown) {
		t.Errorf("a command: %v", err)
	}
	if _, err = g.PutSpec(t.Context(), &stetv1.PutSpecRequest{Spec: "{}"}); !errors.Is(err, storage.ErrShuttingDown) {
		t.Errorf("a specification: %v", err)
	}
	out, err := g.GetState(t.Context(), &stetv1.GetStateRequest{Type: "account", Id: "a"})
	if err != nil || !strings.Contains(out.GetState().GetData(), `"balance":500`) || g.store.Head() != before {
		t.Errorf("a read: %v %v", out, err)
	}
}
