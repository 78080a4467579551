package embedded

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(untidy) != "" {
		os.Exit(m.Run()) //nolint:forbidigo // this is main, without the check for leaks
	}
	goleak.VerifyTestMain(m)
}
