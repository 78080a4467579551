package stetload

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve gives the addresses of a server in this process.
func serve(t *testing.T) (addr, ops string) {
	t.Helper()
	s := start(t)
	return s.Addr().String(), s.OpsAddr().String()
}

// start runs a server in this process.
func start(t *testing.T) *server.Server {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store, err := embedded.Open(t.TempDir(), embedded.Options{Logger: quiet, DiskFloorBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(store, server.Config{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", Logger: quiet}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, store.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t *testing.T, addr string) *Driver {
	t.Helper()
	d, err := Dial(addr, Options{Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func head(t *testing.T, d *Driver) int64 {
	t.Helper()
	answer, err := d.conns[0].Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int64(answer.GetHead())
}

func payload(t *testing.T) *workload.Payload {
	t.Helper()
	p, err := workload.NewPayload(workload.StandardJSONBytes, workload.StandardMetadataBytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Without a warm-up everything that is appended is counted, but for what was
// under way at the end.
func TestEveryKindOfLoadCountsWhatTheLogGot(t *testing.T) {
	addr, _ := serve(t)
	d, p := connect(t, addr), payload(t)
	data := workload.Dataset{Name: "bench", Streams: 100, Length: 20}
	written := 0
	if err := d.Fill(t.Context(), data, p, func(n int) { written += n }); err != nil {
		t.Fatal(err)
	}
	if at := head(t, d); written != data.Events() || at != int64(written) {
		t.Fatalf("told of %d events, %d are there; want %d", written, at, data.Events())
	}
	for _, c := range []workload.Case{
		{Kind: workload.KindAppend, Clients: 4},
		{Kind: workload.KindAppend, Clients: 4, Batch: 10, RequestIDs: true},
		{Kind: workload.KindAppend, Clients: 4, ConflictPercent: 100},
		{Kind: workload.KindAppend, Clients: 2, InFlight: 8},
		{Kind: workload.KindAppend, Clients: 2, InFlight: 8, Batch: 10, ConflictPercent: 50},
		{Kind: workload.KindReadAll, Clients: 1},
		{Kind: workload.KindReadAll, Clients: 2, Raw: true},
		{Kind: workload.KindReadStreams, Clients: 4},
		{Kind: workload.KindReadStreams, Clients: 1, Hot: true},
		{Kind: workload.KindFanout, Clients: 4, Subscribers: 5},
		{Kind: workload.KindFanout, Clients: 4, Subscribers: 5, Raw: true},
		{Kind: workload.KindDelivery, Clients: 1},
		{Kind: workload.KindMixed, Clients: 2, Readers: 2, Subscribers: 2, Raw: true},
	} {
		t.Run(c.String(), func(t *testing.T) {
			before := head(t, d)
			round := measured(t, d, p, data, c)
			added := head(t, d) - before
			for _, part := range round.Parts {
				check(t, &c, &part, added)
			}
		})
	}
}

func check(t *testing.T, c *workload.Case, part *workload.Part, added int64) {
	t.Helper()
	batch := int64(max(c.Batch, 1))
	open := int64(c.Clients) * batch * int64(c.InFlight+1)
	times := int64(1)
	switch part.Name {
	case "deliver":
		times, open = int64(max(c.Subscribers, 1)), added // what was not yet delivered at the end is checked by the gaps
		if part.Gaps != 0 || part.Repeats != 0 {
			t.Errorf("%d gaps and %d repetitions", part.Gaps, part.Repeats)
		}
	case "append":
		if c.ConflictPercent == 100 && (part.Events != 0 || part.Conflicts != part.Ops || added != 0) {
			t.Errorf("counted %+v, added %d; want conflicts only", part.Counts, added)
		}
	default:
		added, open = 0, 0
		if part.Name == "read streams" && part.Events != part.Ops*20 {
			t.Errorf("%d events of %d streams of 20", part.Events, part.Ops)
		}
	}
	if part.Events+part.Conflicts == 0 {
		t.Errorf("%s counted nothing", part.Name)
	}
	if added > 0 && (part.Events > added*times || part.Events < (added-open)*times) {
		t.Errorf("%s counted %d events, %d times %d were added, %d may be open", part.Name, part.Events, times, added, open)
	}
}

func TestTheOperationsListenerTellsUsageAndProfiles(t *testing.T) {
	_, ops := serve(t)
	m, err := Metrics(t.Context(), ops)
	if err != nil {
		t.Fatal(err)
	}
	if u := UsageOf(m); u.CPU <= 0 || u.MemoryBytes <= 0 {
		t.Errorf("got %+v", u)
	}
	var profile bytes.Buffer
	if err := Profile(t.Context(), ops, time.Second, &profile); err != nil || profile.Len() == 0 {
		t.Errorf("a profile of %d bytes, %v", profile.Len(), err)
	}
	if _, err := Metrics(t.Context(), "127.0.0.1:1"); err == nil {
		t.Error("nobody answered, and there is no error")
	}
}

func TestARateIsZeroOrOneThatCanBeKept(t *testing.T) {
	for rate, fine := range map[float64]bool{
		0: true, 0.01: true, 1e7: true, -1: false, 1e-300: false, 0.009: false, 1.1e7: false, math.Inf(1): false, math.NaN(): false,
	} {
		j := Job{
			Rounds: 1, Connections: 1, Events: 100, StreamLength: 20, JSONBytes: 100, MetadataBytes: 64,
			Load: workload.Load{Duration: time.Second, Rate: rate},
		}
		if err := j.Validate(); fine != (err == nil) || err != nil && !strings.Contains(err.Error(), "0.01 to 10000000 operations a second") {
			t.Errorf("a rate of %g: %v", rate, err)
		}
	}
}

func TestALogThatIsNotEmptyIsNotFilledUnasked(t *testing.T) {
	addr, ops := serve(t)
	d := connect(t, addr)
	if _, err := d.conns[0].Append(t.Context(), client.Append{
		Stream: "cart-1", Expect: client.AnyVersion(), Events: []client.Event{{Type: "ItemAdded", JSON: "{}"}},
	}); err != nil {
		t.Fatal(err)
	}
	j := Job{
		Addr: addr, Ops: ops, Rounds: 2, Connections: 1, Events: 100, StreamLength: 20,
		JSONBytes: 100, MetadataBytes: 64, Load: workload.Load{Duration: 50 * time.Millisecond},
		Plan: workload.Plan{Kinds: []workload.Kind{workload.KindAppend, workload.KindReadStreams}, Clients: []int{2}},
	}
	_, err := j.Run(t.Context())
	var full *NotEmptyError
	if !errors.As(err, &full) || full.Events != 1 || head(t, d) != 1 {
		t.Fatalf("got %v with %d events; want a refusal", err, head(t, d))
	}
	j.Force = true
	r, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"append 2 x 1", "read-streams 2", "read-streams 2 hot", "durability sync", "100 B JSON"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
	// A slow machine counts processor time in steps of 10 ms.
	for ; r.Results[0].Summary.ServerCPUMicros.Median <= 0 && j.Load.Duration < 10*time.Second; j.Load.Duration *= 4 {
		if r, err = j.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Results) != 3 || len(r.Results[0].Rounds) != 2 || r.Results[0].Summary.ServerCPUMicros.Median <= 0 {
		t.Errorf("%d results, the first of %d rounds: %+v", len(r.Results), len(r.Results[0].Rounds), r.Results[0].Summary)
	}
}

// What was measured took its time, and is there also when the run is ended.
func TestTheRoundsBeforeARunWasEndedAreReported(t *testing.T) {
	addr, _ := serve(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	j := Job{
		Addr: addr, Rounds: 3, Connections: 1, Events: 100, StreamLength: 20, JSONBytes: 100, MetadataBytes: 64,
		Load: workload.Load{Duration: 50 * time.Millisecond},
		Plan: workload.Plan{Kinds: []workload.Kind{workload.KindAppend, workload.KindReadStreams}, Clients: []int{2}},
	}
	j.Doing = func(what string, _, _ int) {
		if strings.HasPrefix(what, "round 2 of 3: read-streams 2 hot") {
			end()
		}
	}
	r, err := j.Run(ctx)
	if !errors.Is(err, context.Canceled) || r == nil {
		t.Fatalf("got %v, %v", r, err)
	}
	var rounds []int
	for i := range r.Results {
		rounds = append(rounds, len(r.Results[i].Rounds))
	}
	if !slices.Equal(rounds, []int{2, 2, 1}) {
		t.Errorf("rounds %v; want 2, 2 and 1", rounds)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), "INCOMPLETE: ") || !strings.Contains(table.String(), "durability sync") {
		t.Errorf("%v:\n%s", err, table.String())
	}
}

func TestAJobNamesAllItsFaults(t *testing.T) {
	j := Job{Ops: "127.0.0.1:1", JSONBytes: 256, MetadataBytes: 64, Load: workload.Load{Rate: -1}}
	err := j.Validate()
	for _, fault := range []string{"0 rounds", "rounds of 0s", "rate of -1", "0 connections", "0 events", "operations listener"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not name %q", err, fault)
		}
	}
}
