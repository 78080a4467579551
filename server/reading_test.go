package server_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/storagetest"
)

// reading is a service over a store and a generated client of it, with real
// gRPC in between.
type reading struct {
	t       testing.TB
	store   storage.Store
	service *server.Service
	client  stetv1.EventStoreClient
	n       uint64 // events appended
	end     func()
}

// startReading serves the store until the end of the test, or until end.
func startReading(t testing.TB, store storage.Store, o server.ServiceOptions) *reading {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	rpc := grpc.NewServer(grpc.ForceServerCodecV2(wire.NewCodec(o.Limits)))
	service := server.NewService(store, o)
	service.Register(rpc)
	served := make(chan error, 1)
	go func() { served <- rpc.Serve(listener) }() // ends with rpc.Stop
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{t: t, store: store, service: service, client: stetv1.NewEventStoreClient(conn)}
	stopped := false
	r.end = func() {
		if stopped {
			return
		}
		stopped = true
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		rpc.Stop()
		service.Wait()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.end)
	return r
}

// onEachStore runs a test over the reference model and over the real store.
func onEachStore(t *testing.T, test func(*testing.T, storage.Store)) {
	t.Run("model", func(t *testing.T) { test(t, storagetest.NewModel()) })
	t.Run("embedded", func(t *testing.T) { test(t, openEmbedded(t, embedded.Options{})) })
}

func openEmbedded(t testing.TB, o embedded.Options) *embedded.Store {
	t.Helper()
	o.DiskFloorBytes = -1
	store, err := embedded.Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// put appends one event to each of the streams, atomically, recorded at an
// instant.
func (r *reading) put(at storage.Instant, eventType string, bytes int, streams ...string) {
	r.t.Helper()
	entries := make([]storage.Entry, len(streams))
	for i, stream := range streams {
		r.n++
		json := fmt.Sprintf(`{"n":%d,"fill":%q}`, r.n, strings.Repeat("x", bytes))
		event := storagetest.Propose(r.n, eventType, json, fmt.Sprintf("third:%d", r.n%3))
		entries[i] = storagetest.Expect(stream, storage.ExpectAny(), event)
	}
	if _, err := r.store.Append(context.Background(), storagetest.One(at, entries...)); err != nil {
		r.t.Fatal(err)
	}
}

// refused checks code and reason of an error, and which fields it names.
func refused(t *testing.T, err error, code codes.Code, reason string, fields ...string) {
	t.Helper()
	st := status.Convert(err)
	gotReason, gotFields := "", []string{}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			gotReason = d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				gotFields = append(gotFields, v.GetField())
			}
		}
	}
	if st.Code() != code || gotReason != reason || strings.Join(gotFields, " ") != strings.Join(fields, " ") {
		t.Fatalf("got %v %s %v (%s), want %v %s %v", st.Code(), gotReason, gotFields, st.Message(), code, reason, fields)
	}
}
