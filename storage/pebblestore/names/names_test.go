package names

import (
	"errors"
	"testing"
)

func TestALogWithTooManyStreamsIsLeftAlone(t *testing.T) {
	n := New(true)
	done, err := n.Learn(nil, func() (uint64, error) { return filterNames + 1, nil }) // nothing is read
	if !done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
	if _, _, known := n.Get("order-1"); known {
		t.Error("a name is known to be new though none was learned")
	}
}

func TestLearningThatCannotBeginIsOver(t *testing.T) {
	failure := errors.New("unreadable")
	n := New(true)
	if done, err := n.Learn(nil, func() (uint64, error) { return 0, failure }); !done || !errors.Is(err, failure) {
		t.Errorf("got %v, %v", done, err)
	}
	if _, _, known := n.Get("order-1"); known {
		t.Error("a name is known to be new though none was learned")
	}
}
