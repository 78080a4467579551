package storagetest

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheModelFulfilsThePort(t *testing.T) { Run(t, Models()) }

func TestModelsCannotBeToldApart(t *testing.T) { RunMachine(t, Models(), Everything) }

func TestBatchesDoNotChangeTheModelsAnswers(t *testing.T) { RunBatching(t, Models(), Everything) }

func TestAHeldModelFillsItsQueue(t *testing.T) {
	m := NewModelWith(ModelOptions{QueueLimit: 2})
	s := &subject{T: t, store: m}
	release := m.Hold()
	one := s.submit(t.Context(), One(1, Expect("a-1", storage.ExpectAny(), s.event())))
	two := s.submit(t.Context(), One(1, Expect("a-1", storage.ExpectAny(), s.event())))
	if _, err := m.Append(t.Context(), One(1, Expect("a-1", storage.ExpectAny(), s.event()))); !errors.Is(err, storage.ErrQueueFull) {
		t.Fatalf("append to a full queue: got %v, want %v", err, storage.ErrQueueFull)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Submit(ctx, One(1, Expect("a-1", storage.ExpectAny(), s.event())), func(storage.Appended, error) { t.Error("answered") }); !errors.Is(err, context.Canceled) {
		t.Fatalf("submit to a full queue without patience: got %v, want %v", err, context.Canceled)
	}
	three := make(chan error, 1)
	parallel(func() {
		err := m.Submit(t.Context(), One(1, Expect("a-1", storage.ExpectAny(), Propose(9, "Late", `{}`))), func(_ storage.Appended, err error) { three <- err })
		if err != nil {
			t.Errorf("submit that waits for room: %v", err)
		}
	}, release)
	for _, a := range []*submitted{one, two} {
		if _, err := a.wait(); err != nil {
			t.Fatalf("held append: %v", err)
		}
	}
	if err := <-three; err != nil {
		t.Fatalf("append that waited for room: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAModelRefusesAsTold(t *testing.T) {
	m := NewModelWith(ModelOptions{
		RequestIDLimit: 1,
		Refuse: func(a *storage.Append) error {
			if a.Entries[0].Stream == "full-1" {
				return &storage.DiskFloorError{Free: 1, Floor: 2}
			}
			return nil
		},
	})
	s := &subject{T: t, store: m}
	var floor *storage.DiskFloorError
	if _, err := m.Append(t.Context(), One(1, Expect("full-1", storage.ExpectAny(), s.event()))); !errors.As(err, &floor) {
		t.Fatalf("got %v, want the error that Refuse gave", err)
	}
	s.accept(WithRequestID(One(1, Expect("a-1", storage.ExpectAny(), s.event())), "one"))
	var full *storage.RequestsFullError
	if _, err := m.Append(t.Context(), WithRequestID(One(1, Expect("a-1", storage.ExpectAny(), s.event())), "two")); !errors.As(err, &full) || full.Limit != 1 {
		t.Fatalf("second request id of one allowed: got %v", err)
	}
	s.accept(WithRequestID(One(1+storage.InstantOf(storage.Instant(0).Time().Add(Week)), Expect("a-1", storage.ExpectAny(), s.event())), "two"))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkModel(b *testing.B) { Benchmarks(b, Models()) }
