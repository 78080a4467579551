package head_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/head"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHeadNeverFalls(t *testing.T) {
	h := head.New(5)
	h.Publish(9)
	h.Publish(7)
	if got := h.Current(); got != 9 {
		t.Fatalf("head is %d after publishing 9 and 7, want 9", got)
	}
}

func TestAwaitReturnsAtOnceWhenTheHeadIsAbove(t *testing.T) {
	h := head.New(5)
	got, err := h.Await(t.Context(), 4)
	if got != 5 || err != nil {
		t.Fatalf("Await(4) at head 5: %d, %v", got, err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	h := head.New(5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Await(ctx, 5); !errors.Is(err, context.Canceled) {
		t.Fatalf("Await with a cancelled context: %v", err)
	}
}

func TestCloseEndsAllWaitingAndFreezesTheHead(t *testing.T) {
	h := head.New(5)
	failed := make(chan error)
	for range 3 {
		go func() {
			_, err := h.Await(t.Context(), 5)
			failed <- err
		}()
	}
	h.Close()
	h.Close()
	for range 3 {
		if err := <-failed; !errors.Is(err, storage.ErrShuttingDown) {
			t.Fatalf("Await after Close: %v", err)
		}
	}
	h.Publish(6)
	if got := h.Current(); got != 5 {
		t.Fatalf("head moved to %d after Close", got)
	}
}

// Each waiter follows the head on its own; a lost wake-up would hang the test.
func TestNoWakeUpIsLost(t *testing.T) {
	const last = 2000
	h := head.New(0)
	var waiters sync.WaitGroup
	for range 8 {
		waiters.Go(func() {
			for at := storage.Position(0); at < last; {
				next, err := h.Await(t.Context(), at)
				if err != nil || next <= at {
					t.Errorf("Await(%d): %d, %v", at, next, err)
					return
				}
				at = next
			}
		})
	}
	for p := storage.Position(1); p <= last; p++ {
		h.Publish(p)
	}
	waiters.Wait()
}
