package stetload

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/workload"
)

// ruled is a server with an HTTP listener, and a driver that knows both.
func ruled(t *testing.T) *Driver {
	t.Helper()
	s := start(t)
	d, err := Dial(s.Addr().String(), Options{HTTP: s.HTTPAddr().String()})
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

// measured measures the case for as long as some operations need.
func measured(t *testing.T, d *Driver, p *workload.Payload, data workload.Dataset, c workload.Case) workload.Round {
	t.Helper()
	for window := 150 * time.Millisecond; ; window *= 2 {
		round, err := c.Run(t.Context(), d, p, data, workload.Load{Duration: window})
		if err != nil {
			t.Fatal(err)
		}
		if round.Parts[0].Ops > 0 || c.Kind == workload.KindFanout {
			return round
		}
	}
}

// What is measured is what it says: events are judged, and states are derived
// of all events of their streams.
func TestStatesAreReadOverHTTPAndAppendsAreJudged(t *testing.T) {
	d, p := ruled(t), payload(t)
	data := workload.Dataset{Name: "bench", Streams: 10, Length: 20}
	if err := d.Fill(t.Context(), data, p, func(int) {}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []workload.Case{
		{Kind: workload.KindState, Clients: 64},
		{Kind: workload.KindState, Clients: 2, SnapshotEvery: 10},
		{Kind: workload.KindAppend, Clients: 2},
		{Kind: workload.KindValidated, Clients: 2, Batch: 10, RequestIDs: true},
		{Kind: workload.KindValidated, Clients: 2, InFlight: 8},
	} {
		round := measured(t, d, p, data, c)
		part := &round.Parts[0]
		if c.Kind == workload.KindState && part.Events != part.Ops*20 {
			t.Errorf("%v: %+v", c, part.Counts)
		}
	}
	state, err := d.any().State(t.Context(), &stetv1.GetStateRequest{Type: "bench", Id: "3"})
	if err != nil || strings.Count(state.GetState().GetData(), ",") < 20 || len(state.GetState().GetWarnings()) > 0 {
		t.Errorf("the state is %v, %v", state, err)
	}
	// The one without rules takes anything, the other does not.
	for stream, refused := range map[string]bool{"benchload-1": false, "benchruled-1": true} {
		_, err := d.any().Append(t.Context(), client.Append{
			Stream: stream, Expect: client.AnyVersion(), Events: []client.Event{{Type: "OrderPlaced", JSON: `{"order":7}`}},
		})
		if refused != (err != nil) {
			t.Errorf("%s: %v", stream, err)
		}
	}
}

// A server's own specification is not replaced.
func TestASpecificationOfTheServersOwnStays(t *testing.T) {
	d := ruled(t)
	const own = `{"aggregate_types":{"cart":{"events":{"was_created":{}}}}}`
	if _, err := d.any().PutSpec(t.Context(), &stetv1.PutSpecRequest{Spec: own}); err != nil {
		t.Fatal(err)
	}
	_, err := workload.Case{Kind: workload.KindValidated, Clients: 1}.Run(t.Context(), d, payload(t), workload.Dataset{Name: "bench"}, workload.Load{Duration: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "would replace") {
		t.Errorf("%v", err)
	}
	if present, err := d.any().Spec(t.Context(), 0); err != nil || present.GetSpec() != own {
		t.Errorf("%v, %v", present, err)
	}
}

// Among other loads the one that cannot run leaves the server as it was.
func TestWithoutAnHTTPAddressNoSpecificationIsPutForStates(t *testing.T) {
	addr, _ := serve(t)
	d := connect(t, addr)
	_, err := workload.Case{Kind: workload.KindState, Clients: 1}.Run(t.Context(), d, payload(t), workload.Dataset{Name: "bench", Streams: 1, Length: 1}, workload.Load{Duration: time.Millisecond})
	if !errors.Is(err, workload.ErrUnsupported) {
		t.Errorf("%v; want that it is not there", err)
	}
	var missing *client.NotFound
	if present, err := d.any().Spec(t.Context(), 0); !errors.As(err, &missing) {
		t.Errorf("there is a specification: %v, %v", present, err)
	}
}
