package lifecycle_test

import (
	"testing"

	"github.com/stet-db/stet/internal/lifecycle"
)

func TestAGateIsEmptyWhenTheLastHasLeftAndLetsNobodyInAgain(t *testing.T) {
	g := lifecycle.NewGate()
	if !g.Enter() || !g.Enter() || g.Inside() != 2 {
		t.Fatal("an open gate lets everybody in")
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
