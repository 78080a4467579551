package lifecycle_test

import (
	"testing"

	"github.com/stet-db/stet/internal/lifecycle"
)

func TestAGateIsEmptyWhenTheLastHasLeftAndLetsNobodyInAgain(t *testing.T) {
	g := lifecycle.NewGate()
	for range 2 {
		if !g.Enter() {
			t.Fatal("an open gate lets everybody in")
		}
	}
	if n := g.Inside(); n != 2 {
		t.Fatalf("%d are inside, want 2", n)
	}
	g.Leave()
	empty := g.Shut()
	if g.Enter() || g.Shut() != empty {
		t.Error("a shut gate lets nobody in, and stays shut")
	}
	select {
	case <-empty:
		t.Error("somebody is inside")
	default:
	}
	g.Leave()
	<-empty
	<-lifecycle.NewGate().Shut() // nobody ever was inside
}
