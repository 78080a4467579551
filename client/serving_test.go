package client_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage/embedded"
)

// running is a real server over a real store.
type running struct {
	addr string
	// stop drains the server and closes the store; safe to call twice.
	stop func()
}

// reporter is a test, or the process of all tests.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func serve(t reporter, dir string) *running {
	t.Helper()
	return serveOn(t, dir, nil)
}

// serveOn is serve on a file system; nil: the machine's.
func serveOn(t reporter, dir string, disk embedded.FileSystem) *running {
	t.Helper()
	return serveWith(t, dir, embedded.Options{FS: disk})
}

// serveWith is serve with options of the store, where they matter.
func serveWith(t reporter, dir string, o embedded.Options) *running {
	t.Helper()
	o.DiskFloorBytes, o.CacheBytes, o.MemTableBytes = -1, 8<<20, 4<<20
	o.Fatal = func(err error) { t.Errorf("commit: %v", err) }
	store, err := embedded.Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	s, err := server.New(store, server.Config{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", DrainTimeout: 10 * time.Second})
	if err != nil {
		t.Fatalf("new server: %v", err)
	}
	if err := s.Listen(context.Background()); err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return &running{addr: s.Addr().String(), stop: sync.OnceFunc(func() {
		cancel()
		served.Wait()
		if err := store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})}
}

// serveFor is serve until the end of the test.
func serveFor(t *testing.T, dir string) *running {
	t.Helper()
	s := serve(t, dir)
	t.Cleanup(s.stop)
	return s
}

func impatience(o client.Options) client.Options {
	o.Attempts, o.BackoffBase, o.BackoffMax = 50, time.Millisecond, 50*time.Millisecond
	return o
}

// impatient is a client with real, short waits.
func impatient(t *testing.T, addr string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(addr, impatience(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}
