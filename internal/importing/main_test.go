package importing_test

import (
	"testing"
	_ "time/tzdata" // zones are the same on every machine

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
