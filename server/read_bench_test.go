package server_test

import (
	"slices"
	"testing"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/storagetest"
)

// benchEvents is how many events of about 410 stored bytes the log has.
const benchEvents = 20_000

func benchLog(b *testing.B) *reading {
	b.Helper()
	store := openEmbedded(b, embedded.Options{})
	event := storagetest.Propose(1, "OrderPlaced", `{"fill":"`+string(slices.Repeat([]byte("x"), 300))+`"}`)
	entry := storagetest.Expect("order-1", storage.ExpectAny(), slices.Repeat([]storage.NewEvent{event}, 1000)...)
	for range benchEvents / 1000 {
		if _, err := store.Append(b.Context(), storagetest.One(1, entry)); err != nil {
			b.Fatal(err)
		}
	}
	return startReading(b, store, server.ServiceOptions{})
}

// BenchmarkReadAll includes the client, which decodes every event.
func BenchmarkReadAll(b *testing.B) {
	r := benchLog(b)
	b.ReportAllocs()
	for b.Loop() {
		stream, err := r.client.ReadAll(b.Context(), &stetv1.ReadAllRequest{})
		if err != nil {
			b.Fatal(err)
		}
		for n := 0; n < benchEvents; {
			m, err := stream.Recv()
			if err != nil {
				b.Fatal(err)
			}
			n += len(m.GetEvents())
		}
	}
	b.ReportMetric(float64(b.N)*benchEvents/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSubscribe catches up from the beginning.
func BenchmarkSubscribe(b *testing.B) {
	r := benchLog(b)
	b.ReportAllocs()
	for b.Loop() {
		s, err := r.subscribe(&stetv1.SubscribeRequest{})
		if err != nil {
			b.Fatal(err)
		}
		for len(s.events) < benchEvents {
			s.next()
		}
		s.cancel()
	}
	b.ReportMetric(float64(b.N)*benchEvents/b.Elapsed().Seconds(), "events/s")
}
