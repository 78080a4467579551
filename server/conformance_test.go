package server_test

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/sequencer"
	"github.com/stet-db/stet/storage/storagetest"
)

// openRemote opens stores in file systems of their own, behind servers and
// clients of their own.
func openRemote() storagetest.Opener {
	systems := map[string]vfs.FS{}
	return func(tb testing.TB, dir string, variant int) storage.Store {
		if systems[dir] == nil {
			systems[dir] = vfs.NewMem()
		}
		o := [storagetest.Variants]embedded.Options{
			{},
			{TailBytes: 1 << 10},
			{Writer: sequencer.Options{BatchAppends: 2, QueueLimit: 3}},
		}[variant]
		o.FS, o.DiskFloorBytes = systems[dir], -1
		store, err := embedded.Open("store", o)
		if err != nil {
			tb.Fatal(err)
		}
		return serveRemote(tb, store)
	}
}

// A server and the Go client in between change no answer: unary and pipelined
// appends, conflicts, retries, reads both ways and by time, listings and
// subscriptions are what the model says, also after restarts.
func TestTheServerAnswersAsTheModelDoes(t *testing.T) {
	storagetest.Histories(t, 40)
	storagetest.RunMachine(t, openRemote(), storagetest.OverTheWire)
}

// Nor does it matter how many appends a pipeline has in flight.
func TestPipelinedAppendsAreAnsweredAsSingleOnes(t *testing.T) {
	storagetest.Histories(t, 15)
	storagetest.RunBatching(t, openRemote(), storagetest.OverTheWire)
}

// The histories above found this: a server stopped in the moment of its start
// ended with an error of its listener.
func TestAServerToldToStopBeforeItServesEndsInPeace(t *testing.T) {
	for range 20 { // its listener may win the race
		store := storagetest.NewModel()
		s, err := server.New(store, server.Config{Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatalf("Run: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
