package client_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func bank(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "replay", "spec", "testdata", "bank.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func command(id string, events ...*stetv1.ProposedEvent) *stetv1.ExecuteRequest {
	by := &stetv1.EventMetadata{Actor: &stetv1.Actor{Type: "customer", Id: "c"}}
	return &stetv1.ExecuteRequest{Type: "account", Id: id, Events: events, Metadata: by}
}

func proposed(typ, data string) *stetv1.ProposedEvent {
	return &stetv1.ProposedEvent{Type: typ, Data: data}
}

func TestStatesOfARealServerAreAskedForAndChanged(t *testing.T) {
	c := impatient(t, serveFor(t, t.TempDir()).addr, client.Options{})
	ctx := patient(t)
	if put, err := c.PutSpec(ctx, &stetv1.PutSpecRequest{Spec: bank(t)}); err != nil || put.GetVersion() != 1 {
		t.Fatalf("%v %v", put, err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if _, err := c.Execute(ctx, command(id, proposed("AccountCreated", `{"owner":"Ann","initial_balance":50}`), proposed("MoneyWithdrawn", `{"amount":20}`))); err != nil {
			t.Fatal(err)
		}
	}
	state, err := c.State(ctx, &stetv1.GetStateRequest{Type: "account", Id: "a"})
	if err != nil || !strings.Contains(state.GetState().GetData(), `"balance":30`) {
		t.Errorf("%v %v", state, err)
	}
	ids := ""
	for item, err := range c.States(ctx, &stetv1.ListStatesRequest{Type: "account", PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		ids += item.GetId()
	}
	if ids != "abc" {
		t.Errorf("listed %q", ids)
	}
	steps := 0
	for step, err := range c.Trace(ctx, &stetv1.TraceRequest{Type: "account", Id: "a", PageSize: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if steps++; step.GetEvent().GetVersion() != uint64(steps) {
			t.Errorf("step %d: %v", steps, step)
		}
	}
	diff, err := c.Diff(ctx, &stetv1.DiffRequest{Type: "account", Id: "a", From: &stetv1.Point{At: &stetv1.Point_Length{Length: 1}}})
	if err != nil || steps != 2 || !strings.Contains(diff.GetPatch(), "30") {
		t.Errorf("%d steps, %v %v", steps, diff, err)
	}
	if err := c.DropSnapshots(ctx); err != nil {
		t.Error(err)
	}
	spec, err := c.Spec(ctx, 0)
	if err != nil || spec.GetSpec() != bank(t) {
		t.Errorf("%v", err)
	}
	tested, err := c.TestSpec(ctx, &stetv1.TestSpecRequest{Type: "account"})
	if err != nil || !tested.GetPassed() {
		t.Errorf("%v %v", tested, err)
	}
	for v, err := range c.SpecVersions(ctx) {
		if err != nil || v.GetVersion() != 1 {
			t.Errorf("%v %v", v, err)
		}
	}
}

func TestARefusalOfTheSpecificationHasItsType(t *testing.T) {
	c := impatient(t, serveFor(t, t.TempDir()).addr, client.Options{})
	ctx := patient(t)
	if _, err := c.Spec(ctx, 0); !is[*client.NotFound](err) || client.Reason(err) != "NO_SPECIFICATION" {
		t.Error(err)
	}
	var invalid *client.InvalidRequest
	if _, err := c.PutSpec(ctx, &stetv1.PutSpecRequest{Spec: `{"aggregate_types":{"a":{"events":{"e":{"x":1}}}}}`}); !errors.As(err, &invalid) || len(invalid.Violations) != 1 {
		t.Error(err)
	}
	if _, err := c.PutSpec(ctx, &stetv1.PutSpecRequest{Spec: bank(t)}); err != nil {
		t.Fatal(err)
	}
	open := command("a", proposed("AccountCreated", `{"owner":"Ann"}`))
	if _, err := c.Execute(ctx, open); err != nil || open.GetRequestId() != "" {
		t.Errorf("%v, and the caller's request has the id %q", err, open.GetRequestId())
	}
	var unmet *client.RequirementNotMet
	if _, err := c.Execute(ctx, command("a", proposed("MoneyWithdrawn", `{"amount":1}`))); !errors.As(err, &unmet) || unmet.Code != "INSUFFICIENT_FUNDS" || !strings.Contains(err.Error(), "the balance is too low") {
		t.Error(err)
	}
	if _, err := c.Execute(ctx, command("a", proposed("MoneyDeposited", `{"amount":0}`))); !errors.As(err, &invalid) || invalid.Violations[0].Field != "data.amount" {
		t.Error(err)
	}
	if _, err := c.PutSpec(ctx, &stetv1.PutSpecRequest{Spec: `{"aggregate_types":{}}`}); !errors.As(err, &invalid) || client.Reason(err) != "INCOMPATIBLE_CHANGE" || len(invalid.Violations) == 0 {
		t.Error(err)
	}
	none := uint64(0)
	if _, err := c.PutSpec(ctx, &stetv1.PutSpecRequest{Spec: `{"aggregate_types":{}}`, Force: true, PreviousLength: &none}); !is[*client.Conflict](err) {
		t.Error(err)
	}
	if _, err := c.Execute(ctx, command("\xff")); !is[*client.InvalidRequest](err) {
		t.Error(err)
	}
	for _, err := range c.States(ctx, &stetv1.ListStatesRequest{Type: "nothing"}) {
		if !is[*client.NotFound](err) {
			t.Error(err)
		}
	}
}

// fakeAggregates answers as the test's functions say.
type fakeAggregates struct {
	stetv1.UnimplementedAggregatesServer
	execute func(ctx context.Context, r *stetv1.ExecuteRequest) (*stetv1.ExecuteResponse, error)
	list    func(r *stetv1.ListStatesRequest) (*stetv1.ListStatesResponse, error)
}

func (f *fakeAggregates) Execute(ctx context.Context, r *stetv1.ExecuteRequest) (*stetv1.ExecuteResponse, error) {
	return f.execute(ctx, r)
}

func (f *fakeAggregates) ListStates(_ context.Context, r *stetv1.ListStatesRequest) (*stetv1.ListStatesResponse, error) {
	return f.list(r)
}

func (f *fakeAggregates) start(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	stetv1.RegisterAggregatesServer(server, f)
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(listener); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() { server.Stop(); served.Wait() })
	return listener.Addr().String()
}

// I5: what a lost answer leaves open is found out with the same request id, and
// the key is shown each time.
func TestACommandWithALostAnswerIsRepeatedWithItsRequestID(t *testing.T) {
	var ids, keys []string
	f := &fakeAggregates{execute: func(ctx context.Context, r *stetv1.ExecuteRequest) (*stetv1.ExecuteResponse, error) {
		ids = append(ids, r.GetRequestId())
		keys = append(keys, metadata.ValueFromIncomingContext(ctx, "authorization")...)
		switch len(ids) {
		case 1, 4:
			return nil, refusal(codes.Unavailable, "OUTCOME_UNKNOWN")
		case 3:
			return nil, refusal(codes.FailedPrecondition, "REQUIREMENT_NOT_MET")
		case 5:
			return nil, refusal(codes.FailedPrecondition, "REQUIREMENT_NOT_MET")
		}
		return &stetv1.ExecuteResponse{Length: 1, Replayed: true}, nil
	}}
	c, _ := dial(t, f.start(t), client.Options{Key: "secret"})
	if out, err := c.Execute(limited(t), command("a")); err != nil || !out.GetReplayed() || ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("%v %v %q", out, err, ids)
	}
	if len(keys) != 2 || keys[1] != "Bearer secret" {
		t.Errorf("keys %q", keys)
	}
	for range 2 { // also after a doubtful attempt: the server looks for the id first
		if _, err := c.Execute(limited(t), command("a")); !is[*client.RequirementNotMet](err) {
			t.Error(err)
		}
	}
	if len(ids) != 5 {
		t.Errorf("%d calls", len(ids))
	}
}

func TestAListOfStatesThatLeadsBackIsAnError(t *testing.T) {
	f := &fakeAggregates{list: func(*stetv1.ListStatesRequest) (*stetv1.ListStatesResponse, error) {
		return &stetv1.ListStatesResponse{NextAfter: "b", Items: []*stetv1.ListStatesResponse_Item{{Id: "b"}}}, nil
	}}
	c, _ := dial(t, f.start(t), client.Options{})
	n := 0
	for _, err := range c.States(limited(t), &stetv1.ListStatesRequest{Type: "a"}) {
		if n++; n == 2 && !is[*client.ProtocolError](err) || n > 2 {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestAKeyThatNoHeaderCanHoldIsRefused(t *testing.T) {
	if err := (client.Options{Key: "a b"}).Validate(); err == nil {
		t.Error("accepted")
	}
}
