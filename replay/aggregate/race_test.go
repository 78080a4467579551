package aggregate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// I4: what a condition has read, also of another aggregate, must still be so
// when the event is written.
func TestWhatAConditionHasReadIsCheckedWithTheAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := storagetest.NewModel()
		defer closed(t, m)
		s, err := aggregate.Open(t.Context(), m, aggregate.Options{Clock: newHandClock()})
		if err != nil {
			t.Fatal(err)
		}
		k := &kit{TB: t, Service: s, store: m}
		k.put(example(t, "users"))
		k.do(command("user", "u", "userCreated", `{"user_id":"u","email":"a@b.ch"}`, user))
		k.do(command("user", "u", "had_email_verified", "", user))
		release := m.Hold()
		changed := make(chan error, 1)
		go func() {
			_, err := s.Execute(t.Context(), command("user", "u", "had_email_changed", `{"email":"c@d.ch"}`, user))
			changed <- err
		}()
		synctest.Wait() // it waits in the store's queue
		posted := make(chan error, 1)
		go func() {
			_, err := s.Execute(t.Context(), command("ad", "1", "was_posted", `{"user_id":"u","type":"x"}`, user))
			posted <- err
		}()
		synctest.Wait() // judged on the verified e-mail, and behind the change
		release()
		if err := <-changed; err != nil {
			t.Fatal(err)
		}
		k.isRefusal(<-posted, "EMAIL_NOT_VERIFIED")
	})
}

// A command is judged anew a bounded number of times.
func TestACommandThatAlwaysMeetsOthersEndsWithTheConflict(t *testing.T) {
	attempts, armed := 0, false
	m := storagetest.NewModelWith(storagetest.ModelOptions{Refuse: func(a *storage.Append) error {
		if !armed {
			return nil
		}
		attempts++
		return &storage.ConflictError{Conflicts: []storage.Conflict{{Stream: a.Entries[0].Stream, Expected: storage.ExpectVersion(1), Actual: 2}}}
	}})
	t.Cleanup(func() { closed(t, m) })
	k := bank(t, m)
	k.do(open("a", 1))
	armed = true
	_, err := k.Execute(context.Background(), deposit("a", "1"))
	var conflict *storage.ConflictError
	if !errors.As(err, &conflict) || attempts != 16 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

// Whoever waits for the turn of another judgement leaves when the time is up.
func TestWaitingForATurnEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := storagetest.NewModel()
		defer closed(t, m)
		s, err := aggregate.Open(t.Context(), m, aggregate.Options{Clock: newHandClock()})
		if err != nil {
			t.Fatal(err)
		}
		k := &kit{TB: t, Service: s, store: m}
		k.put(example(t, "bank"))
		k.do(open("a", 1))
		k.do(open("b", 1))
		release := m.Hold()
		first := make(chan error, 1)
		go func() {
			_, err := s.Execute(t.Context(), withdraw("a", "1"))
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Execute(ctx, withdraw("a", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("behind another: %v", err)
		}
		other := make(chan error, 1)
		go func() { // another aggregate's turn is free
			_, err := s.Execute(t.Context(), withdraw("b", "1"))
			other <- err
		}()
		synctest.Wait()
		release()
		if err := errors.Join(<-first, <-other); err != nil {
			t.Error(err)
		}
		k.refused(withdraw("a", "1"), "INSUFFICIENT_FUNDS")
	})
}
