package archtest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// check is one rule under its name.
type check struct {
	name string
	run  func(*Tree) ([]string, error)
}

// checks are all rules. What a rule cannot fail at is no error.
var checks = []check{
	{"imports", (*Tree).Imports},
	{"goroutines", (*Tree).Goroutines},
	{"doc links", (*Tree).DocLinks},
	{"documentation", sure((*Tree).Documentation)},
	{"fuzzing", sure((*Tree).Fuzzing)},
	{"sizes", (*Tree).Sizes},
	{"names", sure((*Tree).Names)},
	{"text", (*Tree).Text},
	{"links", (*Tree).Links},
}

func sure(f func(*Tree) []string) func(*Tree) ([]string, error) {
	return func(t *Tree) ([]string, error) { return f(t), nil }
}

func TestTheRepositoryKeepsItsRules(t *testing.T) {
	tree, err := Open("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			problems, err := c.run(tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				t.Error(p)
			}
		})
	}
}
