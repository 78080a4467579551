package tick_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/replay/tick"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse reads a value that a test wrote.
func parse(t testing.TB, text string) tick.Value {
	t.Helper()
	v, err := tick.ParseValue([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// compile makes a program that must compile.
func compile(t testing.TB, handler string) *tick.Program {
	t.Helper()
	p, faults := tick.Compile(parse(t, handler), "handler")
	if len(faults) > 0 {
		t.Fatalf("%s: %v", handler, faults)
	}
	return p
}
