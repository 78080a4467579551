package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// second is one in instants.
const second = storage.Instant(1_000_000)

// handClock goes a second ahead with every append, unless it is stopped.
type handClock struct {
	now  atomic.Int64
	step atomic.Int64
}

func newHandClock() *handClock {
	c := new(handClock)
	c.now.Store(int64(1_700_000_000 * second))
	c.step.Store(int64(second))
	return c
}

// instant is that of the last append.
func (c *handClock) instant() storage.Instant { return storage.Instant(c.now.Load()) }

// Stamp fulfils [aggregate.Clock].
func (c *handClock) Stamp() (storage.Instant, error) {
	return storage.Instant(c.now.Add(c.step.Load())), nil
}

// caching is a store that also keeps snapshots, as both engines here do.
type caching interface {
	storage.Store
	storage.SnapshotCache
}

// kit is a service on a store, with a clock that the test sets.
type kit struct {
	testing.TB
	*aggregate.Service
	store caching
	clock *handClock
}

// newKit opens a service on the store and runs it until the test ends.
func newKit(tb testing.TB, store caching, specification string) *kit {
	tb.Helper()
	return newKitWith(tb, store, specification, aggregate.Options{})
}

func newKitWith(tb testing.TB, store caching, specification string, o aggregate.Options) *kit {
	tb.Helper()
	k := &kit{TB: tb, store: store, clock: newHandClock()}
	o.Clock, o.Snapshots = k.clock, store
	var err error
	k.Service, err = aggregate.Open(context.Background(), store, o)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := lifecycle.Async(func() error { return k.Run(ctx) })
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("run: %v", err)
		}
	})
	if specification != "" {
		k.put(specification)
	}
	return k
}

// example reads one of the specifications of package spec.
func example(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("..", "spec", "testdata", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// onEachStore runs the test on the reference model and on a real store on disk.
func onEachStore(t *testing.T, test func(t *testing.T, store caching)) {
	t.Run("model", func(t *testing.T) { test(t, newModel(t)) })
	t.Run("disk", func(t *testing.T) { test(t, onDisk(t)) })
}

func newModel(tb testing.TB) caching {
	m := storagetest.NewModel()
	tb.Cleanup(func() { closed(tb, m) })
	return m
}

func onDisk(tb testing.TB) caching {
	tb.Helper()
	return openDisk(tb, filepath.Join(tb.TempDir(), "store"))
}

func openDisk(tb testing.TB, dir string) *embedded.Store {
	tb.Helper()
	s, err := embedded.Open(dir, embedded.Options{DiskFloorBytes: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closed(tb, s) })
	return s
}

func closed(tb testing.TB, s storage.Store) {
	if err := s.Close(); err != nil {
		tb.Errorf("close: %v", err)
	}
}

// put puts a specification that is accepted.
func (k *kit) put(text string) aggregate.PutResult {
	k.Helper()
	out, err := k.PutSpec(context.Background(), aggregate.PutSpec{Text: []byte(text)})
	if err != nil {
		k.Fatalf("put specification: %v", err)
	}
	return out
}

var (
	customer = &aggregate.Actor{Type: "customer", ID: "c-1"}
	user     = &aggregate.Actor{Type: "user", ID: "550e8400-e29b-41d4-a716-446655440001"}
)

// command is one event.
func command(typ, id, event, data string, actor *aggregate.Actor) *aggregate.Command {
	return &aggregate.Command{
		Type: typ, ID: id,
		Events: []aggregate.NewEvent{{Type: event, Data: []byte(data), Metadata: aggregate.Metadata{Actor: actor}}},
	}
}

// do executes a command that is accepted.
func (k *kit) do(c *aggregate.Command) aggregate.Result {
	k.Helper()
	out, err := k.Execute(context.Background(), c)
	if err != nil {
		k.Fatalf("%s %s %s: %v", c.Type, c.ID, c.Events[0].Type, err)
	}
	return out
}

// refused executes a command that must be refused with the code, and writes
// nothing.
func (k *kit) refused(c *aggregate.Command, code string) aggregate.Refusal {
	k.Helper()
	head := k.store.Head()
	_, err := k.Execute(context.Background(), c)
	r := k.isRefusal(err, code)
	if k.store.Head() != head {
		k.Fatalf("a refused command moved the head from %d to %d", head, k.store.Head())
	}
	return r
}

func (k *kit) isRefusal(err error, code string) aggregate.Refusal {
	k.Helper()
	var r *aggregate.Refusal
	if !errors.As(err, &r) || r.Code != code {
		k.Fatalf("got %v (%T), want a refusal with %s", err, err, code)
	}
	return *r
}

// state is the state at a point, as JSON.
func (k *kit) state(typ, id string, at aggregate.Point) string {
	k.Helper()
	out, err := k.State(context.Background(), aggregate.StateQuery{Type: typ, ID: id, At: at})
	if err != nil {
		k.Fatalf("state of %s %s: %v", typ, id, err)
	}
	return out.Value.String()
}

// now wants a state.
func (k *kit) now(typ, id, want string) {
	k.Helper()
	if got := k.state(typ, id, aggregate.Point{}); got != want {
		k.Fatalf("state of %s %s: got %s, want %s", typ, id, got, want)
	}
}

func length(n storage.Version) *storage.Version { return &n }

// atLength is the point after n events.
func atLength(n storage.Version) aggregate.Point { return aggregate.Point{Length: &n} }

// atTime is the point of a time as clients write it.
func atTime(tb testing.TB, text string) aggregate.Point {
	tb.Helper()
	m, err := aggregate.ParseMoment(text)
	if err != nil {
		tb.Fatal(err)
	}
	return aggregate.Point{Time: &m}
}

func open(id string, balance int) *aggregate.Command {
	return command("account", id, "AccountCreated", fmt.Sprintf(`{"owner":"Ann","initial_balance":%d}`, balance), customer)
}

func deposit(id, amount string) *aggregate.Command {
	return command("account", id, "MoneyDeposited", `{"amount":`+amount+`}`, customer)
}

func withdraw(id, amount string) *aggregate.Command {
	return command("account", id, "MoneyWithdrawn", `{"amount":`+amount+`}`, customer)
}
