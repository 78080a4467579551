package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMembersStopInReverseOrderOfTheirStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stopped []string // each writes before the next is stopped
	g := New(ctx)
	for _, name := range []string{"store", "operations", "grpc"} {
		g.Go(name, func(ctx context.Context) error {
			<-ctx.Done()
			stopped = append(stopped, name)
			return nil
		})
	}
	cancel()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"grpc", "operations", "store"}; !slices.Equal(stopped, want) {
		t.Errorf("stopped %v, want %v", stopped, want)
	}
}

func TestTheFirstFailureEndsAllAndNamesItself(t *testing.T) {
	broken := errors.New("broken")
	g := New(t.Context())
	g.Go("sound", func(ctx context.Context) error { <-ctx.Done(); return nil })
	g.Go("faulty", func(context.Context) error { return broken })
	err := g.Wait()
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "faulty: ") {
		t.Errorf("got %v, want faulty: broken", err)
	}
}

func TestFailuresWhileStoppingAreReportedToo(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	g := New(t.Context())
	g.Go("a", func(ctx context.Context) error { <-ctx.Done(); return second })
	g.Go("b", func(context.Context) error { return first })
	if err := g.Wait(); !errors.Is(err, first) || !errors.Is(err, second) {
		t.Errorf("got %v, want both", err)
	}
}

func TestAGroupEndsWhenAllAreDone(t *testing.T) {
	g := New(t.Context())
	g.Go("short", func(context.Context) error { return nil })
	g.Go("shorter", func(context.Context) error { return nil })
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if err := New(t.Context()).Wait(); err != nil {
		t.Error(err)
	}
}

func TestMembersKeepTheValuesOfTheContext(t *testing.T) {
	type key struct{}
	g := New(context.WithValue(t.Context(), key{}, "kept"))
	g.Go("reader", func(ctx context.Context) error {
		if ctx.Value(key{}) != "kept" {
			return errors.New("lost")
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAsyncGivesTheResult(t *testing.T) {
	broken := errors.New("broken")
	if err := <-Async(func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
