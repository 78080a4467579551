package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/storage/embedded"
)

// example is one of the specifications of package spec.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "replay", "spec", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// governed is a server on a real store with a specification in force.
type governed struct {
	*serving
	stetv1.AggregatesClient
	events stetv1.EventStoreClient
}

func govern(t *testing.T, name string, change func(*Config)) *governed {
	t.Helper()
	store, err := embedded.Open(filepath.Join(t.TempDir(), "store"), embedded.Options{DiskFloorBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	run := serve(t, store, func(c *Config) {
		c.Snapshots = store
		if change != nil {
			change(c)
		}
	})
	conn := run.dial()
	g := &governed{run, stetv1.NewAggregatesClient(conn), stetv1.NewEventStoreClient(conn)}
	if name != "" {
		g.put(&stetv1.PutSpecRequest{Spec: example(t, name)})
	}
	return g
}

func (g *governed) put(req *stetv1.PutSpecRequest) *stetv1.PutSpecResponse {
	g.t.Helper()
	out, err := g.PutSpec(waiting(g.t), req)
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

var customer = &stetv1.EventMetadata{Actor: &stetv1.Actor{Type: "customer", Id: "c-1"}}

func command(id, event, data string) *stetv1.ExecuteRequest {
	return &stetv1.ExecuteRequest{Type: "account", Id: id, Metadata: customer, Events: []*stetv1.ProposedEvent{{Type: event, Data: data}}}
}

// do executes commands that are accepted, and gives the last answer.
func (g *governed) do(commands ...*stetv1.ExecuteRequest) *stetv1.ExecuteResponse {
	g.t.Helper()
	var out *stetv1.ExecuteResponse
	for _, c := range commands {
		var err error
		if out, err = g.Execute(waiting(g.t), c); err != nil {
			g.t.Fatalf("%v: %v", c, err)
		}
	}
	return out
}

// account is the story of seed 001: 1000 - 200 + 300 - 600.
func (g *governed) account(id string) *stetv1.ExecuteResponse {
	g.t.Helper()
	return g.do(
		command(id, "AccountCreated", `{"owner":"Ann","initial_balance":1000}`), command(id, "MoneyWithdrawn", `{"amount":200}`),
		command(id, "MoneyDeposited", `{"amount":300}`), command(id, "MoneyWithdrawn", `{"amount":600}`),
	)
}

func (g *governed) balance(req *stetv1.GetStateRequest) string {
	g.t.Helper()
	out, err := g.GetState(waiting(g.t), req)
	if err != nil {
		g.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(out.GetState().GetData(), `"balance":`)
	text, _, _ := strings.Cut(rest, ",")
	return text
}

func now(id string) *stetv1.GetStateRequest { return &stetv1.GetStateRequest{Type: "account", Id: id} }

func atLength(id string, n uint64) *stetv1.GetStateRequest {
	return &stetv1.GetStateRequest{Type: "account", Id: id, At: &stetv1.Point{At: &stetv1.Point_Length{Length: n}}}
}

func atTime(id string, at time.Time) *stetv1.GetStateRequest {
	return &stetv1.GetStateRequest{Type: "account", Id: id, At: &stetv1.Point{At: &stetv1.Point_Time{Time: timestamppb.New(at)}}}
}

// isRefused wants the code and reason.
func isRefused(t *testing.T, err error, code codes.Code, reason string) *status.Status {
	t.Helper()
	st := status.Convert(err)
	if st.Code() != code || reasonOf(st) != reason {
		t.Errorf("%v %s: %v; want %v %s", st.Code(), reasonOf(st), err, code, reason)
	}
	return st
}

// S1.10, S1.18, S2.1, S0.19, S0.20: what a balance is, and what it was.
func TestABalanceIsToldAsOfEveryLengthAndTime(t *testing.T) {
	moved := &movedClock{Source: clock.System()}
	g := govern(t, "bank", func(c *Config) { c.Clock = moved })
	var times []time.Time
	for _, c := range []*stetv1.ExecuteRequest{
		command("a", "AccountCreated", `{"owner":"Ann","initial_balance":1000}`), command("a", "MoneyWithdrawn", `{"amount":200}`),
		command("a", "MoneyDeposited", `{"amount":300}`), command("a", "MoneyWithdrawn", `{"amount":600}`),
	} {
		times = append(times, g.do(c).GetRecordedAt().AsTime())
		moved.move.Add(int64(time.Second))
	}
	for i, want := range []string{"1000", "800", "1100", "500"} {
		if got := g.balance(atLength("a", uint64(i+1))); got != want {
			t.Errorf("at length %d: %s, want %s", i+1, got, want)
		}
		if got := g.balance(atTime("a", times[i])); got != want {
			t.Errorf("at %v: %s, want %s", times[i], got, want)
		}
	}
	if got := g.balance(now("a")) + g.balance(atLength("a", 99)); got != "500500" {
		t.Errorf("now, and beyond the end: %s", got)
	}
	_, err := g.GetState(waiting(t), atTime("a", times[0].Add(-time.Microsecond)))
	isRefused(t, err, codes.NotFound, "BEFORE_FIRST_EVENT")
	_, err = g.GetState(waiting(t), now("nobody"))
	isRefused(t, err, codes.NotFound, "NOT_FOUND")
	g.do(command("b", "AccountCreated", `{"owner":"Bob"}`), command("b", "MoneyDeposited", `{"amount":50}`), command("b", "MoneyWithdrawn", `{"amount":20}`))
	if got := g.balance(now("b")); got != "30" {
		t.Errorf("b has %s", got)
	}
	list, err := g.ListStates(waiting(t), &stetv1.ListStatesRequest{Type: "account", Time: timestamppb.New(times[1])})
	if err != nil || len(list.GetItems()) != 1 || list.GetItems()[0].GetId() != "a" || list.GetItems()[0].GetState().GetLength() != 2 {
		t.Errorf("all accounts as of the second event: %v %v", list, err)
	}
	list, err = g.ListStates(waiting(t), &stetv1.ListStatesRequest{Type: "account", Where: `{"lt":["%.balance",100]}`})
	if err != nil || len(list.GetItems()) != 1 || list.GetItems()[0].GetId() != "b" {
		t.Errorf("the poor: %v %v", list, err)
	}
}

// S1.8, S2.13: many at once cannot overdraw, whichever call they take.
func TestARaceOfCommandsAndRawAppendsCannotOverdraw(t *testing.T) {
	g := govern(t, "bank", nil)
	g.do(command("a", "AccountCreated", `{"owner":"Ann","initial_balance":100}`))
	var all sync.WaitGroup
	var mu sync.Mutex
	accepted, reasons := 0, map[string]int{}
	for i := range 30 {
		all.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = g.Execute(waiting(t), command("a", "MoneyWithdrawn", `{"amount":10}`))
			} else {
				_, err = g.events.Append(waiting(t), raw("account-a", "MoneyWithdrawn", `{"amount":10}`))
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				accepted++
				return
			}
			reasons[reasonOf(status.Convert(err))]++
		})
	}
	all.Wait()
	delete(reasons, ReasonRequirementNotMet)
	delete(reasons, ReasonConflict)
	if got := g.balance(now("a")); got != fmt.Sprint(100-10*accepted) || accepted == 0 || len(reasons) > 0 {
		t.Errorf("%d withdrawals of 10 from 100 leave %s; refused also with %v", accepted, got, reasons)
	}
}

// raw is an append to the event store by a customer.
func raw(stream, event, data string) *stetv1.AppendRequest {
	a := oneEvent(stream)
	a.Events[0].Type, a.Events[0].Payload = event, &stetv1.NewEvent_Json{Json: data}
	a.Events[0].Metadata = map[string]string{"actor_type": "customer", "actor_id": "c-1"}
	return a
}

// S0.7, S1.7: what the specification refuses is refused in every call, and
// nothing is written; categories without one take everything.
func TestRawAppendsAreHeldToTheSpecificationInEveryCall(t *testing.T) {
	g := govern(t, "bank", nil)
	g.do(command("a", "AccountCreated", `{"owner":"Ann","initial_balance":100}`))
	pipeline, err := g.events.AppendPipeline(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	piped := func(a *stetv1.AppendRequest) (codes.Code, string) {
		t.Helper()
		if err := pipeline.Send(&stetv1.AppendPipelineRequest{Ticket: 1, Append: a}); err != nil {
			t.Fatal(err)
		}
		out, err := pipeline.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return codes.Code(out.GetError().GetCode()), out.GetError().GetReason()
	}
	binary := raw("account-a", "MoneyDeposited", "")
	binary.Events[0].Payload = &stetv1.NewEvent_Binary{Binary: []byte{1}}
	nobody := raw("account-a", "MoneyDeposited", `{"amount":1}`)
	nobody.Events[0].Metadata = nil
	for _, tc := range []struct {
		name    string
		a       *stetv1.AppendRequest
		code    codes.Code
		reason  string
		inPipe  codes.Code
		piped   string
		written bool
	}{
		{"schema", raw("account-a", "MoneyDeposited", `{"amount":-1}`), codes.InvalidArgument, "INVALID_DATA", codes.InvalidArgument, "INVALID_DATA", false},
		{"event", raw("account-a", "MoneyStolen", `{}`), codes.NotFound, "UNKNOWN_EVENT", codes.NotFound, "UNKNOWN_EVENT", false},
		{"bytes", binary, codes.InvalidArgument, "INVALID_DATA", codes.InvalidArgument, "INVALID_DATA", false},
		{"id", raw("account-a b", "MoneyDeposited", `{"amount":1}`), codes.InvalidArgument, "INVALID_ID", codes.InvalidArgument, "INVALID_ID", false},
		{"actor", nobody, codes.InvalidArgument, "INVALID_ACTOR", codes.InvalidArgument, "INVALID_ACTOR", false},
		{
			"condition", raw("account-a", "MoneyWithdrawn", `{"amount":101}`),
			codes.FailedPrecondition, "REQUIREMENT_NOT_MET", codes.InvalidArgument, "USE_EXECUTE", false,
		},
		{"other category", raw("note-1", "Anything", `[1]`), codes.OK, "", codes.OK, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := head(t, g)
			_, err := g.events.Append(waiting(t), tc.a)
			isRefused(t, err, tc.code, tc.reason)
			_, err = g.events.AppendAtomic(waiting(t), &stetv1.AppendAtomicRequest{Entries: []*stetv1.AppendAtomicRequest_Entry{
				{Stream: "other-1", Expectation: tc.a.GetExpectation(), Events: oneEvent("").GetEvents()},
				{Stream: tc.a.GetStream(), Expectation: tc.a.GetExpectation(), Events: tc.a.GetEvents()},
			}})
			isRefused(t, err, tc.code, tc.reason)
			if code, reason := piped(tc.a); code != tc.inPipe || reason != tc.piped {
				t.Errorf("in a pipeline %v %s, want %v %s", code, reason, tc.inPipe, tc.piped)
			}
			if grown := head(t, g) > before; grown != tc.written {
				t.Errorf("written: %v", grown)
			}
		})
	}
	if err := pipeline.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.events.Append(waiting(t), raw("account-a", "MoneyWithdrawn", `{"amount":40}`)); err != nil {
		t.Error(err)
	}
	if got := g.balance(now("a")); got != "60" {
		t.Errorf("balance %s", got)
	}
	isRefused(t, func() error { _, err := g.events.Append(waiting(t), oneEvent("$spec")); return err }(), codes.InvalidArgument, "INVALID_REQUEST")
}

func head(t *testing.T, g *governed) uint64 {
	t.Helper()
	out, err := g.events.GetHead(waiting(t), &stetv1.GetHeadRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return out.GetHead()
}

// S0.27, S2.12: lengths and request ids.
func TestACommandStatesALengthAndIsSafeToRepeat(t *testing.T) {
	g := govern(t, "bank", nil)
	zero, one := uint64(0), uint64(1)
	create := command("a", "AccountCreated", `{"owner":"Ann","initial_balance":10}`)
	create.PreviousLength, create.RequestId, create.WithState = &zero, "r-1", true
	first := g.do(create)
	again := g.do(create)
	if !again.GetReplayed() || first.GetReplayed() || again.GetPosition() != first.GetPosition() || again.GetIds()[0] != first.GetIds()[0] {
		t.Errorf("first %v, again %v", first, again)
	}
	if first.GetLength() != 1 || !strings.Contains(first.GetState(), `"balance":10`) || first.GetState() != again.GetState() {
		t.Errorf("%v", first)
	}
	other := command("a", "AccountCreated", `{"owner":"Eve","initial_balance":10}`)
	other.RequestId = "r-1"
	_, err := g.Execute(waiting(t), other)
	isRefused(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	deposit := command("a", "MoneyDeposited", `{"amount":1}`)
	deposit.PreviousLength = &one
	g.do(deposit)
	_, err = g.Execute(waiting(t), deposit)
	st := isRefused(t, err, codes.Aborted, "CONFLICT")
	if c, ok := st.Details()[1].(*stetv1.Conflict); !ok || c.GetActual() != 2 || c.GetExpected().GetVersion() != 1 {
		t.Errorf("%v", st.Details())
	}
	batch := &stetv1.ExecuteRequest{Type: "account", Id: "b", Metadata: customer, Events: []*stetv1.ProposedEvent{
		{Type: "AccountCreated", Data: `{"owner":"Bob"}`}, {Type: "MoneyDeposited", Data: `{"amount":"much"}`},
	}}
	_, err = g.Execute(waiting(t), batch)
	if st := isRefused(t, err, codes.InvalidArgument, "INVALID_DATA"); !strings.Contains(st.Message(), "events[1].data.amount") {
		t.Error(st.Message())
	}
	_, err = g.GetState(waiting(t), now("b"))
	isRefused(t, err, codes.NotFound, "NOT_FOUND")
}

// S0.22, S3 of the issue: changed handlers correct old streams at once, with
// snapshots there, and dropping all of those changes nothing.
func TestAChangedHandlerCountsAtOnceAndSnapshotsChangeNothing(t *testing.T) {
	g := govern(t, "", nil)
	text := strings.Replace(example(t, "bank"), `"snapshot_every": 100`, `"snapshot_every": 2`, 1)
	g.put(&stetv1.PutSpecRequest{Spec: text})
	g.account("a")
	g.until("snapshots made", func() bool {
		out, err := g.GetState(waiting(t), now("a"))
		return err == nil && out.GetSnapshot() == 4 && out.GetReplayed() == 0
	})
	full := now("a")
	full.FullReplay = true
	if got := g.balance(now("a")) + " " + g.balance(full); got != "500 500" {
		t.Error(got)
	}
	changed := strings.Replace(text, `"handler": {"decrement": {"target": "balance", "by": "$.data.amount"}}`,
		`"handler": {"decrement": {"target": "balance", "by": {"$add": ["$.data.amount", 1]}}}`, 1)
	out := g.put(&stetv1.PutSpecRequest{Spec: changed})
	if out.GetVersion() != 2 || !out.GetWritten() || len(out.GetChanges()) != 1 || out.GetChanges()[0].GetEvent() != "MoneyWithdrawn" {
		t.Errorf("%v", out)
	}
	if got := g.balance(now("a")) + " " + g.balance(atLength("a", 2)); got != "498 799" {
		t.Errorf("after the change: %s", got)
	}
	if _, err := g.DropSnapshots(waiting(t), &stetv1.DropSnapshotsRequest{}); err != nil {
		t.Error(err)
	}
	if got := g.balance(now("a")) + " " + g.balance(atLength("a", 2)); got != "498 799" {
		t.Errorf("after the drop: %s", got)
	}
}

// S0.2: versions of the specification.
func TestEveryVersionOfTheSpecificationStays(t *testing.T) {
	g := govern(t, "", nil)
	_, err := g.GetSpec(waiting(t), &stetv1.GetSpecRequest{})
	isRefused(t, err, codes.NotFound, "NO_SPECIFICATION")
	_, err = g.PutSpec(waiting(t), &stetv1.PutSpecRequest{Spec: `{"aggregate_types":{"a":{"events":{"e":{"handler":[{"fly":{}}],"color":1}}}}}`})
	isRefused(t, err, codes.InvalidArgument, "INVALID_SPECIFICATION")
	bank, cart := example(t, "bank"), example(t, "cart")
	if out := g.put(&stetv1.PutSpecRequest{Spec: bank, DryRun: true}); out.GetWritten() || out.GetVersion() != 1 {
		t.Errorf("dry run: %v", out)
	}
	g.put(&stetv1.PutSpecRequest{Spec: bank})
	if out := g.put(&stetv1.PutSpecRequest{Spec: bank}); out.GetWritten() || out.GetVersion() != 1 {
		t.Errorf("the same again: %v", out)
	}
	g.account("a")
	_, err = g.PutSpec(waiting(t), &stetv1.PutSpecRequest{Spec: cart})
	isRefused(t, err, codes.FailedPrecondition, "INCOMPATIBLE_CHANGE")
	stale := uint64(0)
	_, err = g.PutSpec(waiting(t), &stetv1.PutSpecRequest{Spec: cart, Force: true, PreviousLength: &stale})
	isRefused(t, err, codes.Aborted, "CONFLICT")
	g.put(&stetv1.PutSpecRequest{Spec: cart, Force: true})
	_, err = g.GetState(waiting(t), now("a"))
	isRefused(t, err, codes.NotFound, "UNKNOWN_TYPE")
	for v, want := range map[uint64]string{0: cart, 1: bank, 2: cart} {
		out, err := g.GetSpec(waiting(t), &stetv1.GetSpecRequest{Version: v})
		if err != nil || out.GetSpec() != want {
			t.Errorf("version %d is another text: %v", v, err)
		}
	}
	page, err := g.ListSpecVersions(waiting(t), &stetv1.ListSpecVersionsRequest{PageSize: 1})
	if err != nil || len(page.GetVersions()) != 1 || page.GetNextAfter() != 1 || page.GetVersions()[0].GetBytes() != uint64(len(bank)) {
		t.Errorf("%v %v", page, err)
	}
	_, err = g.GetSpec(waiting(t), &stetv1.GetSpecRequest{Version: 3})
	isRefused(t, err, codes.NotFound, "UNKNOWN_VERSION")
}

func TestAReadWaitsForAPositionAndNoLonger(t *testing.T) {
	g := govern(t, "bank", nil)
	last := g.account("a")
	req := now("a")
	req.MinPosition = last.GetPosition()
	if got := g.balance(req); got != "500" {
		t.Error(got)
	}
	req.MinPosition++
	req.Wait = durationpb.New(time.Millisecond)
	_, err := g.GetState(waiting(t), req)
	isRefused(t, err, codes.Unavailable, "POSITION_NOT_REACHED")
	req.MinPosition += 2_000_000
	_, err = g.GetState(waiting(t), req)
	isRefused(t, err, codes.OutOfRange, "POSITION_TOO_FAR")
}

// I11: when the server drains, nothing new is written.
func TestADrainingServerTakesNoCommand(t *testing.T) {
	g := govern(t, "bank", nil)
	g.service.Drain()
	_, err := g.Execute(waiting(t), command("a", "AccountCreated", `{"owner":"Ann"}`))
	isRefused(t, err, codes.Unavailable, "SHUTTING_DOWN")
	_, err = g.PutSpec(waiting(t), &stetv1.PutSpecRequest{Spec: "{}"})
	isRefused(t, err, codes.Unavailable, "SHUTTING_DOWN")
}

func TestTheDescriptorOfAggregatesHasAHandlerForEachMethod(t *testing.T) {
	ours, generated := aggregatesDesc(), stetv1.Aggregates_ServiceDesc
	for i, m := range ours.Methods {
		if g := generated.Methods[i]; m.MethodName != g.MethodName || m.Handler == nil || same(m.Handler, g.Handler) {
			t.Errorf("method %s, generated %s: the handler is missing or the generated one", m.MethodName, g.MethodName)
		}
	}
	if len(ours.Methods) != len(generated.Methods) || len(aggregatesHandlers()) != len(generated.Methods) || len(generated.Streams) > 0 {
		t.Error("methods and handlers differ")
	}
}
