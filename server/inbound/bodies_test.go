package inbound_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stet-db/stet/server/inbound"
)

// text is a body of so many bytes.
func text(bytes int) io.Reader { return strings.NewReader(strings.Repeat("x", bytes)) }

func never() {}

func readAll(t *testing.T, b *inbound.Body, want error) {
	t.Helper()
	if _, err := io.ReadAll(b); !errors.Is(err, want) {
		t.Errorf("reading ended with %v, want %v", err, want)
	}
}

// Nothing is done to a request from outside once its body has ended: its writer
// is no longer its own then.
func TestABodyEndsAfterItWasCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := inbound.NewBodies(1 << 20)
		cutting, release := make(chan struct{}), make(chan struct{})
		large := all.Begin(text(1<<20), func() { close(cutting); <-release })
		readAll(t, large, nil)
		go func() { _, _ = io.ReadAll(all.Begin(text(100), never)) }()
		<-cutting
		ended := make(chan struct{})
		go func() { large.End(); close(ended) }()
		synctest.Wait()
		select {
		case <-ended:
			t.Error("it ended while it was being cut")
		default:
		}
		close(release)
		<-ended
		if !large.GivenUp() {
			t.Error("the larger one was not given up")
		}
	})
}

// Large bodies that are whole and slow to be worked on keep other large ones out,
// and no small ones.
func TestSmallBodiesAreTakenBesideLargeOnesThatAreWhole(t *testing.T) {
	all := inbound.NewBodies(1 << 20)
	whole := all.Begin(text(1<<20), never)
	readAll(t, whole, nil)
	whole.Whole()
	small, large := all.Begin(text(inbound.SmallBody), never), all.Begin(text(inbound.SmallBody+1), never)
	readAll(t, small, nil)
	readAll(t, large, inbound.ErrBodiesFull)
	for _, b := range []*inbound.Body{whole, small, large, large, nil} {
		b.End()
	}
	if held, _, refused := all.Stats(); held != 0 || refused != 1 {
		t.Errorf("%d bytes are held and %d were refused, want 0 and 1", held, refused)
	}
}
