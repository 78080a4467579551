package aggregates

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/clock"
	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// example is the bank of package spec.
func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "replay", "spec", "testdata", "bank.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// governed is the API on a real store, with a bank's specification in force.
type governed struct {
	*API
	t        *testing.T
	store    storage.Store
	draining bool
}

func govern(t *testing.T) *governed {
	t.Helper()
	store, err := embedded.Open(filepath.Join(t.TempDir(), "store"), embedded.Options{DiskFloorBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := aggregate.Open(t.Context(), store, aggregate.Options{
		Clock: clock.New(clock.System(), slog.New(slog.DiscardHandler)), Limits: storage.Limits{}.WithDefaults(), Snapshots: store,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	running := lifecycle.Async(func() error { return rules.Run(ctx) })
	t.Cleanup(func() {
		stop()
		if err := <-running; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	g := &governed{t: t, store: store}
	g.API = New(rules, func() bool { return g.draining })
	if _, err := g.PutSpec(t.Context(), &stetv1.PutSpecRequest{Spec: example(t)}); err != nil {
		t.Fatal(err)
	}
	return g
}

var customer = &stetv1.EventMetadata{Actor: &stetv1.Actor{Type: "customer", Id: "c-1"}}

func command(id, event, data string) *stetv1.ExecuteRequest {
	return &stetv1.ExecuteRequest{Type: "account", Id: id, Metadata: customer, Events: []*stetv1.ProposedEvent{{Type: event, Data: data}}}
}

// account is the story of seed 001: 1000 - 200 + 300 - 600.
func (g *governed) account(id string) {
	g.t.Helper()
	for _, c := range []*stetv1.ExecuteRequest{
		command(id, "AccountCreated", `{"owner":"Ann","initial_balance":1000}`), command(id, "MoneyWithdrawn", `{"amount":200}`),
		command(id, "MoneyDeposited", `{"amount":300}`), command(id, "MoneyWithdrawn", `{"amount":600}`),
	} {
		if _, err := g.Execute(g.t.Context(), c); err != nil {
			g.t.Fatalf("%v: %v", c, err)
		}
	}
}
