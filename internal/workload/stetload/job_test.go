package stetload

import (
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/machine"
	"github.com/stet-db/stet/internal/workload"
)

func header(t *testing.T, s *subject) string {
	t.Helper()
	r, err := (&Job{}).report(&workload.Session{Payload: payload(t)}, s)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	return table.String()
}

// The disk of this process is not that of somebody else's server.
func TestOnlyTheDiskOfAServerStartedHereIsMeasured(t *testing.T) {
	if got := header(t, &subject{addr: "127.0.0.1:1"}); !strings.Contains(got, "sync      not measured") || strings.Contains(got, "fdatasync") {
		t.Errorf("of a running server:\n%s", got)
	}
	dir := t.TempDir()
	got := header(t, &subject{addr: "127.0.0.1:1", dir: dir})
	if !strings.Contains(got, " of a 512 byte write with fdatasync") || strings.Contains(got, "WARNING") != machine.InMemory(dir) {
		t.Errorf("of a server started here:\n%s", got)
	}
}

func TestFiguresOfADirectoryInMemoryCarryAWarning(t *testing.T) {
	const dir = "/dev/shm"
	if !machine.InMemory(dir) {
		t.Skip("there is no " + dir + " in memory on this machine")
	}
	if got := header(t, &subject{addr: "127.0.0.1:1", dir: dir}); !strings.Contains(got, "WARNING   the data are on a tmpfs") {
		t.Errorf("no warning:\n%s", got)
	}
}
